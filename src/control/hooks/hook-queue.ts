import { setMaxListeners } from 'node:events';
import type { Clock } from '../../base/clock.ts';
import type { Undo } from '../../base/undo.ts';

/**
 * Events that wait for a back end: of all kinds, and of those that tell of files. Two for each of 10,000 sessions a minute while it
 * is away for two minutes.
 */
export const MAX_WAITING_EVENTS = 50_000;
export const MAX_WAITING_FILE_EVENTS = 10_000;
/** The bytes of their bodies. */
export const MAX_WAITING_EVENT_BYTES = 64 * 1024 * 1024;

/** From a try without an answer to the next one, ms; doubled each time up to the longest, a fifth more or less. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/** An event that is told and not asked. */
export interface QueuedEvent {
  /** Of its body. */
  readonly bytes: number;
  /** Tells of a file, not of the end of a session: of these fewer may wait. */
  readonly isFile: boolean;
  /** One try. `again`: there was no answer. Never rejects. */
  attempt(signal: AbortSignal): Promise<'done' | 'again'>;
  /** How many more tries it may have after the first. */
  retries(): number;
  /** There was no answer to its first try. */
  failed?(): void;
  /** It was given up; `full` and `stopping`: before its tries were over. */
  lost(why: 'full' | 'stopping' | 'no answer'): void;
  /** It does not count in memory any more. */
  gone?(): void;
}

export interface HookQueueDeps {
  readonly clock: Clock;
  /** 0 to 1, for the pauses. */
  readonly random?: () => number;
}

interface Line {
  readonly events: QueuedEvent[];
  /** Resolves when the line is empty. */
  done: Promise<void>;
}

/**
 * Events on their way to back ends: those with one key in order, each after the one before was answered or given up; those of
 * different keys do not wait for each other. Bounded.
 */
export class HookQueue {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #lines = new Map<string, Line>();
  readonly #pauses = new Set<() => void>();
  readonly #abort = new AbortController();
  #count = 0;
  #files = 0;
  #bytes = 0;
  #ending = false;
  #over = false;

  constructor({ clock, random = Math.random }: HookQueueDeps) {
    this.#clock = clock;
    this.#random = random;
    setMaxListeners(0, this.#abort.signal); // Each call listens to it.
  }

  /** Events that wait or are being told. */
  get size(): number {
    return this.#count;
  }

  /** At least half of what may wait of each kind is free. */
  get isHalfEmpty(): boolean {
    return (
      this.#count <= MAX_WAITING_EVENTS / 2 &&
      this.#files <= MAX_WAITING_FILE_EVENTS / 2 &&
      this.#bytes <= MAX_WAITING_EVENT_BYTES / 2
    );
  }

  push(key: string, event: QueuedEvent): void {
    const full =
      this.#count >= MAX_WAITING_EVENTS ||
      this.#bytes + event.bytes > MAX_WAITING_EVENT_BYTES ||
      (event.isFile && this.#files >= MAX_WAITING_FILE_EVENTS);
    if (full || this.#over) {
      event.lost(full ? 'full' : 'stopping');
      return;
    }
    this.#count += 1;
    this.#bytes += event.bytes;
    if (event.isFile) this.#files += 1;
    const line = this.#lines.get(key);
    if (line !== undefined) {
      line.events.push(event);
      return;
    }
    const made: Line = { events: [event], done: Promise.resolve() };
    this.#lines.set(key, made);
    made.done = this.#run(key, made);
  }

  /** Resolves when what waits with this key has been told, or after so long; at once when nothing does. */
  async emptied(key: string, withinMs: number): Promise<void> {
    const line = this.#lines.get(key);
    if (line === undefined) return;
    let cancel: Undo = () => undefined;
    const late = new Promise<void>((resolve) => {
      cancel = this.#clock.after(withinMs, resolve);
    });
    await Promise.race([line.done, late]);
    cancel();
  }

  /** Everything that waits is tried once more, now; what is not told within `withinMs` is lost. Idempotent. */
  async close(withinMs: number): Promise<void> {
    this.#ending = true;
    for (const wake of [...this.#pauses]) wake();
    let cancel: Undo = () => undefined;
    const late = new Promise<void>((resolve) => {
      cancel = this.#clock.after(withinMs, resolve);
    });
    await Promise.race([this.#empty(), late]);
    cancel();
    this.#over = true;
    this.#abort.abort();
    await this.#empty();
  }

  async #empty(): Promise<void> {
    while (this.#lines.size > 0) await Promise.all(Array.from(this.#lines.values(), ({ done }) => done));
  }

  async #run(key: string, line: Line): Promise<void> {
    for (let event = line.events.shift(); event !== undefined; event = line.events.shift()) {
      await this.#deliver(event);
      this.#count -= 1;
      this.#bytes -= event.bytes;
      if (event.isFile) this.#files -= 1;
      event.gone?.();
    }
    this.#lines.delete(key);
  }

  async #deliver(event: QueuedEvent): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      if (this.#over) {
        event.lost('stopping');
        return;
      }
      const last = this.#ending;
      if ((await event.attempt(this.#abort.signal)) === 'done') return;
      if (last || tries >= event.retries()) {
        event.lost(last ? 'stopping' : 'no answer');
        return;
      }
      if (tries === 0) event.failed?.();
      await this.#pause(tries);
    }
  }

  #pause(tries: number): Promise<void> {
    if (this.#ending) return Promise.resolve();
    const ms = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(tries, 10));
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        this.#pauses.delete(wake);
        resolve();
      };
      const cancel = this.#clock.after(ms * (0.8 + 0.4 * this.#random()), wake);
      this.#pauses.add(wake);
    });
  }
}
