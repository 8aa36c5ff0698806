import { fstatSync, openSync } from 'node:fs';
import path from 'node:path';
import sonicBoom from 'sonic-boom';
import { ServerError } from '../base/errors.ts';
import { makeFolder } from '../storage/make-folder.ts';

/** How long `end` waits for a terminal, pipe or disk that takes nothing, ms. */
const END_TIMEOUT_MS = 1_000;
/** Tries of `flushSync` on a full pipe, 100 ms apart. */
const SYNC_RETRIES = 10;
/** How long `flushSync` waits for a write that was under way before it, ms. */
const FLIGHT_TIMEOUT_MS = 500;
/** The same where nothing tells that it is over: a pipe or a terminal, ms. */
const FLIGHT_BLIND_MS = 5;
/** Characters handed to the file descriptor at a time, but for the line that fills it up. */
const CHUNK_LENGTH = 256 * 1024;

export interface LogTargetEvents {
  onDrop(): void;
  /** All that was given is written. */
  onDrain(): void;
}

/**
 * One open log file or the console: a queue of lines in front of a file descriptor. A line that finds no write under way is
 * written at once; those that come during a write wait and go together, so a busy event loop costs no throughput.
 */
export class LogTarget {
  readonly #fd: number;
  readonly #boom: sonicBoom.SonicBoom;
  readonly #events: LogTargetEvents;
  /** Size of the file without the write under way, if there is one; undefined where it is no file. */
  #size: number | undefined;
  /** A thread may be writing at this moment. */
  #writing = false;
  /** Lines that wait for the end of a write, in chunks; the last one grows. */
  readonly #chunks: string[] = [];
  /** Characters in them, and those handed over that are not all written yet. */
  #waiting = 0;
  #handedOver = 0;
  readonly #maxLength: number;
  /** Ends when the first write may begin; undefined from then on. */
  #held: Promise<void> | undefined;
  #syncRetries: number | undefined;
  #ended: Promise<void> | undefined;

  /** `tank` is `console` or a path, whose folder is made. Throws LOG_OPEN_FAILED. */
  constructor(tank: string, maxLength: number, events: LogTargetEvents) {
    this.#events = events;
    this.#maxLength = maxLength;
    this.#fd = tank === 'console' ? 1 : openLog(tank);
    this.#size = sizeOf(this.#fd);
    this.#boom = new sonicBoom.SonicBoom({
      fd: this.#fd,
      sync: false,
      retryEAGAIN: () => this.#syncRetries === undefined || (this.#syncRetries -= 1) > 0,
    });
    // A full disk or a closed pipe must not end the server: lines pile up to the bound, then they are dropped and counted.
    this.#boom.on('error', () => (this.#writing = false));
    this.#boom.on('write', (bytes: number) => {
      if (this.#size !== undefined) this.#size += bytes;
    });
    this.#boom.on('drain', () => {
      this.#writing = false;
      this.#handedOver = 0;
      if (this.#chunks.length > 0) this.#handOver();
      else events.onDrain();
    });
  }

  /** Lines given from now on wait until `before`, which never rejects, has resolved. To be called before the first line. */
  holdUntil(before: Promise<void>): void {
    this.#held = before.then(() => {
      this.#held = undefined;
      if (!this.#writing) this.#handOver();
    });
  }

  /** Never throws; what is above the bound is dropped and told. */
  write(line: string): void {
    if (this.#waiting + this.#handedOver + line.length > this.#maxLength) {
      this.#events.onDrop();
      this.#retry();
      return;
    }
    const last = this.#chunks.length - 1;
    const chunk = this.#chunks[last];
    // Concatenation in V8 copies nothing; the copy is made once for the whole chunk.
    if (chunk === undefined || chunk.length >= CHUNK_LENGTH) this.#chunks.push(line);
    else this.#chunks[last] = chunk + line;
    this.#waiting += line.length;
    if (!this.#writing && this.#held === undefined) this.#handOver();
  }

  /** Has everything written, as far as the file descriptor takes it, before it returns. */
  flushSync(): void {
    if (!this.#writing && this.#chunks.length > 0) {
      // The first chunk is written by another thread, as ever.
      if (this.#size !== undefined) this.#size = sizeOf(this.#fd);
      this.#handOver();
    }
    if (this.#writing) this.#awaitFlight();
    const before = this.#size === undefined ? undefined : sizeOf(this.#fd);
    this.#handOverAll();
    this.#syncRetries = SYNC_RETRIES;
    try {
      this.#boom.flushSync();
    } catch {
      // The pipe is full or closed, or the file has been closed with all that it was given.
    }
    this.#syncRetries = undefined;
    // What was written here has no event; that of the write that was under way is still to come.
    if (this.#size !== undefined && before !== undefined) this.#size += (sizeOf(this.#fd) ?? before) - before;
  }

  /** Resolves when all is written and closed, or when it cannot be. Later lines are lost. Idempotent. */
  end(): Promise<void> {
    this.#ended ??= this.#held === undefined ? this.#finish() : this.#held.then(() => this.#finish());
    return this.#ended;
  }

  #finish(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, END_TIMEOUT_MS);
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#boom.once('close', done);
      this.#boom.once('error', done);
      this.#handOverAll();
      try {
        this.#boom.end();
      } catch {
        done();
      }
    });
  }

  /**
   * A write that failed (a full disk) leaves what it had to write in the queue. A line that fits tries again with it; above the
   * bound none fits, so this does, or a log that was once full would stay silent for ever.
   */
  #retry(): void {
    if (this.#writing || this.#held !== undefined || this.#ended !== undefined) return;
    this.#writing = true;
    this.#boom.write('');
  }

  #handOverAll(): void {
    while (this.#chunks.length > 0) this.#handOver();
  }

  #handOver(): void {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return;
    this.#waiting -= chunk.length;
    this.#handedOver += chunk.length;
    this.#writing = true;
    try {
      this.#boom.write(chunk);
    } catch {
      this.#events.onDrop(); // Closed: nobody writes after the end.
    }
  }

  /**
   * A write that another thread has begun can neither be taken back nor be waited for, as its end is told by an event. That
   * the file has grown tells it too; without this wait later lines would come before it, or the process end before it.
   */
  #awaitFlight(): void {
    const until = Date.now() + (this.#size === undefined ? FLIGHT_BLIND_MS : FLIGHT_TIMEOUT_MS);
    let last = this.#size;
    while (Date.now() < until) {
      const size = this.#size === undefined ? undefined : sizeOf(this.#fd);
      // Grown, and no more since: a file grows page by page while it is written.
      if (size !== undefined && this.#size !== undefined && size > this.#size && size === last) return;
      last = size;
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
    makeFolder(path.dirname(file));
    return openSync(file, 'a', 0o644);
  } catch (cause) {
    throw new ServerError('LOG_OPEN_FAILED', `the log file ${file} cannot be opened`, { cause });
  }
}
