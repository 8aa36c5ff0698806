import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Undo } from '../base/undo.ts';
import {
  askToPlay,
  detailsOf,
  elsewhere,
  GONE,
  REVOKED,
  withoutParameter,
  type FileRefusal,
  type FileRequest,
  type FileRights,
  type FileViewers,
} from './file-admission.ts';
import { FileSession, type FileKind } from './file-session.ts';
import { streamKey, type AccessGrant, type AccessPolicy, type StreamName } from './ports.ts';
import { addQuery, contextOf, newContext, parameterOf, vhostOf } from './viewer-context.ts';

/** Ids that open what is left of streams; the ones that were used longest ago are forgotten first. */
export const MAX_FILE_PASSES = 20_000;
/** Answers of policies about stored files that are kept for a moment. */
export const MAX_FILE_DECISIONS = 10_000;
/** Questions about stored files that may wait for a policy at a time; more are told to come again. */
export const MAX_FILE_QUESTIONS = 1_000;
/** An id opens what is left of a stream until nobody asked with it for so long, ms. */
const PASS_MS = 10 * 60_000;
/** Once somebody publishes the stream again, ids of before open its files for so long more, ms: it has viewers of its own. */
const OLD_PASS_MS = 2 * 60_000;
/** A yes, and a no, hold for the same query, token and page from the same address so long, ms. */
const YES_MS = 30_000;
const NO_MS = 3_000;

/** A file of a stream that lies on the disk. */
export interface StoredFile {
  readonly kind: FileKind;
  readonly name: StreamName;
}

/** What becomes of a request for a stored file: `query` is what the URLs in a playlist need. */
export type StoredAnswer = FileRefusal | { readonly query: string };

export interface FileAccessDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly policy: AccessPolicy;
  readonly isProtected: FileRights['isProtected'];
  readonly urlOf: FileRights['urlOf'];
  /** Whether this address may not play this stream: asked each time, since answers and ids are good for a while. */
  readonly isBanned?: (name: StreamName, ip: string) => boolean;
}

/** Those who play a stream now. */
interface Audience {
  readonly all: Set<FileViewers>;
  /** The last of them came here then. Clock, ms. */
  since: number;
}

interface Pass {
  readonly key: string;
  /** Clock, ms. */
  readonly madeAt: number;
  /** Clock, ms. */
  until: number;
  readonly endsAt: number;
}

interface Decision {
  until: number;
  readonly answer: Promise<FileRefusal | { readonly context: string }>;
}

/**
 * Who may have files of streams of protected vhosts: viewers who play now, those whose stream is over and who are not done with
 * what is left of it, and whom the policy lets play, asked with the query of the request.
 */
export class FileAccess implements FileRights {
  readonly #deps: FileAccessDeps;
  readonly #audiences = new Map<string, Audience>();
  readonly #passes = new Map<string, Pass>();
  readonly #decisions = new Map<string, Decision>();
  #asking = 0;

  constructor(deps: FileAccessDeps) {
    this.#deps = deps;
  }

  isProtected(vhost: string): boolean {
    return this.#deps.isProtected(vhost);
  }

  urlOf(kind: FileKind, name: StreamName): string | undefined {
    return this.#deps.urlOf(kind, name);
  }

