import type { ServerError } from '../../../base/errors.ts';
import {
  streamKey,
  type AttendRequest,
  type PlaybackStats,
  type SessionDetails,
  type StreamName,
} from '../../../hub/ports.ts';
import type { Logger } from '../../../base/logger.ts';
import type { Undo } from '../../../base/undo.ts';

/** Who keeps the sessions of a stream. */
export interface SessionBook {
  /** From outside: what this viewer asks for is refused from now on. */
  revoke(session: HlsSession, reason: ServerError): void;
  /** The stream is over. */
  streamEnded(session: HlsSession): void;
}

/** One viewer of HLS: nothing but an id in the URLs of its requests, who it was at first and when it was seen last. */
export class HlsSession implements AttendRequest {
  readonly type = 'hls-play';
  readonly id: string;
  /** What its URLs have. */
  readonly context: string;
  readonly ip: string;
  readonly details: SessionDetails;
  readonly #book: SessionBook;
  readonly #logger: Logger;
  /** Clock time of its last sign of life, ms. */
  seenAt: number;
  /** It came back after its master playlist, as players do. */
  hasReturned = false;
  #isOpen = true;
  #sentBytes = 0;
  #waiting = 0;
  #leave: Undo | undefined;

  constructor(options: {
    readonly id: string;
    readonly context: string;
    readonly ip: string;
    readonly details: SessionDetails;
    readonly name: StreamName;
    readonly now: number;
    readonly book: SessionBook;
    readonly logger: Logger;
  }) {
    this.id = options.id;
    this.context = options.context;
    this.ip = options.ip;
    this.details = options.details;
    this.seenAt = options.now;
    this.#book = options.book;
    this.#logger = options.logger.child({ session: options.id, stream: streamKey(options.name) });
  }

  get session(): this {
    return this;
  }

  get stats(): PlaybackStats {
    return { queuedMs: 0, queuedBytes: 0, sentBytes: this.#sentBytes, drops: 0, droppedBytes: 0 };
  }

  /** `leave`: not counted by the stream any more. */
  began(leave: Undo): void {
    this.#leave = leave;
    this.#logger.info(`${this.type} from ${this.ip} begins`);
  }

  /** One of its requests waits, or waits no more: who waits is not silent. */
  waits(more: boolean): void {
    this.#waiting += more ? 1 : -1;
  }

  /** It has shown no sign of life after `since`, clock ms. */
  isSilent(since: number): boolean {
    return this.#waiting === 0 && this.seenAt <= since;
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes;
  }

  close(reason: ServerError): void {
    this.#book.revoke(this, reason);
  }

  onEnd(): void {
    this.#book.streamEnded(this);
  }

  hasEnded(): boolean {
    return !this.#isOpen;
  }

  /** The one end. Idempotent. */
  end(why: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const leave = this.#leave;
    this.#leave = undefined;
    if (leave === undefined) return; // It has never begun.
    leave();
    this.#logger.info(`${this.type} ended: ${why}; sent ${this.#sentBytes} bytes`);
  }
}
