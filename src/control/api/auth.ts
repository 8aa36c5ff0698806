import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Undo } from '../../base/undo.ts';
import { requestClient, TallyReport } from '../../net/index.ts';
import { failure } from './answer.ts';
import {
  CredentialTable,
  mayAtLeast,
  presentedBy,
  type ApiCredentials,
  type ApiRole,
} from './auth-credentials.ts';
import { AuthFailures } from './auth-failures.ts';
import { callbackOf } from './jsonp.ts';
import { namesThisMachine, siteOf } from './request-site.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * What a caller of this route needs; `none` = nothing at all. @default by method: GET and HEAD `read`, others `operate`
     */
    role?: ApiRole | 'none' | ((request: FastifyRequest) => ApiRole);
  }
}

/**
 * To whom the API is open: `closed` = to who has credentials; `loopback` = to everybody on this machine, because nobody else
 * reaches it; `open` = to everybody, because the configuration says so in words.
 */
export type ApiAccess = 'closed' | 'loopback' | 'open';

export interface ApiAuthSettings extends ApiCredentials {
  readonly access: ApiAccess;
}

export interface ApiAuthDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Names of this machine that only its owner gives out. */
  readonly ownNames: readonly string[];
}

interface Refusal {
  readonly status: 401 | 403 | 429;
  readonly msg: string;
  readonly retryAfterSeconds?: number;
}

/** What the log says to an operator whose tools know the open API of SRS. */
export const HOW_TO_CALL =
  "Callers send 'Authorization: Bearer TOKEN'; 'http_api { auth { enabled off; } }' leaves it open, as SRS does";
/** A request without credentials is told at most once in this time, ms: browsers ask without before they ask with them. */
const MISSING_TOLD_EVERY_MS = 600_000;

/** Code in the body of what is refused here: SRS's number for access denied. */
export const ACCESS_DENIED = 2015;

/** [http_api auth] Who may call what of the API. */
export class ApiAuth {
  readonly #deps: ApiAuthDeps;
  readonly #failures: AuthFailures;
  readonly #told: TallyReport;
  /** Requests whose answers have no end, and how to end them. */
  readonly #endless = new Map<FastifyRequest, () => void>();
  #settings: ApiAuthSettings;
  #table: CredentialTable;
  #missingToldAt = -Infinity;

