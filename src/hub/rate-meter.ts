/** Length of one measurement, ms. */
const PERIOD_MS = 5_000;

/** A rate over the last 5 to 10 seconds, of bytes or of anything else, without a timer. */
export class RateMeter {
  #since = 0;
  #amount = 0;
  #before = 0;
  #beforeMs = 0;

  reset(nowMs: number): void {
    this.#since = nowMs;
    this.#amount = 0;
    this.#before = 0;
    this.#beforeMs = 0;
  }

  add(amount: number, nowMs: number): void {
    if (nowMs - this.#since >= PERIOD_MS) this.#turn(nowMs);
    this.#amount += amount;
  }

  /** Of bytes: kbit/s. */
  kbps(nowMs: number): number {
    return Math.round(this.#perMs(nowMs) * 8);
  }

  /** With two decimals. */
  perSecond(nowMs: number): number {
    return Math.round(this.#perMs(nowMs) * 100_000) / 100;
  }

  #perMs(nowMs: number): number {
    if (nowMs - this.#since >= 2 * PERIOD_MS) this.#turn(nowMs);
    const ms = nowMs - this.#since + this.#beforeMs;
    return ms <= 0 ? 0 : (this.#amount + this.#before) / ms;
  }

  #turn(nowMs: number): void {
    this.#before = this.#amount;
    this.#beforeMs = nowMs - this.#since;
    this.#amount = 0;
    this.#since = nowMs;
  }
}
