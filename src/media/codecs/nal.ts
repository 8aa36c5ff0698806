import { Buffer } from 'node:buffer';

/** Parameter sets are some ten bytes; encoders that put more than this into one are not believed. */
export const MAX_PARAMETER_SET_BYTES = 4096;

/**
 * Walks the NAL units of an access unit in length-prefixed form (ISO/IEC 14496-15, 5.3.3) without copying:
 * `while (walk.next()) … walk.start, walk.end`. A unit that is longer than what is left ends the walk and sets `truncated`.
 */
export class NalWalk {
  readonly #bytes: Buffer;
  readonly #lengthSize: number;
  #at: number;
  /** Position of the current unit's first byte (its header), after `next()` was true. */
  start = 0;
  /** Position after its last byte. */
  end = 0;
  truncated = false;

  /** `lengthSize` is the size of the prefix in bytes, 1, 2 or 4; `from` is where the first prefix begins. */
  constructor(bytes: Buffer, lengthSize: number, from = 0) {
    this.#bytes = bytes;
    this.#lengthSize = lengthSize;
    this.#at = from;
  }

  next(): boolean {
    const bytes = this.#bytes;
    for (;;) {
      const start = this.#at + this.#lengthSize;
      if (start > bytes.length) {
        this.truncated ||= this.#at < bytes.length;
        return false;
      }
      const size = bytes.readUIntBE(this.#at, this.#lengthSize);
      if (size > bytes.length - start) {
        this.truncated = true;
        return false;
      }
      this.start = start;
      this.end = start + size;
      this.#at = this.end;
      // Some encoders pad with units of no bytes: there is nothing in them.
      if (size > 0) return true;
    }
  }
}

/** A NAL unit without its emulation prevention bytes (00 00 03 → 00 00). Spec: H.264, 7.4.1; H.265, 7.4.2. */
export function withoutEmulationPrevention(unit: Buffer): Buffer {
  const out = Buffer.allocUnsafe(unit.length);
  let size = 0;
  let zeros = 0;
  for (const byte of unit) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    out[size] = byte;
    size += 1;
  }
  return out.subarray(0, size);
}
