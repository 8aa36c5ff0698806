import { Buffer } from 'node:buffer';

/** One block of memory for the payloads of one connection; a group of pictures of a usual stream takes a few. */
const BLOCK_BYTES = 16 * 1024;
/** A connection that has sent less than this gets no block: most are viewers, who say a few words and then listen. */
const WARM_UP_BYTES = 4 * 1024;
/** Larger payloads get memory of their own, so that little of a block is wasted. */
const MAX_SHARED_BYTES = BLOCK_BYTES / 4;

/**
 * Memory for message payloads, in blocks: one allocation for some thirty messages. A block lives as long as one of its
 * payloads does, so an arena belongs to one connection: a stream that keeps its frames for long pins nobody else's.
 */
export class PayloadArena {
  #block: Buffer | undefined = undefined;
  #used = 0;
  #total = 0;

  /** A lasting copy of `from` to `to` of `input`. */
  copyOf(input: Buffer, from: number, to: number): Buffer {
    const length = to - from;
    if (length > MAX_SHARED_BYTES) {
      const own = Buffer.allocUnsafeSlow(length);
      input.copy(own, 0, from, to);
      return own;
    }
    if (this.#total < WARM_UP_BYTES) {
      this.#total += length;
      const small = Buffer.allocUnsafe(length);
      input.copy(small, 0, from, to);
      return small;
    }
    let block = this.#block;
    if (block === undefined || this.#used + length > BLOCK_BYTES) {
      block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      this.#block = block;
      this.#used = 0;
    }
    const at = this.#used;
    input.copy(block, at, from, to);
    this.#used = at + length;
    return block.subarray(at, at + length);
  }
}
