/** Time between two samples, ms. */
export const SAMPLE_MS = 5_000;
/** Samples that 30 s have, and how many of them make one sample of the 5 minutes, of which there are so many. */
const SHORT = 6;
const LONG = 10;

/** When samples were taken, clock ms: all rates of a timer are sampled at once, and there are thousands of them. */
export class SampleTimes {
  /** Those of 30 s, then those of 5 minutes. */
  readonly #ring = new Float64Array(SHORT + LONG);
  #taken = 0;

  /** Samples so far. */
  get taken(): number {
    return this.#taken;
  }

  /** To be called every SAMPLE_MS, before the rates are told of their bytes. */
  add(now: number): void {
    const at = this.#taken;
    this.#ring[at % SHORT] = now;
    if (endsLong(at)) this.#ring[longSlot(at)] = now;
    this.#taken += 1;
  }

  at(slot: number): number {
    return this.#ring[slot] ?? 0;
  }
}

/** Average rates of a counter over the last 30 s and 5 minutes, from samples that somebody else takes on one timer. */
export class ByteRate {
  readonly #times: SampleTimes;
  /** Bytes at those times; made with the first sample. A plain array: memory outside of V8's heap costs hundreds of bytes more. */
  #ring: number[] | undefined = undefined;
  readonly #beganAt: number;
  readonly #beganBytes: number;
  /** Samples that were taken before it began. */
  readonly #before: number;

  /** `now` is time of the clock, ms. */
  constructor(times: SampleTimes, now: number, bytes: number) {
    this.#times = times;
    this.#before = times.taken;
    this.#beganAt = now;
    this.#beganBytes = bytes;
  }

  /** To be called for each of the times. */
  sample(bytes: number): void {
    const at = this.#times.taken - 1;
    this.#ring ??= new Array<number>(SHORT + LONG).fill(0);
    this.#ring[at % SHORT] = bytes;
    if (endsLong(at)) this.#ring[longSlot(at)] = bytes;
  }

  /** kbit/s of the last 30 s, or since it began. */
  kbps30s(now: number, bytes: number): number {
    const { taken } = this.#times;
    return this.#since(taken - this.#before < SHORT ? undefined : taken % SHORT, now, bytes);
  }

  /** kbit/s of the last 5 minutes, or since it began. */
  kbps5m(now: number, bytes: number): number {
    const taken = Math.floor(this.#times.taken / SHORT);
    const own = taken - Math.floor(this.#before / SHORT);
    return this.#since(own < LONG ? undefined : SHORT + (taken % LONG), now, bytes);
  }

  /** From the oldest sample on, or from the beginning. Less than a second says nothing of a rate. */
  #since(slot: number | undefined, now: number, bytes: number): number {
    const at = slot === undefined ? this.#beganAt : this.#times.at(slot);
    const before = slot === undefined ? this.#beganBytes : (this.#ring?.[slot] ?? 0);
    return Math.round((Math.max(0, bytes - before) * 8) / Math.max(1_000, now - at));
  }
}

/** Whether the sample with this number, from 0, is one of the 5 minutes as well. */
function endsLong(at: number): boolean {
  return at % SHORT === SHORT - 1;
}

function longSlot(at: number): number {
  return SHORT + (Math.floor(at / SHORT) % LONG);
}
