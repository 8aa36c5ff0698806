import type { Buffer } from 'node:buffer';

/** What a chunk stream remembers from its last header, and the message that is under way on it. */
export class ChunkStream {
  readonly csid: number;
  typeId = 0;
  streamId = 0;
  length = 0;
  timestamp = 0;
  /** Last time on the wire: the timestamp of a type 0 header, the delta of the others. */
  time = 0;
  extended = false;
  absolute = false;
  /** A message has begun and is not complete. */
  open = false;
  received = 0;
  body: Buffer | undefined = undefined;

  constructor(csid: number) {
    this.csid = csid;
  }
}

/** One byte. Unchecked: the caller has looked at the bounds (a read beyond them is undefined, not unsafe). */
export function u8(bytes: Buffer, at: number): number {
  return bytes[at] as number;
}

/** Unsigned 24-bit, big-endian. Unchecked. */
export function u24(bytes: Buffer, at: number): number {
  return (u8(bytes, at) << 16) | (u8(bytes, at + 1) << 8) | u8(bytes, at + 2);
}

/** Unsigned 32-bit, big-endian. Unchecked. */
export function u32(bytes: Buffer, at: number): number {
  return ((u8(bytes, at) << 24) | u24(bytes, at + 1)) >>> 0;
}

/** How the bytes from `at` to `end` compare with a 32-bit number: all four equal, a prefix of it, or different. */
export function matches(bytes: Buffer, at: number, end: number, value: number): 'yes' | 'no' | 'short' {
  for (let i = 0; i < 4; i++) {
    if (at + i >= end) return 'short';
    if (u8(bytes, at + i) !== ((value >>> (24 - 8 * i)) & 0xff)) return 'no';
  }
  return 'yes';
}
