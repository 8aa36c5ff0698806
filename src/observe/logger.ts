import type { Logger, LogScope } from '../base/logger.ts';
import { escapeLogText } from './log-escape.ts';
import { LogSink } from './log-sink.ts';

/** [srs_log_level] SRS's five levels. */
export type SrsLogLevel = 'verbose' | 'info' | 'trace' | 'warn' | 'error';

/** The time of day, Unix ms. */
export interface WallClock {
  now(): number;
}

export interface LoggerOptions {
  /** [srs_log_tank, srs_log_file] `console`, or the path of a file that is appended to. */
  readonly tank: string;
  /** Lines below it are not written. `info()` writes SRS's level `trace`, `debug()` its `verbose`. */
  readonly level: SrsLogLevel;
  /** The one line format so far: SRS's. */
  readonly format?: 'srs';
  readonly pid: number;
  /** @default Date */
  readonly clock?: WallClock;
  /** [utc_time] @default false */
  readonly utc?: boolean;
  /** Bytes that may wait for a slow disk, see MAX_LOG_BACKLOG_BYTES. */
  readonly maxBacklogBytes?: number;
}

/** The process's logger: the root of all scoped ones. */
export interface RootLogger extends Logger {
  /** Opens the file again, for log rotation (SIGUSR1). */
  reopen(): void;
  /** Blocks until all is written; for the very end of the process. */
  flushSync(): void;
  /** Writes what is left and closes. Later lines are lost. Idempotent. */
  close(): Promise<void>;
  /** Lines lost because the disk or terminal was too slow. */
  readonly dropped: number;
}

const RANK = { verbose: 0, info: 0, trace: 1, warn: 2, error: 3 } as const satisfies Record<
  SrsLogLevel,
  number
>;

/**
 * A logger that writes `[2026-01-31 12:34:56.789][Trace][pid][session id] text`, as SRS does. Throws LOG_OPEN_FAILED when
 * the file cannot be opened; after that it never throws and never blocks.
 */
export function createLogger(options: LoggerOptions): RootLogger {
  const stamp = new Stamp(options.clock ?? Date, options.utc ?? false);
  const sink: LogSink = new LogSink({
    tank: options.tank,
    ...(options.maxBacklogBytes === undefined ? {} : { maxBacklogBytes: options.maxBacklogBytes }),
    onDropsOver: (lines) => root.warn(`the log was too slow: ${lines} lines were dropped`),
  });
  const root = new SrsLogger(sink, stamp, options.pid, RANK[options.level], {});
  return root;
}

class SrsLogger implements RootLogger {
  readonly #sink: LogSink;
  readonly #stamp: Stamp;
  readonly #pid: number;
  readonly #rank: number;
  readonly #scope: LogScope;
  /** What stands between the level and the text. */
  readonly #head: string;

  constructor(sink: LogSink, stamp: Stamp, pid: number, rank: number, scope: LogScope) {
    this.#sink = sink;
    this.#stamp = stamp;
    this.#pid = pid;
    this.#rank = rank;
    this.#scope = scope;
    const { session, component, stream } = scope;
    this.#head =
      `[${pid}][${session === undefined ? '' : escapeLogText(session)}] ` +
      (component === undefined ? '' : `${escapeLogText(component)}: `) +
      (stream === undefined ? '' : `${escapeLogText(stream)}: `);
  }

  get dropped(): number {
    return this.#sink.dropped;
  }

  debug(message: string): void {
    if (this.#rank <= RANK.verbose) this.#line('Verbose', message);
  }

  info(message: string): void {
    if (this.#rank <= RANK.trace) this.#line('Trace', message);
  }

  warn(message: string): void {
    if (this.#rank <= RANK.warn) this.#line('Warn', message);
  }

  error(message: string): void {
    this.#line('Error', message);
  }

  child(scope: LogScope): Logger {
    return new SrsLogger(this.#sink, this.#stamp, this.#pid, this.#rank, { ...this.#scope, ...scope });
  }

  reopen(): void {
    this.#sink.reopen();
  }

  flushSync(): void {
    this.#sink.flushSync();
  }

  close(): Promise<void> {
    return this.#sink.close();
  }

  #line(level: string, message: string): void {
    this.#sink.write(`[${this.#stamp.now()}][${level}]${this.#head}${escapeLogText(message)}\n`);
  }
}

/** `YYYY-MM-DD HH:MM:SS.mmm`; the part up to the seconds is made once a second. */
class Stamp {
  readonly #clock: WallClock;
  readonly #utc: boolean;
  #second = -1;
  #text = '';

  constructor(clock: WallClock, utc: boolean) {
    this.#clock = clock;
    this.#utc = utc;
  }

  now(): string {
    const ms = this.#clock.now();
    const second = Math.floor(ms / 1000);
    if (second !== this.#second) {
      this.#second = second;
      const at = new Date(second * 1000);
      // Local time by shifting the instant, so that one formatter serves both.
      const shown = this.#utc ? at : new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
      this.#text = shown.toISOString().slice(0, 19).replace('T', ' ');
    }
    return `${this.#text}.${String(Math.floor(ms) % 1000).padStart(3, '0')}`;
  }
}
