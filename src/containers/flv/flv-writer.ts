import { Buffer } from 'node:buffer';

/** Bytes before a tag's body. Spec: FLV 10.1, E.4.1. */
export const TAG_HEADER_BYTES = 11;

/** The size of the preceding tag, which follows each tag. Spec: FLV 10.1, E.3. */
const PREVIOUS_TAG_SIZE_BYTES = 4;

/** Which kinds of tags a file or stream has. */
export interface FlvContents {
  readonly audio: boolean;
  readonly video: boolean;
}

/** The 9-byte file header and the first, empty previous-tag-size: 13 bytes. Spec: FLV 10.1, E.2 and E.3. */
export function flvHeader(contents: FlvContents): Buffer {
  const flags = (contents.audio ? 0x04 : 0) | (contents.video ? 0x01 : 0);
  return Buffer.from([0x46, 0x4c, 0x56, 0x01, flags, 0, 0, 0, 9, 0, 0, 0, 0]);
}

/** Bytes that `writeTag` fills for a body of `bodyBytes`: tag header, body and previous-tag-size. */
export function sizeOfTag(bodyBytes: number): number {
  return TAG_HEADER_BYTES + bodyBytes + PREVIOUS_TAG_SIZE_BYTES;
}

/**
 * Writes one tag at `at` and returns the position after it. `timestamp` is in ms and is written modulo 2^32 (its upper
 * eight bits in the extension byte). The body's length must fit 24 bits.
 */
export function writeTag(buf: Buffer, at: number, typeId: number, timestamp: number, body: Buffer): number {
  const size = body.length;
  // ToUint32 is exact modulo 2^32 up to 2^53, far beyond any unwrapped stream time.
  const time = timestamp >>> 0;
  buf[at] = typeId;
  buf[at + 1] = size >>> 16;
  buf[at + 2] = size >>> 8;
  buf[at + 3] = size;
  buf[at + 4] = time >>> 16;
  buf[at + 5] = time >>> 8;
  buf[at + 6] = time;
  buf[at + 7] = time >>> 24;
  buf[at + 8] = 0;
  buf[at + 9] = 0;
  buf[at + 10] = 0;
  body.copy(buf, at + TAG_HEADER_BYTES);
  const end = at + TAG_HEADER_BYTES + size;
  buf.writeUInt32BE(TAG_HEADER_BYTES + size, end);
  return end + PREVIOUS_TAG_SIZE_BYTES;
}
