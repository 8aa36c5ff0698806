import type { Buffer } from 'node:buffer';
import { TsDemuxer } from '../../containers/mpegts/index.ts';
import type { Frame } from '../../media/frame.ts';

const PACKET_BYTES = 188;
const SYNC_BYTE = 0x47;
/** What of the file's beginning and end is looked at for times, bytes. */
const LOOK_BYTES = PACKET_BYTES * 16_384;
/** The clock of MPEG-TS has 33 bits at 90 kHz, ms. Spec: ISO/IEC 13818-1, 2.4.3.7. */
const WRAP_MS = 2 ** 33 / 90;
/** Of the last frame, which no other tells. */
const FRAME_MS = 40;

export interface TsEnd {
  /** End of the last whole picture or sound. */
  readonly end: number;
  readonly durationMs: number;
  readonly hasMedia: boolean;
  /** Where a frame that goes on would be, ms from the file's clock. */
  readonly nextMs: number;
}

/** Where an MPEG-TS file ends that was cut anywhere, and its times, from its first and last megabytes. */
export async function tsEnd(
  read: (at: number, bytes: number) => Promise<Buffer>,
  size: number,
): Promise<TsEnd> {
  let end = size - (size % PACKET_BYTES);
  // A file system may leave zeros where a write was lost.
  let tail = await read(Math.max(0, end - LOOK_BYTES), Math.min(end, LOOK_BYTES));
  while (tail.length > 0 && tail[tail.length - PACKET_BYTES] !== SYNC_BYTE) {
    tail = tail.subarray(0, tail.length - PACKET_BYTES);
    end -= PACKET_BYTES;
    if (tail.length === 0 && end > 0)
      tail = await read(Math.max(0, end - LOOK_BYTES), Math.min(end, LOOK_BYTES));
  }
  const torn = tornBytes(tail);
  tail = tail.subarray(0, tail.length - torn);
  end -= torn;
  const first = timesOf(await read(0, Math.min(end, LOOK_BYTES)));
  const last = timesOf(tail);
  if (first === undefined || last === undefined) return { end, durationMs: 0, hasMedia: false, nextMs: 0 };
  const span = last.latest - first.earliest;
  const durationMs = (span < 0 ? span + WRAP_MS : span) + FRAME_MS;
  return { end, durationMs, hasMedia: true, nextMs: last.latest + FRAME_MS };
}

/** What at the end of these packets is the beginning of a PES packet: decoders complain of a picture that is cut off. */
function tornBytes(packets: Buffer): number {
  const last = packets.length - PACKET_BYTES;
  // Packets without payload have a clock alone, between what others carry.
  if (last < 0 || payloadOf(packets, last) >= packets.length) return 0;
  const pid = pidOf(packets, last);
  let bytes = 0;
  for (let at = last; at >= 0 && pidOf(packets, at) === pid; at -= PACKET_BYTES) {
    const payload = payloadOf(packets, at);
    bytes += at + PACKET_BYTES - payload;
    if ((packets.readUInt8(at + 1) & 0x40) === 0) continue;
    const isPes = payload + 6 <= at + PACKET_BYTES && packets.readUIntBE(payload, 3) === 1;
    if (!isPes) return 0; // A table, which is one packet.
    const length = packets.readUInt16BE(payload + 4);
    // A length that is not told is that of a large picture. Its last packet is filled up, unless it is full by chance.
    const isWhole = length > 0 ? bytes >= length + 6 : at < last && isFilledUp(packets, last);
    return isWhole ? 0 : packets.length - at;
  }
  return 0;
}

function pidOf(packets: Buffer, at: number): number {
  return packets.readUInt16BE(at + 1) & 0x1fff;
}

/** Where the payload begins, behind the adaptation field if there is one; the packet's end where there is none. */
function payloadOf(packets: Buffer, at: number): number {
  const control = packets.readUInt8(at + 3) & 0x30;
  if (control === 0x20) return at + PACKET_BYTES;
  return at + 4 + (control === 0x30 ? 1 + packets.readUInt8(at + 4) : 0);
}

function isFilledUp(packets: Buffer, at: number): boolean {
  return (packets.readUInt8(at + 3) & 0x30) === 0x30;
}

function timesOf(bytes: Buffer): { earliest: number; latest: number } | undefined {
  const demuxer = new TsDemuxer();
  const frames: Frame[] = [...demuxer.push(bytes), ...demuxer.end()].filter(({ isConfig }) => !isConfig);
  const first = frames[0];
  if (first === undefined) return undefined;
  let earliest = first.dts;
  let latest = first.dts;
  for (const { dts } of frames) {
    earliest = Math.min(earliest, dts);
    latest = Math.max(latest, dts);
  }
  return { earliest, latest };
}
