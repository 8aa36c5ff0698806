import type { Clock } from '../base/clock.ts';
import type { Undo } from '../base/undo.ts';

/** Flushes due within the same slot share one timer, ms. */
const SLOT_MS = 2;

/** A group of viewers whose window can be cut. */
export interface Flushable {
  /** Set by the scheduler while a flush is due. */
  scheduled: boolean;
  /** Place on the grid of windows, 0 … 1: flushes happen at (k + offset) × window. */
  readonly offset: number;
  flush(): void;
}

/**
 * Runs the flushes of every feed of the process: at the end of this turn of the event loop (window 0) or on a grid in time on
 * which different groups have different places, so that thousands of writes never come at once. One `soon` and one timer
 * serve all.
 */
export class FlushScheduler {
  readonly #clock: Clock;
  readonly #slots = new Map<number, Flushable[]>();
  readonly #runSoon = (): void => this.#flushSoon();
  readonly #runTimer = (): void => this.#flushDue();
  #soon: Flushable[] = [];
  #spare: Flushable[] = [];
  #soonArmed = false;
  #timer: Undo | undefined;
  #timerSlot = Infinity;
  #groups = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A place on the grid far from those given before (golden ratio sequence). */
  nextOffset(): number {
    this.#groups += 1;
    return (this.#groups * 0.6180339887498949) % 1;
  }

  /** Sees that `group` is flushed by the end of its window of `windowMs`. The caller has seen that it is not scheduled. */
  schedule(group: Flushable, windowMs: number, nowMs: number): void {
    group.scheduled = true;
    if (windowMs <= 0) {
      this.#soon.push(group);
      if (!this.#soonArmed) {
        this.#soonArmed = true;
        this.#clock.soon(this.#runSoon);
      }
      return;
    }
    const place = group.offset * windowMs;
    const due = (Math.floor((nowMs - place) / windowMs) + 1) * windowMs + place;
    const slot = Math.ceil(due / SLOT_MS);
    const groups = this.#slots.get(slot);
    if (groups === undefined) this.#slots.set(slot, [group]);
    else groups.push(group);
    if (slot < this.#timerSlot) this.#arm(slot, nowMs);
  }

  /** Stops the timer; what is due is forgotten. */
  close(): void {
    this.#timer?.();
    this.#timer = undefined;
    this.#timerSlot = Infinity;
    this.#slots.clear();
    this.#soon = [];
  }

  #arm(slot: number, nowMs: number): void {
    this.#timer?.();
    this.#timerSlot = slot;
    this.#timer = this.#clock.after(Math.max(1, Math.ceil(slot * SLOT_MS - nowMs)), this.#runTimer);
  }

  #flushSoon(): void {
    this.#soonArmed = false;
    const groups = this.#soon;
    this.#soon = this.#spare;
    for (const group of groups) {
      group.scheduled = false;
      group.flush();
    }
    groups.length = 0;
    this.#spare = groups;
  }

  #flushDue(): void {
    this.#timer = undefined;
    this.#timerSlot = Infinity;
    const now = this.#clock.now();
    const current = Math.floor(now / SLOT_MS);
    let next = Infinity;
    for (const [slot, groups] of this.#slots) {
      if (slot > current) {
        if (slot < next) next = slot;
        continue;
      }
      this.#slots.delete(slot);
      for (const group of groups) {
        group.scheduled = false;
        group.flush();
      }
    }
    if (next < this.#timerSlot) this.#arm(next, now);
  }
}
