import type { StreamOptions, ViewerSink } from './ports.ts';

/** Queued windows are handed to the sink joined into pieces of about this size. */
const PIECE_BYTES = 256 * 1024;
/**
 * Media is handed to a sink that still holds so much only through the queue, bytes: what a viewer asked for by joining again
 * (pause, receiveVideo) must not pile up in the socket of a peer that takes nothing.
 */
const MAX_SINK_BACKLOG_BYTES = PIECE_BYTES;

/** [queue_length, queue_max_size] Those of the stream, shared by its viewers. */
export type QueueBounds = Pick<StreamOptions, 'queueLengthMs' | 'queueMaxBytes'>;

/** What is queued. */
interface Backlog {
  readonly windows: Buffer[];
  /** Per window: media time that it spans, and stream time of its end. */
  readonly spans: number[];
  readonly ends: number[];
  /** The first window that is not sent yet. */
  head: number;
}

/**
 * One viewer's queue of finished, shared windows. It is empty as long as the viewer keeps up: then a window goes straight to
 * the sink. Overflow policy: everything queued is dropped, and the owner lets the viewer join again at a keyframe.
 */
export class ViewerQueue {
  /** What is queued beyond new bounds goes with the next window. */
  bounds: QueueBounds;
  readonly #sink: ViewerSink;
  /** Undefined while nothing is queued: of thousands of viewers only some ever have one. */
  #backlog: Backlog | undefined;
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
      this.#queuedMs + spanMs > this.bounds.queueLengthMs ||
      this.#queuedBytes + window.length > this.bounds.queueMaxBytes
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
    else this.#push(bytes, 0, endDts ?? this.#backlog?.ends.at(-1) ?? 0);
  }

  /** Writes on while the sink takes bytes. */
  drain(): void {
    while (this.#backlog !== undefined && this.#sink.pendingBytes === 0) {
      const { windows, spans, ends, head } = this.#backlog;
      let bytes = 0;
      let at = head;
      for (; at < windows.length; at += 1) {
        const next = windows[at]?.length ?? 0;
        if (bytes > 0 && bytes + next > PIECE_BYTES) break;
        bytes += next;
        this.#queuedMs -= spans[at] ?? 0;
      }
      const piece = at - head === 1 ? windows[head] : Buffer.concat(windows.slice(head, at), bytes);
      const endDts = ends[at - 1];
      this.#backlog.head = at;
      this.#queuedBytes -= bytes;
      if (this.#queuedBytes === 0) this.#reset();
      else if (at > 64 && at * 2 > windows.length) compact(this.#backlog);
      else windows.fill(EMPTY, head, at);
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
    const backlog = (this.#backlog ??= { windows: [], spans: [], ends: [], head: 0 });
    backlog.windows.push(window);
    backlog.spans.push(spanMs);
    backlog.ends.push(endDts);
    this.#queuedBytes += window.length;
    this.#queuedMs += spanMs;
    this.#givenDts = endDts;
  }

  #reset(): void {
    this.#backlog = undefined;
    this.#queuedMs = 0;
  }
}

/** Forgets what is sent. */
function compact(backlog: Backlog): void {
  backlog.windows.splice(0, backlog.head);
  backlog.spans.splice(0, backlog.head);
  backlog.ends.splice(0, backlog.head);
  backlog.head = 0;
}

const EMPTY = Buffer.alloc(0);
