import { openSync } from 'node:fs';
import sonicBoom from 'sonic-boom';
import { ServerError } from '../base/errors.ts';

/** Bytes of log that wait for a slow disk or terminal; more is dropped and counted. */
export const MAX_LOG_BACKLOG_BYTES = 8 * 1024 * 1024;

export interface LogSinkOptions {
  /** `console` is standard output; anything else is the path of a file, which is appended to. */
  readonly tank: string;
  /** @default MAX_LOG_BACKLOG_BYTES */
  readonly maxBacklogBytes?: number;
  /** Told how many lines were lost, when writing works again. */
  readonly onDropsOver: (lines: number) => void;
}

/** How long `close` waits for a terminal or pipe that takes nothing, ms. */
const CLOSE_TIMEOUT_MS = 1_000;
/** Tries of `flushSync` on a full pipe, 100 ms apart. */
const SYNC_RETRIES = 10;

/** Where log lines go: asynchronous, bounded, never throws after its creation. */
export class LogSink {
  readonly #tank: string;
  readonly #onDropsOver: (lines: number) => void;
  readonly #boom: sonicBoom.SonicBoom;
  #dropped = 0;
  #droppedTotal = 0;
  #syncRetries: number | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: LogSinkOptions) {
    this.#tank = options.tank;
    this.#onDropsOver = options.onDropsOver;
    this.#boom = new sonicBoom.SonicBoom({
      fd: options.tank === 'console' ? 1 : openLog(options.tank),
      sync: false,
      maxLength: options.maxBacklogBytes ?? MAX_LOG_BACKLOG_BYTES,
      retryEAGAIN: () => this.#syncRetries === undefined || (this.#syncRetries -= 1) > 0,
    });
    // A full disk or a closed pipe must not end the server: lines pile up to the bound, then they are dropped and counted.
    this.#boom.on('error', () => undefined);
    this.#boom.on('drop', () => this.#drop());
    this.#boom.on('drain', () => this.#recovered());
  }

  /** Lines lost since the start. */
  get dropped(): number {
    return this.#droppedTotal;
  }

  write(line: string): void {
    if (this.#closed !== undefined) return;
    try {
      this.#boom.write(line);
    } catch {
      this.#drop();
    }
  }

  /** Opens the file again by its name, after a rotation has moved it away. */
  reopen(): void {
    if (this.#tank === 'console' || this.#closed !== undefined) return;
    try {
      this.#boom.reopen(this.#tank);
    } catch {
      // The old file stays in use.
    }
  }

  /** Writes what is left before it returns. For the very end of the process. */
  flushSync(): void {
    this.#syncRetries = SYNC_RETRIES;
    try {
      this.#boom.flushSync();
    } catch {
      // The pipe is full or closed; there is nobody to tell.
    }
    this.#syncRetries = undefined;
  }

  /** Writes what is left and closes the file. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#boom.once('close', done);
      this.#boom.once('error', done);
      try {
        this.#boom.end();
      } catch {
        done();
      }
    });
    return this.#closed;
  }

  #drop(): void {
    this.#dropped += 1;
    this.#droppedTotal += 1;
  }

  #recovered(): void {
    if (this.#dropped === 0 || this.#closed !== undefined) return;
    const lines = this.#dropped;
    this.#dropped = 0;
    this.#onDropsOver(lines);
  }
}

function openLog(path: string): number {
  try {
    return openSync(path, 'a', 0o644);
  } catch (cause) {
    throw new ServerError('LOG_OPEN_FAILED', `the log file ${path} cannot be opened`, { cause });
  }
}
