/** A count that is so many fragments off the time of day jumps back to it. */
const MAX_DEVIATION = 10;
/** What of a fragment one segment makes good at most: it must stay below the target duration, 1.5 fragments by default. */
const CORRECTION = 0.3;

/**
 * [hls_ts_floor] Numbers segments by the time of day divided by the length of a fragment. Each number follows the one before, so
 * that servers that began at different moments have the same names; segments that last a little more or less than a fragment would
 * let the count drift off, so the next ones are cut later or earlier.
 */
export class FloorClock {
  readonly #fragmentMs: number;
  #accepted: number | undefined;
  #deviation = 0;

  constructor(fragmentMs: number) {
    this.#fragmentMs = fragmentMs;
  }

  /** How much longer than a fragment the present segment should be, ms. */
  get correctionMs(): number {
    return CORRECTION * Math.sign(this.#deviation) * this.#fragmentMs;
  }

  /** The number of the segment that begins now. */
  next(unixMs: number): number {
    const current = Math.floor(unixMs / this.#fragmentMs);
    const following = this.#accepted === undefined ? current - 1 : this.#accepted + 1;
    this.#accepted = Math.abs(following - current) > MAX_DEVIATION ? current - 1 : following;
    this.#deviation = this.#accepted - current;
    return this.#accepted;
  }

  /** The moment that a number stands for, Unix ms. */
  timeOf(number: number): number {
    return number * this.#fragmentMs;
  }
}
