import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { describeError, type ServerError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Deadline, TimerWheel } from '../base/timer-wheel.ts';
import type { Undo } from '../base/undo.ts';
import {
  askToPlay,
  detailsOf,
  elsewhere,
  GONE,
  REVOKED,
  type FileRefusal,
  type FileRequest,
  type FileRights,
  type FileViewers,
} from './file-admission.ts';
import { FileSession, type FileKind, type SessionBook } from './file-session.ts';
import type { AccessGrant, AccessPolicy, AttendRequest, StreamName } from './ports.ts';
import { contextOf, newContext, parameterOf } from './viewer-context.ts';

/** Viewers of one stream and kind who have an id; about 0.5 KB each. */
export const MAX_FILE_SESSIONS = 20_000;
/** Ids of one stream that are remembered as refused. */
export const MAX_REVOKED_CONTEXTS = 10_000;
/** Viewers of one stream whose id came back, so that whoever looks the same is another one. */
const MAX_ORIGINS = 10_000;
/** A refused id is forgotten when nobody asked with it for so long, ms. */
const REVOKED_MS = 60_000;
/** A viewer is gone after at least so long without a request; one who made only one, after so long, ms. */
const LEAST_TIMEOUT_MS = 10_000;
/** How often the sessions are looked at, ms. */
const SWEEP_MS = 1_000;

export interface FileSessionsDeps {
  readonly kind: FileKind;
  readonly name: StreamName;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly logger: Logger;
  readonly access: AccessPolicy;
  /** Default: no vhost is protected. */
  readonly rights?: FileRights | undefined;
  /** Counts a viewer of the stream (`LiveStream.attend`); undefined when there is no such stream any more. */
  attend(request: AttendRequest): Undo | undefined;
  /** A viewer who asked for nothing for so long is gone, ms; at least LEAST_TIMEOUT_MS all the same. */
  timeoutMs(): number;
  /** An open session was ended from outside: who of it waits is to hear of it. */
  revoked?(): void;
  readonly maxSessions?: number | undefined;
}

/**
 * The viewers of one stream who fetch files, told from each other by an id in their URLs: begun by a request, kept by requests,
 * ended by silence, from outside or with the stream.
 */
export class FileSessions implements SessionBook, FileViewers {
  readonly #deps: FileSessionsDeps;
  readonly #max: number;
  /** By context. */
  readonly #sessions = new Map<string, FileSession>();
  readonly #beginning = new Map<string, Promise<FileSession | FileRefusal | undefined>>();
  /** Until when, clock ms; the one that was asked for last is the last. */
  readonly #revoked = new Map<string, number>();
  readonly #secret = randomBytes(32);
  /** How many viewers who look the same came back with an id of their own, by what they look like. */
  readonly #origins = new Map<string, number>();
  readonly #leave: Undo | undefined;
  #sweep: Deadline | undefined;
  #pending = 0;
  #toldFull = false;
  #closed = false;

  constructor(deps: FileSessionsDeps) {
    this.#deps = deps;
    this.#max = deps.maxSessions ?? MAX_FILE_SESSIONS;
    this.#leave = deps.rights?.join(this);
  }

  get kind(): FileKind {
    return this.#deps.kind;
  }

