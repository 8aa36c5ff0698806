import { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import { ADTS_HEADER_BYTES, AdtsWriter, MAX_ADTS_FRAME_BYTES } from '../../containers/adts/index.ts';
import type { ByteLog, CatchUp, Packager, WireFormat } from '../../hub/ports.ts';
import { GrowingBytes } from '../../hub/slab-log.ts';
import { readAacConfig } from '../../media/codecs/aac.ts';
import type { Frame } from '../../media/frame.ts';
import { bodyEnd, framed, type BodyFraming } from './body-framing.ts';
import { SharedCut } from './shared-cut.ts';

/** Settings of a body of sound alone. */
export interface AudioFormatOptions {
  readonly codec: 'aac' | 'mp3';
  readonly framing: BodyFraming;
}

/** AAC as ADTS frames, or MP3 frames as they are, as an endless body. There are no times in it. */
export function audioFormat({ codec, framing }: AudioFormatOptions): WireFormat {
  return {
    key: `${codec}:${framing}:a`,
    tracks: 'a',
    declaresTracks: false,
    wantsCachedSound: true,
    createPackager: () => new AudioPackager(codec, framing),
  };
}

/** Where a run of bytes goes. */
interface Sink {
  reserve(size: number): { readonly buffer: Buffer; readonly offset: number };
}

class AudioPackager implements Packager {
  readonly #codec: 'aac' | 'mp3';
  readonly #framing: BodyFraming;
  readonly #cut: SharedCut;
  #adts: AdtsWriter | undefined;
  #config: Buffer | undefined;
  /** The bytes of the last joiner: those who come before the next frame share them. */
  #joinedWith: readonly Frame[] | undefined;
  #joinBytes: Buffer | undefined;

  constructor(codec: 'aac' | 'mp3', framing: BodyFraming) {
    this.#codec = codec;
    this.#framing = framing;
    this.#cut = new SharedCut(framing);
  }

  append(frame: Frame, log: ByteLog): void {
    this.write(frame, log);
    this.#joinBytes = undefined;
    this.#joinedWith = undefined;
  }

  cut(log: ByteLog, from: number, to: number): Buffer {
    return this.#cut.cut(log, from, to);
  }

  catchUp(): CatchUp {
    return new AudioCatchUp(this);
  }

  trailer(): Buffer {
    return bodyEnd(this.#framing);
  }

  /** Writes one frame; nothing of another codec, and nothing of AAC before its config record. */
  write(frame: Frame, sink: Sink): void {
    if (frame.codec !== this.#codec) return;
    if (frame.isConfig) {
      this.#configure(frame.payload);
      return;
    }
    const { flvBody, payloadOffset } = frame;
    const size = flvBody.length - payloadOffset;
    if (size <= 0) return;
    if (this.#codec === 'mp3') {
      const { buffer, offset } = sink.reserve(size);
      flvBody.copy(buffer, offset, payloadOffset);
      return;
    }
    if (this.#adts === undefined || size > MAX_ADTS_FRAME_BYTES - ADTS_HEADER_BYTES) return;
    const { buffer, offset } = sink.reserve(ADTS_HEADER_BYTES + size);
    flvBody.copy(buffer, this.#adts.write(buffer, offset, size), payloadOffset);
  }

  /** The body's first bytes: `frames`, which are the same list for all who come before the next frame. */
  bytesOf(frames: readonly Frame[]): Buffer {
    if (this.#joinBytes !== undefined && this.#joinedWith === frames) return this.#joinBytes;
    const raw = new GrowingBytes(0);
    for (const frame of frames) this.write(frame, raw);
    const bytes = framed(this.#framing, raw.view());
    this.#joinedWith = frames;
    this.#joinBytes = bytes;
    return bytes;
  }

  #configure(record: Buffer): void {
    if (this.#config?.equals(record) === true) return;
    this.#config = Buffer.from(record);
    try {
      this.#adts = new AdtsWriter(readAacConfig(record));
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      this.#adts = undefined; // Nothing can be sent; the viewer's own watch tells why.
    }
  }
}

class AudioCatchUp implements CatchUp {
  readonly #packager: AudioPackager;
  #media: readonly Frame[] = [];

  constructor(packager: AudioPackager) {
    this.#packager = packager;
  }

  add(frames: readonly Frame[]): void {
    let media = 0;
    for (const frame of frames) {
      if (frame.isConfig) this.#packager.write(frame, NOWHERE);
      else media += 1;
    }
    if (media === 0) return;
    this.#media = this.#media.length === 0 ? frames : [...this.#media, ...frames];
  }

  bytes(): Buffer {
    return this.#packager.bytesOf(this.#media);
  }
}

/** Config records are read, never written. */
const NOWHERE: Sink = {
  reserve: () => {
    throw new RangeError('a config record has no place in the body');
  },
};
