import { LogTarget } from './log-target.ts';

/** Bytes of log (of ASCII, counted as characters) that wait for a slow disk or terminal; more is dropped and counted. */
export const MAX_LOG_BACKLOG_BYTES = 8 * 1024 * 1024;

export interface LogSinkOptions {
  /** `console` is standard output; anything else is the path of a file, which is appended to. */
  readonly tank: string;
  /** @default MAX_LOG_BACKLOG_BYTES */
  readonly maxBacklogBytes?: number;
  /** Told how many lines were lost, when writing works again. */
  readonly onDropsOver: (lines: number) => void;
}

/** Where log lines go: asynchronous, bounded, never throws after its creation but for `retarget`. */
export class LogSink {
  readonly #onDropsOver: (lines: number) => void;
  readonly #maxBytes: number;
  #tank: string;
  #target: LogTarget;
  /** Left by a rotation or a reload, and still being written, the oldest first. */
  readonly #retiring = new Set<LogTarget>();
  #dropped = 0;
  #droppedTotal = 0;
  #closed: Promise<void> | undefined;

  constructor(options: LogSinkOptions) {
    this.#tank = options.tank;
    this.#onDropsOver = options.onDropsOver;
    this.#maxBytes = options.maxBacklogBytes ?? MAX_LOG_BACKLOG_BYTES;
    this.#target = this.#open(options.tank);
  }

  get tank(): string {
    return this.#tank;
  }

  /** Lines lost since the start. */
  get dropped(): number {
    return this.#droppedTotal;
  }

  write(line: string): void {
    if (this.#closed === undefined) this.#target.write(line);
  }

  /**
   * Later lines go to `tank`, which may be the present one: a file is then opened anew by its name, after a rotation has
   * moved it away. Earlier lines still go where they were meant to. Throws LOG_OPEN_FAILED and changes nothing.
   */
  retarget(tank: string): void {
    if (this.#closed !== undefined || (tank === 'console' && this.#tank === 'console')) return;
    const next = this.#open(tank);
    const old = this.#target;
    this.#target = next;
    this.#tank = tank;
    this.#retiring.add(old);
    // The two may be one file, and what was said earlier has to stand there earlier.
    next.holdUntil(old.end().then(() => void this.#retiring.delete(old)));
  }

  /** Writes what is left before it returns. For the very end of the process. */
  flushSync(): void {
    for (const target of this.#retiring) target.flushSync();
    this.#target.flushSync();
  }

  /** Writes what is left and closes the file. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= Promise.all([this.#target, ...this.#retiring].map((target) => target.end())).then(
      () => undefined,
    );
    return this.#closed;
  }

  #open(tank: string): LogTarget {
    return new LogTarget(tank, this.#maxBytes, {
      onDrop: () => {
        this.#dropped += 1;
        this.#droppedTotal += 1;
      },
      onDrain: () => this.#recovered(),
    });
  }

  #recovered(): void {
    if (this.#dropped === 0 || this.#closed !== undefined) return;
    const lines = this.#dropped;
    this.#dropped = 0;
    this.#onDropsOver(lines);
  }
}
