import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { Tally } from '../base/tally.ts';
import type { Undo } from '../base/undo.ts';

export interface TallyReportOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The log line for what came since the last one. */
  readonly line: (count: number, last: string) => string;
}

const REPORT_AFTER_MS = 1_000;

/** Trouble that peers can cause at any rate: counted at once, told in one warning a second. */
export class TallyReport {
  readonly #options: TallyReportOptions;
  readonly #tally = new Tally();
  #armed: Undo | undefined;

  constructor(options: TallyReportOptions) {
    this.#options = options;
  }

  /** All since the start. */
  get total(): number {
    return this.#tally.total;
  }

  add(what: string): void {
    this.#tally.add(what);
    this.#armed ??= this.#options.clock.after(REPORT_AFTER_MS, () => this.#tell());
  }

  /** Tells what is left to tell and disarms the timer. Idempotent. */
  close(): void {
    this.#armed?.();
    this.#tell();
  }

  #tell(): void {
    this.#armed = undefined;
    const taken = this.#tally.take();
    if (taken !== undefined) this.#options.logger.warn(this.#options.line(taken.count, taken.last));
  }
}
