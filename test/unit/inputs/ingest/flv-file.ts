import { Buffer } from 'node:buffer';
import { flvHeader, sizeOfTag, writeTag } from '../../../../src/containers/flv/index.ts';
import type { ReadableFile } from '../../../../src/storage/reading.ts';

/** A tag to be written: type, timestamp, body as hex. */
export type TagSpec = readonly [typeId: number, timestamp: number, body: string];

export const METADATA = '02000a6f6e4d65746144617461 08000000000000 09';
export const AVC_CONFIG = '17 00000000 014d401effe1000167010001 68';
export const AAC_CONFIG = 'af 00 1190';
export const KEY = '17 01000000 0000000165';
export const INTER = '27 01000000 0000000141';
export const RAW_AAC = 'af 01 21';

/** The bytes of an FLV file. */
export function flvFile(tags: readonly TagSpec[]): Buffer {
  const bodies = tags.map(([, , body]) => Buffer.from(body.replaceAll(' ', ''), 'hex'));
  const head = flvHeader({ audio: true, video: true });
  const out = Buffer.alloc(bodies.reduce((sum, body) => sum + sizeOfTag(body.length), head.length));
  let at = head.copy(out);
  tags.forEach(([typeId, timestamp], i) => {
    at = writeTag(out, at, typeId, timestamp, bodies[i] ?? Buffer.alloc(0));
  });
  return out;
}

/** Metadata, config records, then video at `fps` and AAC of 48 kHz, each up to `ms`, in the order of their timestamps. */
export function clip(ms: number, fps: number, from = 0): TagSpec[] {
  const media: TagSpec[] = [];
  for (let i = 0; (i * 1000) / fps < ms - 1e-6; i++) {
    media.push([9, from + Math.round((i * 1000) / fps), i === 0 ? KEY : INTER]);
  }
  for (let i = 0; (i * 1024) / 48 < ms - 1e-6; i++)
    media.push([8, from + Math.round((i * 1024) / 48), RAW_AAC]);
  media.sort((a, b) => a[1] - b[1]);
  return [[18, 0, METADATA], [9, 0, AVC_CONFIG], [8, 0, AAC_CONFIG], ...media];
}

/** A file in memory that counts how often it is opened and closed. */
export class MemoryFile {
  bytes: Buffer;
  opened = 0;
  closed = 0;
  readonly #chunkBytes: number;

  constructor(bytes: Buffer, chunkBytes = 4096) {
    this.bytes = bytes;
    this.#chunkBytes = chunkBytes;
  }

  readonly open = (): Promise<ReadableFile> => {
    this.opened += 1;
    const { bytes } = this;
    const size = this.#chunkBytes;
    let isClosed = false;
    return Promise.resolve({
      // eslint-disable-next-line @typescript-eslint/require-await -- The port is asynchronous.
      async *chunks() {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
        return undefined;
      },
      close: () => {
        if (!isClosed) this.closed += 1;
        isClosed = true;
        return Promise.resolve();
      },
    });
  };
}
