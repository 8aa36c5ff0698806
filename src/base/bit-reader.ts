import type { Buffer } from 'node:buffer';
import { ServerError } from './errors.ts';

/** Leading zero bits that an Exp-Golomb code may have: more cannot be a 32-bit value. Spec: H.264, 9.1. */
const MAX_GOLOMB_ZEROS = 31;

/**
 * Reads bits, most significant first. For config records, which are rare and small; nothing per packet uses it. Reading
 * past the end throws CODEC_INVALID.
 */
export class BitReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Bits not read yet. */
  get left(): number {
    return this.#bytes.length * 8 - this.#at;
  }

  /** The next `count` bits as an unsigned number; `count` is 0 to 32. */
  bits(count: number): number {
    this.#need(count);
    let value = 0;
    for (let todo = count; todo > 0;) {
      const free = 8 - (this.#at & 7);
      const take = Math.min(free, todo);
      const byte = this.#bytes[Math.floor(this.#at / 8)] ?? 0;
      // Multiplied, not shifted: 32 bits would turn negative.
      value = value * 2 ** take + ((byte >> (free - take)) & ((1 << take) - 1));
      this.#at += take;
      todo -= take;
    }
    return value;
  }

  flag(): boolean {
    return this.bits(1) === 1;
  }

  skip(count: number): void {
    this.#need(count);
    this.#at += count;
  }

  /** Unsigned Exp-Golomb, H.264 9.1. */
  ue(): number {
    let zeros = 0;
    while (!this.flag()) {
      zeros += 1;
      if (zeros > MAX_GOLOMB_ZEROS) throw new ServerError('CODEC_INVALID', 'an Exp-Golomb code is too long');
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** Signed Exp-Golomb, H.264 9.1.1. */
  se(): number {
    const code = this.ue();
    return code % 2 === 0 ? -code / 2 : (code + 1) / 2;
  }

  #need(count: number): void {
    if (count > this.left) throw new ServerError('CODEC_INVALID', `${count} bits wanted, ${this.left} left`);
  }
}
