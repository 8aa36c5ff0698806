import type { Buffer } from 'node:buffer';
import type { Clock } from '../../base/clock.ts';
import { describeError, ServerError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Undo } from '../../base/undo.ts';
import { openForReading, type ReadableFile } from '../../storage/reading.ts';
import { FlvLoop, type LoopTag } from './flv-loop.ts';
import { Pacer } from './pacer.ts';

/** First and longest wait before a failed ingest is tried again, ms; it doubles in between. */
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 8_000;

/** A publish that lasted so long was not part of a row of failures, ms. */
const STABLE_AFTER_MS = 10_000;

/** A publisher that does not end by itself is left alone after this, ms; `close()` promises 1 s. */
const CLOSE_LIMIT_MS = 800;

/** RTMP timestamps have 32 bits. */
const TIMESTAMP_WRAP = 2 ** 32;

/** A running publish on the target. */
export interface IngestPublisher {
  /** Sends one message (8 audio, 9 video, 18 data); false when its backlog is full: then `drain()` tells when to go on. */
  write(typeId: number, timestamp: number, body: Buffer): boolean;
  /** Resolves when the backlog is small again; may reject when the publish is over. */
  drain(): Promise<void>;
  /** Ends the publish. Idempotent. */
  close(): Promise<void>;
  /** Resolves when the publish is over, with the reason if it was not `close()`. Never rejects. */
  readonly closed: Promise<unknown>;
}

/** Where an ingest publishes to. */
export interface IngestTarget {
  open(): Promise<IngestPublisher>;
}

export interface FileIngestOptions {
  /** An FLV file. */
  readonly path: string;
  readonly target: IngestTarget;
  readonly clock: Clock;
  readonly log: Logger;
  /** How files are opened. @default openForReading */
  readonly openFile?: (path: string) => Promise<ReadableFile>;
}

/** Starts to publish an FLV file in an endless loop, at the pace of its timestamps, until it is closed. */
export function startFileIngest(options: FileIngestOptions): FileIngest {
  return new FileIngest(options);
}

/** A running file ingest. Made by `startFileIngest`. */
export class FileIngest {
  readonly #options: FileIngestOptions;
  readonly #work: Promise<void>;
  #closing = false;
  /** What the log said last, so that a state is told once. */
  #told = '';
  /** Ends the wait that is going on. */
  #wake: () => void = () => undefined;

  /** @internal Use `startFileIngest`. */
  constructor(options: FileIngestOptions) {
    this.#options = options;
    this.#work = this.#run();
  }

  /** Unpublishes and closes the file, within 1 s. Idempotent; never rejects. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#wake();
    await this.#work;
  }

  async #run(): Promise<void> {
    const { clock, log, path } = this.#options;
    let retryMs = RETRY_MIN_MS;
    while (!this.#closing) {
      const startedAt = clock.now();
      try {
        await this.#publish();
      } catch (error) {
        if (this.#isClosing()) return;
        if (clock.now() - startedAt >= STABLE_AFTER_MS) retryMs = RETRY_MIN_MS;
        const state = `failed: ${error instanceof ServerError ? error.code : 'error'}`;
        this.#tell(state, () => log.warn(`ingest of ${path} failed, trying again: ${describeError(error)}`));
        await this.#sleep(retryMs);
        retryMs = Math.min(RETRY_MAX_MS, retryMs * 2);
      }
    }
  }

  /** One publish, from the first tag of the file on. Returns when the ingest is closed, throws for anything else. */
  async #publish(): Promise<void> {
    const { path, clock, log, openFile = openForReading } = this.#options;
    const loop = new FlvLoop(() => openFile(path));
    let publisher: IngestPublisher | undefined;
    try {
      // A bad file is told before the target is bothered.
      const first = await loop.next();
      publisher = await this.#open();
      if (publisher === undefined) return;
      this.#tell('publishing', () => log.info(`ingest of ${path} is published`));
      await this.#send(loop, first, publisher, new Pacer(clock));
    } finally {
      await loop.close();
      if (publisher !== undefined) await this.#within(CLOSE_LIMIT_MS, publisher.close());
    }
  }

  async #send(loop: FlvLoop, first: LoopTag, publisher: IngestPublisher, pacer: Pacer): Promise<void> {
    const state = { current: true, ended: false, why: undefined as unknown };
    void publisher.closed.then((why) => {
      state.ended = true;
      state.why = why;
      // The end may be told after the next publish has begun: its waits are none of ours.
      if (state.current) this.#wake();
    });
    try {
      for (let tag = first; ; tag = await loop.next()) {
        // Asks again after each wait: timers may fire a little early, and another end may have woken it.
        for (let wait = pacer.waitFor(tag.time); wait > 0 && !state.ended; wait = pacer.waitFor(tag.time)) {
          if (this.#closing) return;
          await this.#sleep(wait);
        }
        if (this.#closing) return;
        if (!state.ended && !publisher.write(tag.typeId, Math.round(tag.time) % TIMESTAMP_WRAP, tag.body)) {
          await this.#untilWoken(publisher.drain());
        }
        if (state.ended) throw new ServerError('SESSION_CLOSED', 'the publish ended', { cause: state.why });
      }
    } finally {
      state.current = false;
    }
  }

  /** The target's publisher; undefined when the ingest was closed meanwhile (a publisher that comes later is closed). */
  async #open(): Promise<IngestPublisher | undefined> {
    const opening = this.#options.target.open();
    let opened: IngestPublisher | undefined;
    let failure: { readonly error: unknown } | undefined;
    await this.#untilWoken(
      opening.then(
        (publisher) => {
          opened = publisher;
        },
        (error: unknown) => {
          failure = { error };
        },
      ),
    );
    if (this.#closing) {
      void opening.then(
        (publisher) => void publisher.close(),
        () => undefined,
      );
      return undefined;
    }
    if (failure !== undefined) throw (failure as { error: unknown }).error;
    return opened;
  }

  #isClosing(): boolean {
    return this.#closing;
  }

  #tell(state: string, say: () => void): void {
    if (this.#told === state) return;
    this.#told = state;
    say();
  }

  /** Waits on the clock; `close()` and the end of the publish cut it short. */
  async #sleep(ms: number): Promise<void> {
    let cancel: Undo = () => undefined;
    await this.#untilWoken(new Promise<void>((resolve) => (cancel = this.#options.clock.after(ms, resolve))));
    cancel();
  }

  /** Waits for a promise, whether it resolves or rejects, or for `#wake()`. */
  async #untilWoken(promise: Promise<unknown>): Promise<void> {
    if (this.#closing) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      promise.then(
        () => resolve(),
        () => resolve(),
      );
    });
    this.#wake = () => undefined;
  }

  async #within(ms: number, promise: Promise<unknown>): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(ms, resolve);
      const done = (): void => {
        cancel();
        resolve();
      };
      promise.then(done, done);
    });
  }
}
