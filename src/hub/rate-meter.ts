/** Length of one measurement, ms. */
const PERIOD_MS = 5_000;

/** Bytes over the last 5 to 10 seconds as kbit/s, without a timer. */
export class RateMeter {
  #since = 0;
  #bytes = 0;
  #before = 0;
  #beforeMs = 0;

  reset(nowMs: number): void {
    this.#since = nowMs;
    this.#bytes = 0;
    this.#before = 0;
    this.#beforeMs = 0;
  }

  add(bytes: number, nowMs: number): void {
    if (nowMs - this.#since >= PERIOD_MS) this.#turn(nowMs);
    this.#bytes += bytes;
  }

  kbps(nowMs: number): number {
    if (nowMs - this.#since >= 2 * PERIOD_MS) this.#turn(nowMs);
    const ms = nowMs - this.#since + this.#beforeMs;
    return ms <= 0 ? 0 : Math.round(((this.#bytes + this.#before) * 8) / ms);
  }

  #turn(nowMs: number): void {
    this.#before = this.#bytes;
    this.#beforeMs = nowMs - this.#since;
    this.#bytes = 0;
    this.#since = nowMs;
  }
}
