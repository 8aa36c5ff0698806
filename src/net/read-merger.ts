import type { Clock } from '../base/clock.ts';
import type { Undo } from '../base/undo.ts';

/** Senders that are active at the same time up to which every message is read as it comes. */
const UNMERGED_SENDERS = 100;
/** Reads per second of the process that merging aims at: the window grows with the number of senders. */
const READS_PER_SECOND = 3_000;
/** How often senders are counted, ms. */
const SAMPLE_MS = 500;
/** Sockets whose windows end within the same slot are resumed together, ms. */
const SLOT_MS = 10;

/** A sender's socket that was emptied and is to be read again later. */
export interface MergedReader {
  /** The longest that its bytes may wait in the kernel for their read, ms: half of it is the mean added latency. */
  readonly maxRestMs: number;
  /** Begins to read again. */
  readAgain(): void;
  /** The sample in which it was read last; kept by the merger. */
  sample: number;
}

/**
 * Merged read: with hundreds of senders of small messages a read per message costs more than the message. Above a number of
 * active senders each socket, once emptied, rests for a short window, so that one read brings several messages. Only an
 * empty socket rests: bytes never pile up beyond one window, and a fast sender is read without a pause. See docs/adr/0002.
 */
export class ReadMerger {
  readonly #clock: Clock;
  readonly #slots = new Map<number, MergedReader[]>();
  readonly #tick = (): void => this.#resumeDue();
  #timer: Undo | undefined;
  #windowMs = 0;
  #sample = 0;
  #senders = 0;
  #sampledAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sampledAt = clock.now();
  }

  /** How long an emptied socket rests now unless its own bound is shorter, ms; 0 = it does not. */
  get windowMs(): number {
    return this.#windowMs;
  }

  /** A sender's socket was read and is empty. True: stop reading, `readAgain` will be called. */
  rests(reader: MergedReader): boolean {
    if (reader.sample !== this.#sample) {
      reader.sample = this.#sample;
      this.#senders += 1;
    }
    const now = this.#clock.now();
    if (now - this.#sampledAt >= SAMPLE_MS) this.#count(now);
    const window = this.#windowMs < reader.maxRestMs ? this.#windowMs : reader.maxRestMs;
    if (window <= 0) return false;
    const slot = Math.ceil((now + window) / SLOT_MS);
    const readers = this.#slots.get(slot);
    if (readers === undefined) this.#slots.set(slot, [reader]);
    else readers.push(reader);
    this.#timer ??= this.#clock.every(SLOT_MS, this.#tick);
    return true;
  }

  /** Nobody rests any more. */
  close(): void {
    this.#timer?.();
    this.#timer = undefined;
    this.#slots.clear();
  }

  #count(now: number): void {
    const senders = this.#senders;
    this.#windowMs = senders > UNMERGED_SENDERS ? (senders * 1000) / READS_PER_SECOND : 0;
    this.#senders = 0;
    this.#sample += 1;
    this.#sampledAt = now;
  }

  #resumeDue(): void {
    const current = Math.floor(this.#clock.now() / SLOT_MS);
    for (const [slot, readers] of this.#slots) {
      if (slot > current) continue;
      this.#slots.delete(slot);
      for (const reader of readers) reader.readAgain();
    }
    if (this.#slots.size === 0) this.close();
  }
}