  join(viewers: FileViewers): Undo {
    const key = streamKey(viewers.name);
    const audience = this.#audiences.get(key) ?? { all: new Set(), since: 0 };
    this.#audiences.set(key, audience);
    audience.all.add(viewers);
    audience.since = this.#deps.clock.now();
    return () => {
      audience.all.delete(viewers);
      if (audience.all.size === 0 && this.#audiences.get(key) === audience) this.#audiences.delete(key);
    };
  }

  find(kind: FileKind, name: StreamName): FileViewers | undefined {
    for (const viewers of this.#audiences.get(streamKey(name))?.all ?? []) {
      if (viewers.kind === kind) return viewers;
    }
    return undefined;
  }

  remember(name: StreamName, { context, endsAt }: FileSession): void {
    if (this.isProtected(name.vhost)) this.#pass(context, streamKey(name), endsAt);
  }

  /** Whether a stored file of a protected vhost is given out. Never rejects. */
  async judge(file: StoredFile, query: string, request: FileRequest): Promise<StoredAnswer> {
    if (this.#deps.isBanned?.(file.name, request.ip) === true) return BANNED;
    const parameter = parameterOf(file.kind);
    const vhost = vhostOf(query);
    const named = (context: string): StoredAnswer => ({
      query: [`${parameter}=${context}`, ...(vhost === undefined ? [] : [vhost])].join('&'),
    });
    const context = contextOf(query, parameter);
    if (context !== undefined) {
      const known = this.#known(file.name, context);
      if (known === 'revoked') return REVOKED;
      if (known) return named(context);
    }
    const answer = await this.#decide(file, questionOf(query, parameter), request);
    return 'status' in answer ? answer : named(answer.context);
  }

  /** A viewer of the stream, or of what is left of it. */
  #known(name: StreamName, context: string): boolean | 'revoked' {
    const key = streamKey(name);
    for (const viewers of this.#audiences.get(key)?.all ?? []) {
      const session = viewers.find(context);
      if (session === 'revoked') return 'revoked';
      if (session !== undefined) return true;
    }
    return this.remembers(name, context);
  }

  remembers(name: StreamName, context: string): boolean {
    const key = streamKey(name);
    const pass = this.#passes.get(context);
    if (pass?.key !== key) return false;
    const since = this.#audiences.get(key)?.since ?? 0;
    const until = pass.madeAt < since ? Math.min(pass.until, since + OLD_PASS_MS) : pass.until;
    if (until <= this.#deps.clock.now()) {
      this.#passes.delete(context);
      return false;
    }
    this.#pass(context, key, pass.endsAt, pass.madeAt);
    return true;
  }

  #pass(context: string, key: string, endsAt: number, madeAt = this.#deps.clock.now()): void {
    const until = Math.min(this.#deps.clock.now() + PASS_MS, endsAt);
    this.#passes.delete(context);
    this.#passes.set(context, { key, madeAt, until, endsAt });
    forgetOldest(this.#passes, MAX_FILE_PASSES);
  }

  #decide(file: StoredFile, rest: string, request: FileRequest): Decision['answer'] {
    const { kind, name } = file;
    const { clock } = this.#deps;
    const key = createHash('sha256')
      .update(JSON.stringify([streamKey(name), kind, request.ip, rest, request.bearer, request.referer]))
      .digest('base64url');
    const known = this.#decisions.get(key);
    if (known !== undefined && known.until > clock.now()) return known.answer;
    this.#decisions.delete(key);
    if (this.#asking >= MAX_FILE_QUESTIONS) return Promise.resolve(BUSY);
    this.#asking += 1;
    const decision: Decision = { until: Infinity, answer: this.#ask(file, rest, request) };
    this.#decisions.set(key, decision);
    forgetOldest(this.#decisions, MAX_FILE_DECISIONS);
    void decision.answer.then((answer) => {
      this.#asking -= 1;
      const now = clock.now();
      if (!('status' in answer)) {
        decision.until = Math.min(now + YES_MS, this.#passes.get(answer.context)?.until ?? now);
      } else {
        // Who is sent elsewhere goes there as a viewer of its own; what failed is tried again.
        decision.until = answer.status === 403 ? now + NO_MS : now;
      }
    });
    return decision.answer;
  }

  async #ask(
    { kind, name }: StoredFile,
    rest: string,
    request: FileRequest,
  ): Promise<FileRefusal | { readonly context: string }> {
    const { clock, logger, policy } = this.#deps;
    const session = new FileSession({
      kind,
      id: newContext(),
      context: newContext(),
      ip: request.ip,
      details: detailsOf(request, name.app, rest),
      name,
      now: clock.now(),
      book: { revoke: (one, reason) => one.end(reason.message), streamEnded: (one) => one.end('') },
      logger,
    });
    try {
      const asked = await askToPlay(policy, session, { name, request, rest, logger, level: 'debug' });
      if ('status' in asked) return asked;
      if (session.hasEnded()) return REVOKED;
      const { grant } = asked;
      const moved = elsewhere(grant, { kind, name, rights: this, session, rest });
      if (moved !== undefined) return moved === GONE ? this.#leftUnder(kind, name, grant, session) : moved;
      this.#pass(session.context, streamKey(name), this.#endOf(grant));
      return { context: session.context };
    } finally {
      policy.settled?.(session);
    }
  }

  /** Nobody publishes the stream that was asked for under another name: what is left of it. */
  #leftUnder(
    kind: FileKind,
    name: StreamName,
    grant: AccessGrant | undefined,
    { context }: FileSession,
  ): FileRefusal {
    const other = { ...name, stream: grant?.stream ?? name.stream };
    const url = this.urlOf(kind, other);
    if (url === undefined) return GONE;
    this.#pass(context, streamKey(other), this.#endOf(grant));
    const location = addQuery(url, `${parameterOf(kind)}=${context}`);
    return { status: 302, text: 'the stream has another name', location };
  }

  #endOf(grant: AccessGrant | undefined): number {
    return grant?.durationMs === undefined ? Infinity : this.#deps.clock.now() + grant.durationMs;
  }
}

/** The query as the policy sees it: what places a player in a file is nothing to it. */
function questionOf(query: string, parameter: string): string {
  let rest = withoutParameter(query, parameter);
  for (const name of ['start', 'end', '_HLS_msn', '_HLS_part', '_HLS_skip'])
    rest = withoutParameter(rest, name);
  return rest;
}

function forgetOldest<T>(map: Map<string, T>, max: number): void {
  if (map.size <= max) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    break;
  }
}

const BANNED: FileRefusal = { status: 403, text: 'forbidden: BANNED' };
const BUSY: FileRefusal = { status: 503, text: 'too many requests wait' };
