import type { StreamOptions, ViewerSink } from './ports.ts';

/** Queued windows are handed to the sink joined into pieces of about this size. */
const PIECE_BYTES = 256 * 1024;
/**
 * Media is handed to a sink that still holds so much only through the queue, bytes: what a viewer asked for by joining again
 * (pause, receiveVideo) must not pile up in the socket of a peer that takes nothing.
 */
const MAX_SINK_BACKLOG_BYTES = PIECE_BYTES;

export interface QueueBounds {
  /** Media time, ms. */
  readonly maxMs: number;
  readonly maxBytes: number;
}

/** [queue_length, queue_max_size] */
export function queueBounds(options: StreamOptions): QueueBounds {
  return { maxMs: options.queueLengthMs, maxBytes: options.queueMaxBytes };
}

/**
 * One viewer's queue of finished, shared windows. It is empty as long as the viewer keeps up: then a window goes straight to
 * the sink. Overflow policy: everything queued is dropped, and the owner lets the viewer join again at a keyframe.
 */
export class ViewerQueue {
  /** What is queued beyond new bounds goes with the next window. */
  bounds: QueueBounds;
  readonly #sink: ViewerSink;
  #windows: Buffer[] = [];
  /** Per window: media time that it spans, and stream time of its end. */
  #spans: number[] = [];
  #ends: number[] = [];
  #head = 0;
  #queuedBytes = 0;
  #queuedMs = 0;
  #sentBytes = 0;
  #drops = 0;
  #droppedBytes = 0;
  #sentDts: number | undefined;
  #givenDts: number | undefined;

  constructor(sink: ViewerSink, bounds: QueueBounds) {
    this.#sink = sink;
    this.bounds = bounds;
  }

  get queuedMs(): number {
    return this.#queuedMs;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  get drops(): number {
    return this.#drops;
  }

  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  /** Stream time up to which the viewer was sent media, ms. */
  get sentDts(): number | undefined {
    return this.#sentDts;
  }

  /** Stream time up to which the viewer was sent media or has it in the queue, ms. */
  get givenDts(): number | undefined {
    return this.#givenDts;
  }

  get isEmpty(): boolean {
    return this.#queuedBytes === 0;
  }

  /**
   * Takes one window of `spanMs` media that ends at stream time `endDts`. False: the queue was over its bound and has been
   * dropped with this window.
   */
  offer(window: Buffer, spanMs: number, endDts: number): boolean {
    if (this.#sink.pendingBytes === 0) {
      if (this.#queuedBytes > 0) this.drain();
      if (this.#queuedBytes === 0) {
        this.#write(window, endDts);
        return true;
      }
    }
    if (
      this.#queuedMs + spanMs > this.bounds.maxMs ||
      this.#queuedBytes + window.length > this.bounds.maxBytes
    ) {
      this.#drops += 1;
      this.#droppedBytes += this.#queuedBytes + window.length;
      this.clear();
      return false;
    }
    this.#push(window, spanMs, endDts);
    return true;
  }

  /** Takes bytes that a viewer cannot do without (head, catch-up, trailer): in order, but outside the bounds. */
  force(bytes: Buffer, endDts: number | undefined): void {
    if (bytes.length === 0) return;
    const isFull = endDts !== undefined && this.#sink.pendingBytes > MAX_SINK_BACKLOG_BYTES;
    if (this.#queuedBytes === 0 && !isFull) this.#write(bytes, endDts);
    else this.#push(bytes, 0, endDts ?? this.#ends[this.#ends.length - 1] ?? 0);
  }

  /** Writes on while the sink takes bytes. */
  drain(): void {
    while (this.#queuedBytes > 0 && this.#sink.pendingBytes === 0) {
      const from = this.#head;
      let bytes = 0;
      let at = from;
      for (; at < this.#windows.length; at += 1) {
        const next = this.#windows[at]?.length ?? 0;
        if (bytes > 0 && bytes + next > PIECE_BYTES) break;
        bytes += next;
        this.#queuedMs -= this.#spans[at] ?? 0;
      }
      const piece =
        at - from === 1 ? this.#windows[from] : Buffer.concat(this.#windows.slice(from, at), bytes);
      const endDts = this.#ends[at - 1];
      this.#head = at;
      this.#queuedBytes -= bytes;
      if (this.#queuedBytes === 0) this.#reset();
      else if (at > 64 && at * 2 > this.#windows.length) this.#compact();
      else this.#windows.fill(EMPTY, from, at);
      if (piece !== undefined) this.#write(piece, endDts);
    }
  }

  /** Counts bytes that a viewer misses while it waits to join again. */
  miss(bytes: number): void {
    this.#droppedBytes += bytes;
  }

  /** Forgets what is queued. */
  clear(): void {
    this.#reset();
    this.#queuedBytes = 0;
    this.#givenDts = this.#sentDts;
  }

  #write(bytes: Buffer, endDts: number | undefined): void {
    this.#sentBytes += bytes.length;
    if (endDts !== undefined) {
      this.#sentDts = endDts;
      if (this.#queuedBytes === 0) this.#givenDts = endDts;
    }
    this.#sink.write(bytes);
  }

  #push(window: Buffer, spanMs: number, endDts: number): void {
    this.#windows.push(window);
    this.#spans.push(spanMs);
    this.#ends.push(endDts);
    this.#queuedBytes += window.length;
    this.#queuedMs += spanMs;
    this.#givenDts = endDts;
  }

  #compact(): void {
    this.#windows.splice(0, this.#head);
    this.#spans.splice(0, this.#head);
    this.#ends.splice(0, this.#head);
    this.#head = 0;
  }

  #reset(): void {
    this.#windows = [];
    this.#spans = [];
    this.#ends = [];
    this.#head = 0;
    this.#queuedMs = 0;
  }
}

const EMPTY = Buffer.alloc(0);
