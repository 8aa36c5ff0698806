import type { Frame } from '../media/frame.ts';
import type { CatchUp } from './ports.ts';

/**
 * Header, head and cached group of pictures, packaged once for everybody who joins on that group: a join packages only the
 * frames that came since the join before, and each joiner gets a view of the same memory.
 */
export class JoinBytes {
  /** Stream time that these joiners see as 0, ms. */
  readonly base: number;
  readonly #catchUp: CatchUp;
  readonly #gopGeneration: number;
  readonly #headGeneration: number;
  #packaged = 0;

  constructor(catchUp: CatchUp, base: number, gopGeneration: number, headGeneration: number) {
    this.#catchUp = catchUp;
    this.base = base;
    this.#gopGeneration = gopGeneration;
    this.#headGeneration = headGeneration;
  }

  isOf(gopGeneration: number, headGeneration: number): boolean {
    return this.#gopGeneration === gopGeneration && this.#headGeneration === headGeneration;
  }

  /** Everything up to the last of `frames`, the whole group so far. */
  bytes(frames: readonly Frame[]): Buffer {
    if (this.#packaged < frames.length) {
      this.#catchUp.add(this.#packaged === 0 ? frames : frames.slice(this.#packaged));
      this.#packaged = frames.length;
    }
    return this.#catchUp.bytes();
  }
}
