import { openSync } from 'node:fs';
import sonicBoom from 'sonic-boom';
import { describeError, ServerError } from '../base/errors.ts';

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
  readonly #maxBytes: number;
  #boom: sonicBoom.SonicBoom;
  /** Files that a reopen has left and that are still being written. */
  #retiring: Promise<unknown> = Promise.resolve();
  #dropped = 0;
  #droppedTotal = 0;
  #syncRetries: number | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: LogSinkOptions) {
    this.#tank = options.tank;
    this.#onDropsOver = options.onDropsOver;
    this.#maxBytes = options.maxBacklogBytes ?? MAX_LOG_BACKLOG_BYTES;
    this.#boom = this.#open();
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

  /** Opens the file again by its name, after a rotation has moved it away. Stays with the old one when that fails. */
  reopen(): void {
    if (this.#tank === 'console' || this.#closed !== undefined) return;
    try {
      const next = this.#open();
      this.#retiring = Promise.all([this.#retiring, endOf(this.#boom)]);
      this.#boom = next;
    } catch (error) {
      this.write(`${describeError(error)}\n`);
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
    this.#closed ??= Promise.all([this.#retiring, endOf(this.#boom)]).then(() => undefined);
    return this.#closed;
  }

  #open(): sonicBoom.SonicBoom {
    const boom = new sonicBoom.SonicBoom({
      fd: this.#tank === 'console' ? 1 : openLog(this.#tank),
      sync: false,
      maxLength: this.#maxBytes,
      retryEAGAIN: () => this.#syncRetries === undefined || (this.#syncRetries -= 1) > 0,
    });
    // A full disk or a closed pipe must not end the server: lines pile up to the bound, then they are dropped and counted.
    boom.on('error', () => undefined);
    boom.on('drop', () => this.#drop());
    boom.on('drain', () => this.#recovered());
    return boom;
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

/** Resolves when all is written and closed, or when it cannot be. */
function endOf(boom: sonicBoom.SonicBoom): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    boom.once('close', done);
    boom.once('error', done);
    try {
      boom.end();
    } catch {
      done();
    }
  });
}

function openLog(path: string): number {
  try {
    return openSync(path, 'a', 0o644);
  } catch (cause) {
    throw new ServerError('LOG_OPEN_FAILED', `the log file ${path} cannot be opened`, { cause });
  }
}