  constructor(settings: ApiAuthSettings, deps: ApiAuthDeps) {
    const { clock, logger } = deps;
    this.#deps = deps;
    this.#settings = settings;
    this.#table = new CredentialTable(settings);
    this.#failures = new AuthFailures(clock);
    this.#told = new TallyReport({
      clock,
      logger,
      line: (count, last) =>
        count === 1
          ? `a request to the API had wrong credentials, from ${last}`
          : `${count} requests to the API had wrong credentials, the last from ${last}`,
    });
  }

  /** Other settings and credentials, for the next request and for answers that go on. */
  configure(settings: ApiAuthSettings): void {
    this.#settings = settings;
    this.#table = new CredentialTable(settings);
    for (const [request, end] of this.#endless) if (!this.#isLetIn(request)) end();
  }

  /** Calls `end` when who was let in with this request would not be any more. The undo is for an answer that has ended. */
  whileLetIn(request: FastifyRequest, end: () => void): Undo {
    this.#endless.set(request, end);
    return () => void this.#endless.delete(request);
  }

  /** Puts the check before every route of `app`, also before those that do not exist. */
  guard(app: FastifyInstance): void {
    app.addHook('onRequest', (request, reply, done) => {
      const refusal = this.#judge(request);
      if (refusal === undefined) done();
      else this.#refuse(request, reply, refusal);
    });
  }

  /** Tells what is left to tell. Idempotent. */
  close(): void {
    this.#told.close();
  }

  #judge(request: FastifyRequest): Refusal | undefined {
    const { access } = this.#settings;
    const role = roleOf(request);
    // A preflight (Fetch, 4.8) never has credentials, and is answered without anything of ours.
    if (access === 'open' || role === 'none' || request.method === 'OPTIONS') return undefined;
    return access === 'loopback' ? this.#judgeNeighbour(request, role) : this.#judgeCaller(request, role);
  }

  /** Everybody on this machine may call; a page of somebody else in a browser on it is not everybody. */
  #judgeNeighbour(request: FastifyRequest, role: ApiRole): Refusal | undefined {
    const { ip } = requestClient(request.raw);
    if (!/^(?:127\.|::1$)/.test(ip))
      return { status: 403, msg: 'the API serves this machine only, and a proxy names another client' };
    if (!namesThisMachine(request, this.#deps.ownNames))
      return { status: 403, msg: 'the API listens on this machine only, and the host of the URL is not it' };
    if (role === 'read') return undefined;
    const site = siteOf(request);
    return site === 'own' || site === 'machine' ? undefined : { status: 403, msg: FOREIGN_PAGE };
  }

  #judgeCaller(request: FastifyRequest, role: ApiRole): Refusal | undefined {
    const { ip: address } = requestClient(request.raw);
    const { authorization } = request.headers;
    if (authorization === undefined) {
      this.#tellMissing(address);
      return {
        status: 401,
        msg: "the API needs credentials: send 'Authorization: Bearer TOKEN', see http_api.auth",
      };
    }
    const site = siteOf(request);
    const retryAfterSeconds = this.#failures.waitSeconds(address, site);
    if (retryAfterSeconds > 0)
      return { status: 429, msg: 'too many wrong credentials from this address', retryAfterSeconds };
    const presented = presentedBy(authorization);
    const caller = presented === undefined ? undefined : this.#table.find(presented);
    if (caller === undefined) {
      this.#failures.add(address, site);
      this.#told.add(address);
      return { status: 401, msg: 'the credentials are wrong' };
    }
    if (caller.scheme === 'basic') {
      if (site === 'foreign' || site === 'machine' || callbackOf(request.raw.url) !== undefined)
        return { status: 403, msg: 'pages of other sites and JSONP need a bearer token' };
      if (site === 'unknown' && role !== 'read') return { status: 403, msg: FOREIGN_PAGE };
    }
    return mayAtLeast(caller, role) ? undefined : { status: 403, msg: `this needs the role ${role}` };
  }

  #tellMissing(address: string): void {
    const { clock, logger } = this.#deps;
    if (clock.now() - this.#missingToldAt < MISSING_TOLD_EVERY_MS) return;
    this.#missingToldAt = clock.now();
    logger.info(`a request to the API from ${address} had no credentials. ${HOW_TO_CALL}`);
  }

  /** As `#judge`, of a request that was let in before: nothing is counted. */
  #isLetIn(request: FastifyRequest): boolean {
    const { access } = this.#settings;
    const role = roleOf(request);
    if (access === 'open' || role === 'none') return true;
    if (access === 'loopback') return this.#judgeNeighbour(request, role) === undefined;
    const presented = presentedBy(request.headers.authorization);
    return presented !== undefined && mayAtLeast(this.#table.find(presented), role);
  }

  #refuse(request: FastifyRequest, reply: FastifyReply, refusal: Refusal): void {
    const { status, msg, retryAfterSeconds } = refusal;
    if (status === 401) reply.header('WWW-Authenticate', this.#challenge(request));
    if (retryAfterSeconds !== undefined) reply.header('Retry-After', String(retryAfterSeconds));
    void reply.code(status).send(failure(ACCESS_DENIED, msg));
  }

  /** A client that came with a bearer token is not asked for a name: browsers would open their dialog over its page. */
  #challenge({ headers }: FastifyRequest): string {
    const isBearer = /^bearer\b/i.test(headers.authorization ?? '');
    return this.#table.hasBasic && !isBearer ? 'Basic realm="srs-ts"' : 'Bearer realm="srs-ts"';
  }
}

const FOREIGN_PAGE = 'pages of other sites may change nothing here without a bearer token';

function roleOf(request: FastifyRequest): ApiRole | 'none' {
  const { role } = request.routeOptions.config;
  if (role !== undefined) return typeof role === 'function' ? role(request) : role;
  return request.method === 'GET' || request.method === 'HEAD' ? 'read' : 'operate';
}
