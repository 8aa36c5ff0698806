import type { Clock } from '../../base/clock.ts';

/**
 * Media that is late by more than this is not caught up: after a stall of the process or of the target at most so much is
 * sent at once, ms.
 */
const MAX_CATCH_UP_MS = 500;

/** Ties media time to the clock once, so that no error adds up however long it runs. */
export class Pacer {
  readonly #clock: Clock;
  /** Clock time of media time 0. */
  #origin: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long to wait before what belongs to media time `time` (ms) is sent; 0 when it is due. */
  waitFor(time: number): number {
    const now = this.#clock.now();
    this.#origin ??= now - time;
    const wait = this.#origin + time - now;
    if (wait >= 0) return wait;
    if (-wait > MAX_CATCH_UP_MS) this.#origin += -wait - MAX_CATCH_UP_MS;
    return 0;
  }
}
