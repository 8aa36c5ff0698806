import { ServerError } from '../base/errors.ts';
import { hideSecret } from '../base/hide-secret.ts';
import type { Logger } from '../base/logger.ts';
import type { Undo } from '../base/undo.ts';
import {
  streamKey,
  type AccessGrant,
  type AttendRequest,
  type PlaybackStats,
  type SessionDetails,
  type StreamName,
} from './ports.ts';

/** Formats whose viewers fetch files. */
export type FileKind = 'hls' | 'dash' | 'hds' | 'dvr';

/**
 * What viewers of files carry is looked at over so long, ms. The first such time is not judged: players fetch a whole window
 * at once when they begin.
 */
const RATE_MS = 30_000;

/** Who keeps the sessions of a stream. */
export interface SessionBook {
  /** From outside: what this viewer asks for is refused from now on. */
  revoke(session: FileSession, reason: ServerError): void;
  /** The stream is over. */
  streamEnded(session: FileSession): void;
}

/** One viewer who fetches files: nothing but an id in the URLs of its requests, who it was at first and when it was seen last. */
export class FileSession implements AttendRequest {
  readonly type: `${FileKind}-play`;
  readonly id: string;
  /** What its URLs have. */
  readonly context: string;
  readonly ip: string;
  #details: SessionDetails;
  /** What of the first request it was known by where URLs had no id; see `FileSessions.contextFor`. */
  readonly origin: string | undefined;
  #name: StreamName;
  #book: SessionBook;
  #logger: Logger;
  /** Clock time of its last sign of life, ms. */
  seenAt: number;
  /** It came back after its first request, as players do. */
  hasReturned = false;
  #grant: AccessGrant | undefined;
  #endsAt = Infinity;
  #rate: { since: number; bytes: number; isFirst: boolean } | undefined;
  #isOpen = true;
  #endReason: ServerError | undefined;
  #sentBytes = 0;
  #waiting = 0;
  #leave: Undo | undefined;

  constructor(options: {
    readonly kind: FileKind;
    readonly id: string;
    readonly context: string;
    readonly origin?: string | undefined;
    readonly ip: string;
    readonly details: SessionDetails;
    readonly name: StreamName;
    readonly now: number;
    readonly book: SessionBook;
    readonly logger: Logger;
  }) {
    this.type = `${options.kind}-play`;
    this.id = options.id;
    this.context = options.context;
    this.origin = options.origin;
    this.ip = options.ip;
    this.#details = options.details;
    this.seenAt = options.now;
    this.#name = options.name;
    this.#book = options.book;
    this.#logger = options.logger;
  }

  get session(): this {
    return this;
  }

  get stats(): PlaybackStats {
    return { queuedMs: 0, queuedBytes: 0, sentBytes: this.#sentBytes, drops: 0, droppedBytes: 0 };
  }

  get endReason(): ServerError | undefined {
    return this.#endReason;
  }

  /** When the time that was granted is over, clock ms; Infinity = never. */
  get endsAt(): number {
    return this.#endsAt;
  }

  get details(): SessionDetails {
    return this.#details;
  }

  /** It is another stream's viewer, since the policy says so. Before it begins. `isKey`: its first name was a secret. */
  moveTo(name: StreamName, book: SessionBook, isKey: boolean): void {
    if (isKey && name.stream !== this.#name.stream)
      this.#details = withoutKey(this.#details, this.#name.stream);
    this.#name = name;
    this.#book = book;
  }

  /** `leave`: not counted by the stream any more. `now`: clock, ms. */
  began(leave: Undo, grant: AccessGrant | undefined, now: number): void {
    this.#leave = leave;
    this.#grant = grant;
    this.seenAt = now;
    if (grant?.durationMs !== undefined) this.#endsAt = now + grant.durationMs;
    if (grant?.maxKbps !== undefined) this.#rate = { since: now, bytes: 0, isFirst: true };
    this.#logger = this.#logger.child({ session: this.id, stream: streamKey(this.#name) });
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

  /** Why it must not go on, by what was granted; undefined = it may. `now`: clock, ms. */
  excess(now: number): ServerError | undefined {
    if (now >= this.#endsAt) return new ServerError('SESSION_EXPIRED', 'the time that was granted is over');
    const rate = this.#rate;
    const maxKbps = this.#grant?.maxKbps;
    if (rate === undefined || maxKbps === undefined || now - rate.since < RATE_MS) return undefined;
    const kbps = ((this.#sentBytes - rate.bytes) * 8) / (now - rate.since);
    const isJudged = !rate.isFirst;
    this.#rate = { since: now, bytes: this.#sentBytes, isFirst: false };
    if (!isJudged || kbps <= maxKbps) return undefined;
    return new ServerError(
      'BITRATE_EXCEEDED',
      `${Math.round(kbps)} kbit/s are more than the granted ${maxKbps}`,
    );
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

  /** The one end; `why`: an error where somebody decided upon it. Idempotent. */
  end(why: string | ServerError): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (typeof why !== 'string') this.#endReason = why;
    const leave = this.#leave;
    this.#leave = undefined;
    if (leave === undefined) return; // It has never begun.
    leave();
    const text = typeof why === 'string' ? why : why.message;
    this.#logger.info(`${this.type} ended: ${text}; sent ${this.#sentBytes} bytes`);
  }
}

function withoutKey(details: SessionDetails, key: string): SessionDetails {
  const { params, tcUrl, pageUrl } = details;
  return {
    ...details,
    params: hideSecret(params, key),
    ...(tcUrl === undefined ? {} : { tcUrl: hideSecret(tcUrl, key) }),
    ...(pageUrl === undefined ? {} : { pageUrl: hideSecret(pageUrl, key) }),
  };
}
