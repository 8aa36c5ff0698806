import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { describeError, ServerError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/logger.ts';
import type { Deadline, TimerWheel } from '../../../base/timer-wheel.ts';
import type { Undo } from '../../../base/undo.ts';
import type { AccessPolicy, AttendRequest, SessionDetails, StreamName } from '../../../hub/ports.ts';
import type { ResourceRefusal, ResourceRequest } from '../../../storage/live-resources.ts';
import { HlsSession, type SessionBook } from './hls-session.ts';

/** Viewers of one stream who have an id; about 0.5 KB each. */
export const MAX_HLS_SESSIONS = 20_000;
/** Ids of one stream that are remembered as refused. */
export const MAX_REVOKED_CONTEXTS = 10_000;
/** A refused id is forgotten when nobody asked with it for so long, ms. */
const REVOKED_MS = 60_000;
/** A viewer is gone after at least so long without a request; one who made only one, after so long, ms. */
const LEAST_TIMEOUT_MS = 10_000;
/** How often the sessions are looked at, ms. */
const SWEEP_MS = 1_000;
/** 128 bits: nobody guesses the id of another viewer. */
const CONTEXT_BYTES = 16;

export interface HlsSessionsDeps {
  readonly name: StreamName;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly logger: Logger;
  readonly access: AccessPolicy;
  /** Counts a viewer of the stream (`LiveStream.attend`); undefined when there is no such stream any more. */
  attend(request: AttendRequest): Undo | undefined;
  /** A viewer who asked for nothing for so long is gone, ms; at least LEAST_TIMEOUT_MS all the same. */
  timeoutMs(): number;
  readonly maxSessions?: number;
}

/** A new id of a viewer. */
export function newContext(): string {
  return randomBytes(CONTEXT_BYTES).toString('base64url');
}

/** [hls_ctx] The viewers of one stream: begun by a request, kept by requests, ended by silence, from outside or with the stream. */
export class HlsSessions implements SessionBook {
  readonly #deps: HlsSessionsDeps;
  readonly #max: number;
  /** By context. */
  readonly #sessions = new Map<string, HlsSession>();
  readonly #beginning = new Map<string, Promise<HlsSession | ResourceRefusal | undefined>>();
  /** Until when, clock ms; the one that was asked for last is the last. */
  readonly #revoked = new Map<string, number>();
  #sweep: Deadline | undefined;
  #pending = 0;
  #toldFull = false;
  #closed = false;

  constructor(deps: HlsSessionsDeps) {
    this.#deps = deps;
    this.#max = deps.maxSessions ?? MAX_HLS_SESSIONS;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Ids that are refused. */
  get revoked(): number {
    return this.#revoked.size;
  }

  /** The viewer with this id, who showed life just now; `revoked`: refuse; undefined: there is none. */
  find(context: string | undefined): HlsSession | 'revoked' | undefined {
    if (context === undefined) return undefined;
    const session = this.#sessions.get(context);
    if (session !== undefined) {
      session.seenAt = this.#deps.clock.now();
      session.hasReturned = true;
      return session;
    }
    if (!this.#revoked.has(context)) return undefined;
    this.#refuse(context);
    return 'revoked';
  }

  /**
   * Lets a viewer in, when the access policy does; once for all requests with one id that come at the same time. An id that is
   * not known is taken as it is: a player goes on with it after its pause, or ours. Without one the viewer gets one.
   * Undefined: the stream is over, nobody begins any more. Never rejects.
   */
  begin(
    context: string | undefined,
    request: ResourceRequest,
    rest: string,
  ): Promise<HlsSession | ResourceRefusal | undefined> {
    if (context === undefined) return this.#begin(undefined, request, rest);
    let beginning = this.#beginning.get(context);
    if (beginning === undefined) {
      beginning = this.#begin(context, request, rest).finally(() => this.#beginning.delete(context));
      this.#beginning.set(context, beginning);
    }
    return beginning;
  }

  revoke(session: HlsSession, reason: ServerError): void {
    if (session.hasEnded()) return;
    if (!this.#closed) this.#refuse(session.context);
    this.#end(session, reason.message);
  }

  streamEnded(session: HlsSession): void {
    this.#end(session, 'the stream is over');
  }

  /** Ends all. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const session of [...this.#sessions.values()]) this.#end(session, 'the stream is over');
    this.#revoked.clear();
    this.#sweep?.cancel();
    this.#sweep = undefined;
  }

  async #begin(
    context: string | undefined,
    request: ResourceRequest,
    rest: string,
  ): Promise<HlsSession | ResourceRefusal | undefined> {
    const { name, clock, logger } = this.#deps;
    if (this.#sessions.size + this.#pending >= this.#max) return this.#full();
    const id = newContext();
    const session = new HlsSession({
      // An id that came from a URL could be that of somebody else's session.
      id,
      context: context ?? id,
      ip: request.ip,
      details: detailsOf(request, name.app, rest),
      name,
      now: clock.now(),
      book: this,
      logger,
    });
    // Who has an id of before is in the middle of playing.
    session.hasReturned = context !== undefined;
    this.#pending += 1;
    try {
      return (await this.#check(session, request, rest)) ?? this.#attend(session);
    } finally {
      this.#pending -= 1;
      this.#deps.access.settled?.(session);
    }
  }

  async #check(
    session: HlsSession,
    { referer }: ResourceRequest,
    rest: string,
  ): Promise<ResourceRefusal | undefined> {
    const { access, name, logger } = this.#deps;
    const { vhost, app, stream } = name;
    try {
      await access.check({
        action: 'play',
        session,
        vhost,
        app,
        stream,
        params: rest,
        ...(referer === undefined ? {} : { pageUrl: referer }),
      });
      return undefined;
    } catch (error) {
      const who = `${session.type} of ${vhost}/${app}/${stream} from ${session.ip}`;
      logger.child({ session: session.id }).warn(`${who} refused: ${describeError(error)}`);
      return error instanceof ServerError
        ? { status: 403, text: `forbidden: ${error.code}` }
        : { status: 503, text: 'unavailable' };
    }
  }

  #attend(session: HlsSession): HlsSession | ResourceRefusal | undefined {
    const { clock, wheel, logger } = this.#deps;
    if (this.#closed) return undefined;
    if (session.hasEnded()) return REVOKED;
    let leave: Undo | undefined;
    try {
      leave = this.#deps.attend(session);
    } catch (error) {
      // The vhost is going.
      logger.child({ session: session.id }).debug(`${session.type} could not begin: ${describeError(error)}`);
      return GONE;
    }
    if (leave === undefined) return undefined;
    if (session.hasEnded()) {
      // It was ended by somebody who was just told of it, or nobody publishes any more.
      leave();
      return this.#revoked.has(session.context) ? REVOKED : undefined;
    }
    session.began(leave);
    session.seenAt = clock.now();
    this.#sessions.set(session.context, session);
    this.#sweep ??= wheel.deadline(SWEEP_MS, () => this.#look());
    return session;
  }

  #end(session: HlsSession, why: string): void {
    if (this.#sessions.get(session.context) === session) this.#sessions.delete(session.context);
    session.end(why);
    this.#toldFull &&= this.#sessions.size >= this.#max;
  }

  #refuse(context: string): void {
    this.#revoked.delete(context);
    this.#revoked.set(context, this.#deps.clock.now() + REVOKED_MS);
    if (this.#revoked.size > MAX_REVOKED_CONTEXTS) {
      for (const oldest of this.#revoked.keys()) {
        this.#revoked.delete(oldest);
        break;
      }
    }
    this.#sweep ??= this.#deps.wheel.deadline(SWEEP_MS, () => this.#look());
  }

  /** Ends those who are silent. */
  #look(): void {
    this.#sweep = undefined;
    const { clock, wheel } = this.#deps;
    const now = clock.now();
    const silentSince = now - Math.max(LEAST_TIMEOUT_MS, this.#deps.timeoutMs());
    const onceSince = now - LEAST_TIMEOUT_MS;
    for (const session of [...this.#sessions.values()]) {
      if (session.isSilent(session.hasReturned ? silentSince : onceSince))
        this.#end(session, 'it asked for nothing any more');
    }
    for (const [context, until] of this.#revoked) {
      if (until > now) break;
      this.#revoked.delete(context);
    }
    if (this.#sessions.size + this.#revoked.size > 0) {
      this.#sweep = wheel.deadline(SWEEP_MS, () => this.#look());
    }
  }

  #full(): ResourceRefusal {
    if (!this.#toldFull) this.#deps.logger.warn(`no room for more viewers of HLS than ${this.#max}`);
    this.#toldFull = true;
    return { status: 503, text: 'too many viewers' };
  }
}

/** What the first request says of its sender. */
function detailsOf(
  { secure, host, referer, userAgent }: ResourceRequest,
  app: string,
  rest: string,
): SessionDetails {
  const transport = secure ? 'https' : 'http';
  return {
    transport,
    ...(host === undefined ? {} : { tcUrl: `${transport}://${host}/${app}` }),
    ...(referer === undefined ? {} : { pageUrl: referer }),
    params: rest === '' ? '' : `?${rest}`,
    ...(userAgent === undefined ? {} : { userAgent }),
  };
}

export const REVOKED: ResourceRefusal = { status: 403, text: 'forbidden: the session was ended' };
const GONE: ResourceRefusal = { status: 404, text: 'the stream is gone' };
