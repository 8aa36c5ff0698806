import { Buffer } from 'node:buffer';
import type { SafeFile } from '../../storage/safe-file.ts';

/** Small pieces of a recording are gathered in blocks of this size. */
const BLOCK_BYTES = 64 * 1024;

/** Where the bytes of one recording go. They are gathered, so that the disk is asked a few times a second, not per frame. */
export class RecordingSink {
  readonly #file: SafeFile;
  #block = Buffer.alloc(0);
  /** What of the block was given to the file, and where the next bytes go. */
  #given = 0;
  #used = 0;
  #position: number;

  constructor(file: SafeFile, position: number) {
    this.#file = file;
    this.#position = position;
  }

  /** Bytes of the file, with those that are still gathered. */
  get position(): number {
    return this.#position;
  }

  /** A place for `size` bytes, all of which the caller fills before the next call. */
  reserve(size: number): { readonly buffer: Buffer; readonly offset: number } {
    if (this.#used + size > this.#block.length) {
      this.flush();
      this.#block = Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, size));
      this.#given = 0;
      this.#used = 0;
    }
    const offset = this.#used;
    this.#used += size;
    this.#position += size;
    return { buffer: this.#block, offset };
  }

  /** Takes bytes that belong to the file from now on. */
  write(bytes: Buffer): void {
    this.flush();
    this.#position += bytes.length;
    this.#file.write(bytes);
  }

  /** Gives the file what was gathered. */
  flush(): void {
    if (this.#used === this.#given) return;
    this.#file.write(this.#block.subarray(this.#given, this.#used));
    this.#given = this.#used;
  }

  /** Writes over what was written before; after it nothing may be gathered. */
  patch(bytes: Buffer, at: number): void {
    this.flush();
    this.#file.patch(bytes, at);
  }

  /** What was given so far is on the disk before what follows. */
  sync(): void {
    this.flush();
    this.#file.sync();
  }
}
