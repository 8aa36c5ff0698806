import type { Clock } from '../base/clock.ts';
import type { Undo } from '../base/undo.ts';

/**
 * [send_min_interval]: releases the messages of a feed one at a time, at least `intervalMs` apart. What waits is bounded by
 * time: older messages are then released at once.
 */
export class MessagePacer {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #maxWaitMs: number;
  readonly #onRelease: () => void;
  /** Ends of messages in the log that are not released, and when they came. */
  #ends: number[] = [];
  #times: number[] = [];
  #head = 0;
  #released = 0;
  #nextAt = -Infinity;
  #timer: Undo | undefined;

  constructor(clock: Clock, intervalMs: number, maxWaitMs: number, onRelease: () => void) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#maxWaitMs = maxWaitMs;
    this.#onRelease = onRelease;
  }

  /** Log position up to which viewers may be given bytes. */
  get released(): number {
    return this.#released;
  }

  add(end: number, nowMs: number): void {
    this.#ends.push(end);
    this.#times.push(nowMs);
    this.#run(nowMs);
  }

  /** Releases everything up to `end` at once. */
  release(end: number): void {
    this.#ends = [];
    this.#times = [];
    this.#head = 0;
    this.#released = Math.max(this.#released, end);
    this.close();
  }

  close(): void {
    this.#timer?.();
    this.#timer = undefined;
  }

  #run(nowMs: number): void {
    let released = false;
    while (this.#head < this.#ends.length) {
      const late = nowMs - (this.#times[this.#head] ?? 0) > this.#maxWaitMs;
      if (!late && nowMs < this.#nextAt) break;
      this.#released = this.#ends[this.#head] ?? this.#released;
      this.#head += 1;
      if (!late) this.#nextAt = nowMs + this.#intervalMs;
      released = true;
    }
    if (this.#head > 256 || this.#head === this.#ends.length) {
      this.#ends.splice(0, this.#head);
      this.#times.splice(0, this.#head);
      this.#head = 0;
    }
    if (released) this.#onRelease();
    if (this.#ends.length > this.#head && this.#timer === undefined) {
      this.#timer = this.#clock.after(Math.max(0.1, this.#nextAt - nowMs), () => {
        this.#timer = undefined;
        this.#run(this.#clock.now());
      });
    }
  }
}