  get name(): StreamName {
    return this.#deps.name;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Ids that are refused. */
  get revoked(): number {
    return this.#revoked.size;
  }

  /** Files of the stream are for its viewers only. */
  get isProtected(): boolean {
    return this.#deps.rights?.isProtected(this.#deps.name.vhost) === true;
  }

  /** The viewer with this id, who showed life just now; `revoked`: refuse; undefined: there is none. */
  find(context: string | undefined): FileSession | 'revoked' | undefined {
    if (context === undefined) return undefined;
    const session = this.#sessions.get(context);
    if (session !== undefined) {
      const now = this.#deps.clock.now();
      const excess = session.excess(now);
      if (excess !== undefined) {
        this.revoke(session, excess);
        return 'revoked';
      }
      session.seenAt = now;
      session.hasReturned = true;
      return session;
    }
    if (!this.#revoked.has(context)) return undefined;
    this.#refuse(context);
    return 'revoked';
  }

  /** Whether a file that is no playlist is given out: the viewer who gets it, or to whomever (undefined). */
  admit(query: string): FileSession | FileRefusal | undefined {
    const context = contextOf(query, parameterOf(this.#deps.kind));
    const session = this.find(context);
    if (session === 'revoked') return REVOKED;
    if (session !== undefined || !this.isProtected) return session;
    const { rights, name } = this.#deps;
    return context !== undefined && rights?.remembers(name, context) === true ? undefined : NOBODY;
  }

  /**
   * The id of viewers whose URLs have none, always the same for requests that look the same. Who came back with its id by
   * `returned` has it alone: the next one that looks so gets another.
   */
  contextFor(
    { ip, userAgent = '', bearer = '', referer = '' }: FileRequest,
    rest: string,
  ): { context: string; origin: string } {
    // Rules may let one page in and not another one that the same browser shows.
    const page = this.isProtected ? referer : '';
    const origin = this.#digest(`${ip}\n${userAgent}\n${rest}\n${bearer}\n${page}`);
    return { context: this.#digest(`${origin}\n${this.#origins.get(origin) ?? 0}`), origin };
  }

  /** A viewer named its id in a place where it need not. */
  returned(session: FileSession): void {
    const { origin, context } = session;
    if (origin === undefined) return;
    const count = this.#origins.get(origin) ?? 0;
    if (this.#digest(`${origin}\n${count}`) !== context) return;
    this.#origins.delete(origin);
    this.#origins.set(origin, count + 1);
    if (this.#origins.size <= MAX_ORIGINS) return;
    for (const oldest of this.#origins.keys()) {
      this.#origins.delete(oldest);
      break;
    }
  }

  /**
   * Lets a viewer in, when the access policy does; once for all requests with one id that come at the same time. An id that is
   * not known is taken as it is: a player goes on with it after its pause, or ours. Without one the viewer gets one.
   * Undefined: the stream is over, nobody begins any more. Never rejects.
   *
   * @param rest Its parameters, as they came.
   */
  begin(
    context: string | undefined,
    request: FileRequest,
    rest: string,
    origin?: string,
  ): Promise<FileSession | FileRefusal | undefined> {
    if (context === undefined) return this.#begin(undefined, request, rest, undefined);
    let beginning = this.#beginning.get(context);
    if (beginning === undefined) {
      beginning = this.#begin(context, request, rest, origin).finally(() => this.#beginning.delete(context));
      this.#beginning.set(context, beginning);
    }
    return beginning;
  }

  /** Takes a viewer in whom the policy has let in, here or for another name of this stream. */
  take(session: FileSession, grant: AccessGrant | undefined): FileSession | FileRefusal | undefined {
    const { clock, wheel, logger } = this.#deps;
    if (this.#closed) return undefined;
    if (session.hasEnded()) return REVOKED;
    session.moveTo(this.#deps.name, this, grant?.isKey === true);
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
    session.began(leave, grant, clock.now());
    this.#sessions.set(session.context, session);
    this.#sweep ??= wheel.deadline(SWEEP_MS, () => this.#look());
    return session;
  }

  revoke(session: FileSession, reason: ServerError): void {
    if (session.hasEnded()) return;
    if (!this.#closed) this.#refuse(session.context);
    this.#end(session, reason);
    this.#deps.revoked?.();
  }

  streamEnded(session: FileSession): void {
    this.#remember(session);
    this.#end(session, STREAM_OVER);
  }

  /** Ends all. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const session of [...this.#sessions.values()]) {
      this.#remember(session);
      this.#end(session, STREAM_OVER);
    }
    this.#revoked.clear();
    this.#sweep?.cancel();
    this.#sweep = undefined;
    this.#leave?.();
  }

  async #begin(
    context: string | undefined,
    request: FileRequest,
    rest: string,
    origin: string | undefined,
  ): Promise<FileSession | FileRefusal | undefined> {
    const { name, clock, logger, access, kind } = this.#deps;
    if (this.#sessions.size + this.#pending >= this.#max) return this.#full();
    const id = newContext();
    const session = new FileSession({
      kind,
      // An id that came from a URL could be that of somebody else's session.
      id,
      context: context ?? id,
      origin,
      ip: request.ip,
      details: detailsOf(request, name.app, rest),
      name,
      now: clock.now(),
      book: this,
      logger,
    });
    // Who has an id of before is in the middle of playing.
    session.hasReturned = context !== undefined && origin === undefined;
    this.#pending += 1;
    try {
      const asked = await askToPlay(access, session, { name, request, rest, logger, level: 'warn' });
      if ('status' in asked) return asked;
      const moved = elsewhere(asked.grant, { ...this.#deps, session, rest });
      return moved ?? this.take(session, asked.grant);
    } finally {
      this.#pending -= 1;
      access.settled?.(session);
    }
  }

  #remember(session: FileSession): void {
    if (!session.hasEnded()) this.#deps.rights?.remember(this.#deps.name, session);
  }

  #end(session: FileSession, why: string | ServerError): void {
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

  /** Ends those who are silent, or have had what was granted. */
  #look(): void {
    this.#sweep = undefined;
    const { clock, wheel } = this.#deps;
    const now = clock.now();
    const silentSince = now - Math.max(LEAST_TIMEOUT_MS, this.#deps.timeoutMs());
    const onceSince = now - LEAST_TIMEOUT_MS;
    for (const session of [...this.#sessions.values()]) {
      const excess = session.excess(now);
      if (excess !== undefined) this.revoke(session, excess);
      else if (session.isSilent(session.hasReturned ? silentSince : onceSince))
        this.#end(session, 'it asked for nothing any more');
    }
    for (const [context, until] of this.#revoked) {
      if (until > now) break;
      this.#revoked.delete(context);
    }
    if (this.#sessions.size + this.#revoked.size > 0) {
      this.#sweep ??= wheel.deadline(SWEEP_MS, () => this.#look());
    }
  }

  #digest(text: string): string {
    return createHmac('sha256', this.#secret).update(text).digest('base64url').slice(0, 22);
  }

  #full(): FileRefusal {
    if (!this.#toldFull) this.#deps.logger.warn(`no room for more viewers than ${this.#max}`);
    this.#toldFull = true;
    return { status: 503, text: 'too many viewers' };
  }
}

const NOBODY: FileRefusal = { status: 403, text: 'forbidden: ask for the playlist first' };
const STREAM_OVER = 'the stream is over';
