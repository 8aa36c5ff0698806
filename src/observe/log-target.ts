import { fstatSync, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import sonicBoom from 'sonic-boom';
import { ServerError } from '../base/errors.ts';

/** How long `end` waits for a terminal, pipe or disk that takes nothing, ms. */
const END_TIMEOUT_MS = 1_000;
/** Tries of `flushSync` on a full pipe, 100 ms apart. */
const SYNC_RETRIES = 10;
/** How long `flushSync` waits for a write that was under way before it, ms. */
const FLIGHT_TIMEOUT_MS = 200;
/** The same where nothing tells that it is over: a pipe or a terminal, ms. */
const FLIGHT_BLIND_MS = 5;

export interface LogTargetEvents {
  onDrop(): void;
  /** All that was given is written. */
  onDrain(): void;
}

/** One open log file or the console: a queue of lines in front of a file descriptor. */
export class LogTarget {
  readonly #fd: number;
  readonly #boom: sonicBoom.SonicBoom;
  readonly #events: LogTargetEvents;
  /** Size that the file has once every write so far is done; undefined where it is no file. */
  #size: number | undefined;
  /** A thread may be writing at this moment. */
  #writing = false;
  #syncRetries: number | undefined;
  #ended: Promise<void> | undefined;

  /** `tank` is `console` or a path, whose folder is made. Throws LOG_OPEN_FAILED. */
  constructor(tank: string, maxBytes: number, events: LogTargetEvents) {
    this.#events = events;
    this.#fd = tank === 'console' ? 1 : openLog(tank);
    this.#size = sizeOf(this.#fd);
    this.#boom = new sonicBoom.SonicBoom({
      fd: this.#fd,
      sync: false,
      maxLength: maxBytes,
      retryEAGAIN: () => this.#syncRetries === undefined || (this.#syncRetries -= 1) > 0,
    });
    // A full disk or a closed pipe must not end the server: lines pile up to the bound, then they are dropped and counted.
    this.#boom.on('error', () => (this.#writing = false));
    this.#boom.on('drop', () => events.onDrop());
    this.#boom.on('write', (bytes: number) => {
      if (this.#size !== undefined) this.#size += bytes;
    });
    this.#boom.on('drain', () => {
      this.#writing = false;
      events.onDrain();
    });
  }

  write(line: string): void {
    this.#writing = true;
    try {
      this.#boom.write(line);
    } catch {
      this.#events.onDrop();
    }
  }

  /** Has everything written, as far as the file descriptor takes it, before it returns. */
  flushSync(): void {
    if (this.#writing) this.#awaitFlight();
    this.#syncRetries = SYNC_RETRIES;
    try {
      this.#boom.flushSync();
    } catch {
      // The pipe is full or closed, or the file has been closed with all that it was given.
    }
    this.#syncRetries = undefined;
  }

  /** Resolves when all is written and closed, or when it cannot be. Idempotent. */
  end(): Promise<void> {
    this.#ended ??= new Promise((resolve) => {
      const timer = setTimeout(resolve, END_TIMEOUT_MS);
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
    return this.#ended;
  }

  /**
   * A write that another thread has begun can neither be taken back nor be waited for, as its end is told by an event. That
   * the file has grown tells it too; without this wait later lines would come before it, or the process end before it.
   */
  #awaitFlight(): void {
    const until = Date.now() + (this.#size === undefined ? FLIGHT_BLIND_MS : FLIGHT_TIMEOUT_MS);
    while (Date.now() < until) {
      const size = this.#size === undefined ? undefined : sizeOf(this.#fd);
      if (size !== undefined && this.#size !== undefined && size > this.#size) return;
      sleep(1);
    }
  }
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function sizeOf(fd: number): number | undefined {
  try {
    const stat = fstatSync(fd);
    return stat.isFile() ? stat.size : undefined;
  } catch {
    return undefined;
  }
}

function openLog(file: string): number {
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    return openSync(file, 'a', 0o644);
  } catch (cause) {
    throw new ServerError('LOG_OPEN_FAILED', `the log file ${file} cannot be opened`, { cause });
  }
}
