import type { Clock } from './clock.ts';
import type { Undo } from './undo.ts';

/** A coarse deadline that its owner moves by a plain assignment, at no cost per packet. */
export interface Deadline {
  /** Clock time (ms) of the deadline; assign a later one whenever the peer shows life. */
  at: number;
  /** Idempotent. */
  cancel(): void;
}

/** A class: each session has one or two, and closures would cost more than all else that it holds. */
class Entry implements Deadline {
  at: number;
  readonly fire: () => void;
  readonly #wheel: TimerWheel;

  constructor(wheel: TimerWheel, at: number, fire: () => void) {
    this.#wheel = wheel;
    this.at = at;
    this.fire = fire;
  }

  cancel(): void {
    this.#wheel.drop(this);
  }
}

/**
 * One interval serves all coarse timeouts of the process: sessions store a new time on activity instead of re-arming a
 * timer. Resolution is `tickMs`: a deadline fires up to one tick late, never early.
 */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #entries = new Set<Entry>();
  #stop: Undo | undefined;
  #tickedAt = 0;

  constructor(clock: Clock, tickMs = 250) {
    this.#clock = clock;
    this.#tickMs = tickMs;
  }

  /** Calls `fire` once, when `at` has passed. */
  deadline(afterMs: number, fire: () => void): Deadline {
    const entry = new Entry(this, this.#clock.now() + afterMs, fire);
    this.#entries.add(entry);
    if (this.#stop === undefined) this.#tickedAt = this.#clock.now();
    this.#stop ??= this.#clock.every(this.#tickMs, () => this.#tick());
    return entry;
  }

  /**
   * A time for `Deadline.at` that costs no look at the clock: at most one tick ahead of now. For owners that move their
   * deadline thousands of times a second.
   */
  get coarseNow(): number {
    return this.#tickedAt + this.#tickMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @internal Part of `Deadline.cancel`. */
  drop(entry: Entry): void {
    this.#entries.delete(entry);
    if (this.#entries.size === 0) this.close();
  }

  close(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#entries.clear();
  }

  #tick(): void {
    const now = this.#clock.now();
    this.#tickedAt = now;
    for (const entry of this.#entries) {
      if (entry.at > now) continue;
      this.#entries.delete(entry);
      entry.fire();
    }
    if (this.#entries.size === 0) this.close();
  }
}
