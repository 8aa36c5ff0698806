import type { Clock } from '../../src/base/clock.ts';
import type { Undo } from '../../src/base/undo.ts';

interface Entry {
  at: number;
  readonly everyMs: number | undefined;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it. Callbacks run inside `advance`, in order of time. */
export class ManualClock implements Clock {
  #now = 1_000_000;
  readonly #entries = new Set<Entry>();
  #soon: (() => void)[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): Undo {
    return this.#add({ at: this.#now + ms, everyMs: undefined, callback });
  }

  every(ms: number, callback: () => void): Undo {
    return this.#add({ at: this.#now + ms, everyMs: ms, callback });
  }

  soon(callback: () => void): void {
    this.#soon.push(callback);
  }

  /** Runs what was asked for by `soon`, also what those callbacks ask for. */
  runSoon(): void {
    while (this.#soon.length > 0) {
      const batch = this.#soon;
      this.#soon = [];
      for (const callback of batch) callback();
    }
  }

  /** Moves the time, firing timers and `soon` callbacks on the way. */
  advance(ms: number): void {
    const end = this.#now + ms;
    this.runSoon();
    for (;;) {
      let next: Entry | undefined;
      for (const entry of this.#entries) if (next === undefined || entry.at < next.at) next = entry;
      if (next === undefined || next.at > end) break;
      this.#now = Math.max(this.#now, next.at);
      if (next.everyMs === undefined) this.#entries.delete(next);
      else next.at += next.everyMs;
      next.callback();
      this.runSoon();
    }
    this.#now = end;
    this.runSoon();
  }

  /** Timers still armed; a test of closing expects 0. */
  get pending(): number {
    return this.#entries.size;
  }

  #add(entry: Entry): Undo {
    this.#entries.add(entry);
    return () => void this.#entries.delete(entry);
  }
}
