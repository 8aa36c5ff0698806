/** Time between two samples, ms. */
export const SAMPLE_MS = 5_000;
/** Samples that 30 s have, and how many of them make one sample of the 5 minutes, of which there are so many. */
const SHORT = 6;
const LONG = 10;

/** Average rates of a counter over the last 30 s and 5 minutes, from samples that somebody else takes on one timer. */
export class ByteRate {
  /** Pairs of time and bytes: those of 30 s, then those of 5 minutes. */
  readonly #ring = new Float64Array(2 * (SHORT + LONG));
  readonly #beganAt: number;
  readonly #beganBytes: number;
  #samples = 0;

  /** `now` is time of the clock, ms. */
  constructor(now: number, bytes: number) {
    this.#beganAt = now;
    this.#beganBytes = bytes;
  }

  /** To be called every SAMPLE_MS. */
  sample(now: number, bytes: number): void {
    const at = this.#samples;
    this.#put(at % SHORT, now, bytes);
    if (at % SHORT === SHORT - 1) this.#put(SHORT + (Math.floor(at / SHORT) % LONG), now, bytes);
    this.#samples += 1;
  }

  /** kbit/s of the last 30 s, or since it began. */
  kbps30s(now: number, bytes: number): number {
    return this.#since(this.#samples < SHORT ? undefined : this.#samples % SHORT, now, bytes);
  }

  /** kbit/s of the last 5 minutes, or since it began. */
  kbps5m(now: number, bytes: number): number {
    const taken = Math.floor(this.#samples / SHORT);
    return this.#since(taken < LONG ? undefined : SHORT + (taken % LONG), now, bytes);
  }

  #put(slot: number, now: number, bytes: number): void {
    this.#ring[2 * slot] = now;
    this.#ring[2 * slot + 1] = bytes;
  }

  /** From the oldest sample on, or from the beginning. Less than a second says nothing of a rate. */
  #since(slot: number | undefined, now: number, bytes: number): number {
    const at = slot === undefined ? this.#beganAt : (this.#ring[2 * slot] ?? 0);
    const before = slot === undefined ? this.#beganBytes : (this.#ring[2 * slot + 1] ?? 0);
    return Math.round((Math.max(0, bytes - before) * 8) / Math.max(1_000, now - at));
  }
}
