import { Buffer } from 'node:buffer';

/**
 * Bytes that arrive in pieces and are taken in other pieces. What `take` returns is a view if it lies in one pushed
 * piece and a copy only across a border. The owner bounds it: look at `length` before pushing more.
 */
export class ByteQueue {
  readonly #pieces: Buffer[] = [];
  /** First byte of the first piece that is not taken. */
  #offset = 0;
  #length = 0;

  /** Bytes that can be taken. */
  get length(): number {
    return this.#length;
  }

  /** Adds bytes; they must not be changed afterwards. */
  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#length += bytes.length;
  }

  /** The next `count` bytes, removed; undefined if fewer are here (nothing is removed then). */
  take(count: number): Buffer | undefined {
    const bytes = this.peek(count);
    if (bytes !== undefined) this.skip(count);
    return bytes;
  }

  /** The next `count` bytes, left in place; undefined if fewer are here. */
  peek(count: number): Buffer | undefined {
    if (count > this.#length) return undefined;
    const first = this.#pieces[0];
    if (first === undefined) return Buffer.alloc(0);
    if (first.length - this.#offset >= count) return first.subarray(this.#offset, this.#offset + count);
    const joined = Buffer.allocUnsafe(count);
    let filled = 0;
    let from = this.#offset;
    for (let i = 0; filled < count; i++) {
      filled += (this.#pieces[i] as Buffer).copy(joined, filled, from);
      from = 0;
    }
    return joined;
  }

  /** Removes up to `count` bytes; returns how many were there to remove. */
  skip(count: number): number {
    const removed = count < this.#length ? count : this.#length;
    this.#length -= removed;
    this.#offset += removed;
    for (;;) {
      const first = this.#pieces[0];
      if (first === undefined || this.#offset < first.length) break;
      this.#offset -= first.length;
      this.#pieces.shift();
    }
    return removed;
  }

  /** Removes and returns everything, as one Buffer. */
  takeAll(): Buffer {
    return this.take(this.#length) as Buffer;
  }
}
