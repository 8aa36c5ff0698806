/** How the process ends: at once, after its clients have left, or because it may not go on. */
export type EndKind = 'fast' | 'graceful' | 'crash';

export interface End {
  readonly kind: EndKind;
  /** For the log, e.g. `SIGTERM`. */
  readonly reason: string;
}

/** Exit codes of a server. `docs/operations.md` has the same table. */
export const EXIT_CODES = {
  /** Ended as it was asked to. */
  ok: 0,
  /** Could not start, or was told a second time to end while it was ending. */
  failed: 1,
  /** An unexpected error: BSD's EX_SOFTWARE. A supervisor should start it anew. */
  crashed: 70,
} as const;

/**
 * The one place that decides how the process ends. The first request begins the end; a fast one hastens a graceful one, and
 * whoever asks once more while it ends fast does not want to wait: the process exits at once.
 */
export class Ending {
  readonly #exitNow: (code: number) => void;
  readonly #hasten = new AbortController();
  #resolve: (end: End) => void = () => undefined;
  #current: End | undefined;
  /** Resolves with the first request. */
  readonly begun: Promise<End>;

  /** `exitNow` ends the process without ceremony. */
  constructor(exitNow: (code: number) => void) {
    this.#exitNow = exitNow;
    this.begun = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** How it ends; undefined while it runs. */
  get current(): End | undefined {
    return this.#current;
  }

  /** Aborted when a graceful end is to be a fast one. */
  get hastened(): AbortSignal {
    return this.#hasten.signal;
  }

  /** The exit code of the end that has begun. */
  get code(): number {
    return this.#current?.kind === 'crash' ? EXIT_CODES.crashed : EXIT_CODES.ok;
  }

  request(end: End): void {
    const current = this.#current;
    if (current === undefined) {
      this.#current = end;
      this.#resolve(end);
      return;
    }
    if (current.kind === 'graceful') {
      if (end.kind === 'graceful') return; // It is doing so.
      this.#current = end;
      this.#hasten.abort();
      return;
    }
    if (end.kind === 'graceful') return;
    this.#exitNow(current.kind === 'crash' || end.kind === 'crash' ? EXIT_CODES.crashed : EXIT_CODES.failed);
  }
}
