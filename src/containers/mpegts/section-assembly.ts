import { Buffer } from 'node:buffer';
import { crc32Mpeg, MAX_SECTION_BYTES } from './psi.ts';

/** Table id, length: what must be there to know how long a section is. */
const LENGTH_BYTES = 3;

/** Puts the sections of one PID together. Spec: ISO/IEC 13818-1, 2.4.4. */
export class SectionAssembly {
  readonly #buffer = Buffer.alloc(MAX_SECTION_BYTES);
  #length = 0;
  #open = false;
  /** Sections whose CRC or length was wrong. */
  badSections = 0;

  /** Forgets an unfinished section, after a loss. */
  drop(): void {
    this.#open = false;
  }

  /** The payload [from, to) of a packet; `starts` is its payload_unit_start_indicator. Returns the section it finishes. */
  push(bytes: Buffer, from: number, to: number, starts: boolean): Buffer | undefined {
    let at = from;
    if (starts) {
      const pointer = bytes[from] ?? 0;
      at = from + 1 + pointer;
      // What is before the pointer ends the section before. Tables of one program never need that; it is let go.
      this.#open = at < to;
      this.#length = 0;
    }
    if (!this.#open) return undefined;
    const step = Math.min(to - at, MAX_SECTION_BYTES - this.#length);
    this.#length += bytes.copy(this.#buffer, this.#length, at, at + step);
    if (this.#length < LENGTH_BYTES) return undefined;
    const size = LENGTH_BYTES + (this.#buffer.readUInt16BE(1) & 0xfff);
    if (size <= MAX_SECTION_BYTES && this.#length < size) return undefined;
    this.#open = false;
    if (size > MAX_SECTION_BYTES || size < 12 || crc32Mpeg(this.#buffer, 0, size) !== 0) {
      this.badSections += 1;
      return undefined;
    }
    return Buffer.from(this.#buffer.subarray(0, size));
  }
}
