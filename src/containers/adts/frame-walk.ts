import { Buffer } from 'node:buffer';

/**
 * Bytes that the frame at `at` has, header included, or 0 when no frame begins there. At least the format's header is there
 * to be looked at.
 */
export type FrameSizer = (bytes: Buffer, at: number) => number;

/**
 * Self-framed audio (ADTS, MPEG audio) → whole frames, however the bytes are cut. What is no frame is skipped and counted.
 * Holds at most one unfinished frame, whose length the format bounds.
 */
export class FrameWalk {
  readonly #headerBytes: number;
  readonly #sizeAt: FrameSizer;
  #rest: Buffer = Buffer.alloc(0);
  /** Bytes that belonged to no frame. */
  skippedBytes = 0;

  constructor(headerBytes: number, sizeAt: FrameSizer) {
    this.#headerBytes = headerBytes;
    this.#sizeAt = sizeAt;
  }

  /** Bytes of a frame that has begun and is not whole yet. */
  get pendingBytes(): number {
    return this.#rest.length;
  }

  /** The frames that these bytes finish: views of `bytes`, or of one copy where a frame was cut. */
  push(bytes: Buffer): Buffer[] {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const frames: Buffer[] = [];
    let at = 0;
    while (all.length - at >= this.#headerBytes) {
      const size = this.#sizeAt(all, at);
      if (size === 0) {
        at += 1;
        this.skippedBytes += 1;
        continue;
      }
      if (size > all.length - at) break;
      frames.push(all.subarray(at, at + size));
      at += size;
    }
    // A copy: the view would keep the whole read alive.
    this.#rest = Buffer.from(all.subarray(at));
    return frames;
  }

  /** Forgets the unfinished frame, after a loss. */
  reset(): void {
    this.skippedBytes += this.#rest.length;
    this.#rest = Buffer.alloc(0);
  }
}
