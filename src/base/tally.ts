/** Counts trouble on a hot path and remembers the last of it, so that the log gets one line a period, not one a packet. */
export class Tally {
  #count = 0;
  #total = 0;
  #last: string | undefined;

  add(what: string): void {
    this.#count += 1;
    this.#total += 1;
    this.#last = what;
  }

  /** All since the start. */
  get total(): number {
    return this.#total;
  }

  /** What came since the last call, or undefined when nothing did. */
  take(): { readonly count: number; readonly last: string } | undefined {
    if (this.#count === 0 || this.#last === undefined) return undefined;
    const taken = { count: this.#count, last: this.#last };
    this.#count = 0;
    return taken;
  }
}
