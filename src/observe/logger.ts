import { describeError } from '../base/errors.ts';
import type { Logger, LogScope } from '../base/logger.ts';
import { JsonLines, srsHead, srsLine, type LogFormat } from './line-format.ts';
import { childScope, NO_SCOPE, type LineScope } from './log-escape.ts';
import { LINE_RANK, readLevel, type LevelNames, type LineLevel, type LogLevel } from './log-level.ts';
import { LogSink } from './log-sink.ts';
import { Stamp, type WallClock } from './stamp.ts';

/** What of the log can be changed while it is written (reload). */
export interface LogSettings {
  /** [srs_log_tank, srs_log_file] `console`, or the path of a file that is appended to. */
  readonly tank: string;
  /** Lines below it are not written, see `logLevelOf`. `info()` writes SRS's level `trace`, `debug()` its `info`. */
  readonly level: LogLevel;
  /** [srs_log_format] */
  readonly format: LogFormat;
  /** [utc_time] */
  readonly utc: boolean;
}

export interface LoggerOptions extends Pick<LogSettings, 'tank' | 'level'> {
  /** @default 'srs' */
  readonly format?: LogFormat;
  /** @default false */
  readonly utc?: boolean;
  readonly pid: number;
  /** @default Date */
  readonly clock?: WallClock;
  /** Bytes that may wait for a slow disk, see MAX_LOG_BACKLOG_BYTES. */
  readonly maxBacklogBytes?: number;
}

/** The process's logger: the root of all scoped ones. */
export interface RootLogger extends Logger {
  /**
   * Changes the settings of this logger and of all scoped ones at once. Lines written before are not lost. Throws
   * LOG_OPEN_FAILED when the file of another tank cannot be opened; nothing has changed then.
   */
  reconfigure(settings: LogSettings): void;
  /** Opens the file again, for log rotation (SIGUSR1). Stays with the old one, and says so in it, when that fails. */
  reopen(): void;
  /** Blocks until all is written; for the very end of the process. */
  flushSync(): void;
  /** Writes what is left and closes. Later lines are lost. Idempotent. */
  close(): Promise<void>;
  /** Lines lost because the disk or terminal was too slow. */
  readonly dropped: number;
}

/**
 * A logger that writes `[2026-01-31 12:34:56.789][Trace][pid][session id] text`, as SRS does, or pino's JSON. Throws
 * LOG_OPEN_FAILED when the file cannot be opened; after that it never throws (but for `reconfigure`) and never blocks.
 */
export function createLogger(options: LoggerOptions): RootLogger {
  return new ScopedLogger(new LogCore(options), NO_SCOPE);
}

/** What all scoped loggers of a process share, and a reload changes under them. */
class LogCore {
  readonly pid: number;
  readonly sink: LogSink;
  readonly #stamp: Stamp;
  readonly #json: JsonLines;
  #format: LogFormat;
  #names: LevelNames;
  rank: number;

  constructor(options: LoggerOptions) {
    this.pid = options.pid;
    this.#stamp = new Stamp(options.clock ?? Date, options.utc ?? false);
    this.sink = new LogSink({
      tank: options.tank,
      ...(options.maxBacklogBytes === undefined ? {} : { maxBacklogBytes: options.maxBacklogBytes }),
      onDropsOver: (lines) => this.say('warn', `the log was too slow: ${lines} lines were dropped`),
    });
    this.#json = new JsonLines(options.pid, this.#stamp, (line) => this.sink.write(line));
    this.#format = options.format ?? 'srs';
    ({ rank: this.rank, names: this.#names } = readLevel(options.level));
  }

  /** What fails comes first. */
  reconfigure(settings: LogSettings): void {
    const { rank, names } = readLevel(settings.level);
    if (settings.tank !== this.sink.tank) this.sink.retarget(settings.tank);
    this.rank = rank;
    this.#names = names;
    this.#format = settings.format;
    this.#stamp.utc = settings.utc;
  }

  reopen(): void {
    try {
      this.sink.retarget(this.sink.tank);
    } catch (error) {
      this.say('error', describeError(error));
    }
  }

  /** A line of nobody's scope. */
  say(level: LineLevel, message: string): void {
    if (this.rank <= LINE_RANK[level]) this.line(NO_SCOPE, srsHead(this.pid, NO_SCOPE), level, message);
  }

  line(scope: LineScope, head: string, level: LineLevel, message: string): void {
    if (this.#format === 'json') this.#json.write(scope, level, message);
    else this.sink.write(srsLine(this.#stamp, this.#names, head, level, message));
  }
}

/** The root is one too; who got a scoped one by `child` does not see the methods of the process. */
class ScopedLogger implements RootLogger {
  readonly #core: LogCore;
  readonly #scope: LineScope;
  /** Made by the first line: many sessions have a logger and nothing to say. */
  #head: string | undefined;

  constructor(core: LogCore, scope: LineScope) {
    this.#core = core;
    this.#scope = scope;
  }

  get dropped(): number {
    return this.#core.sink.dropped;
  }

  debug(message: string): void {
    if (this.#core.rank <= LINE_RANK.debug) this.#line('debug', message);
  }

  info(message: string): void {
    if (this.#core.rank <= LINE_RANK.info) this.#line('info', message);
  }

  warn(message: string): void {
    if (this.#core.rank <= LINE_RANK.warn) this.#line('warn', message);
  }

  error(message: string): void {
    this.#line('error', message);
  }

  child(scope: LogScope): Logger {
    return new ScopedLogger(this.#core, childScope(this.#scope, scope));
  }

  reconfigure(settings: LogSettings): void {
    this.#core.reconfigure(settings);
  }

  reopen(): void {
    this.#core.reopen();
  }

  flushSync(): void {
    this.#core.sink.flushSync();
  }

  close(): Promise<void> {
    return this.#core.sink.close();
  }

  #line(level: LineLevel, message: string): void {
    this.#head ??= srsHead(this.#core.pid, this.#scope);
    this.#core.line(this.#scope, this.#head, level, message);
  }
}
