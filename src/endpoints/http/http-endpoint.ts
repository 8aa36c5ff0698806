import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../base/clock.ts';
import { describeError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { TimerWheel } from '../../base/timer-wheel.ts';
import type { AccessPolicy, Hub, StreamName } from '../../hub/ports.ts';
import {
  CORS_HEADERS,
  createHttpApp,
  HttpServer,
  requestClient,
  sendText,
  type ConnectionGate,
  type HttpServerOptions,
  type IncomingMessage,
  type ListenAddress,
  type ServerResponse,
  type TrustedProxies,
  type TlsCertificate,
} from '../../net/index.ts';
import type { LiveResources } from '../../storage/live-resources.ts';
import type { FileGuard } from './file-guard.ts';
import { FileRoute } from './file-route.ts';
import { LiveList, type Playable } from './live-list.ts';
import { LiveRoute, type LiveRouteOptions } from './live-route.ts';
import type { MountMatch, MountTable } from './mount-table.ts';
import { parseTarget, type RequestTarget } from './request-target.ts';
import { ResourceSender } from './resource-sender.ts';
import type { StaticMount } from './static-mounts.ts';

export interface HttpEndpointOptions {
  /** [http_server listen] */
  readonly listen: readonly ListenAddress[];
  /** [http_server dir] */
  readonly dir: string;
  /** [http_static] of all vhosts. */
  readonly statics: readonly StaticMount[];
  /** [http_server crossdomain] */
  readonly crossdomain: boolean;
  /** Folder of the bundled page; it is served where `dir` has no file of the name. Undefined = no page, no `/live.json`. */
  readonly pageDir: string | undefined;
  /** [http_remux] of all vhosts. */
  readonly mounts: MountTable;
  /** [hls, dash] Told by `/live.json`: what players open of a stream's files, and at what path of this port. */
  readonly playlists: (name: StreamName) => readonly Playable[];
  /** Of this program. */
  readonly version: string;
  /** Told by `/live.json`. */
  readonly rtmpPort: number | undefined;
  readonly rtmpsPort?: number | undefined;
  readonly apiPort: number | undefined;
  readonly timeouts?: Pick<
    HttpServerOptions,
    | 'headersTimeoutMs'
    | 'requestTimeoutMs'
    | 'keepAliveTimeoutMs'
    | 'idleTimeoutMs'
    | 'handshakeTimeoutMs'
    | 'timeoutCheckMs'
  >;
}

/** What may change while the endpoint runs. */
export type HttpEndpointSettings = Pick<
  HttpEndpointOptions,
  | 'dir'
  | 'statics'
  | 'crossdomain'
  | 'pageDir'
  | 'mounts'
  | 'playlists'
  | 'apiPort'
  | 'rtmpPort'
  | 'rtmpsPort'
>;

export interface HttpEndpointDeps {
  readonly hub: Hub;
  readonly access: AccessPolicy;
  readonly liveFormat: LiveRouteOptions['liveFormat'];
  readonly logger: Logger;
  readonly clock: Clock;
  readonly newSessionId: () => string;
  readonly gate?: ConnectionGate;
  /** [trusted_proxies] Default: nobody is trusted. */
  readonly proxies?: TrustedProxies;
  /** [empty_ip_ok] See `ListenerSetOptions`. */
  readonly emptyIpOk?: () => boolean;
  /** True: it answers this request itself. The API, where it has the same port. */
  readonly handOver?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Addresses that get nothing at all. Default: none. */
  readonly isBanned?: (ip: string) => boolean;
  /** Segments and playlists of live streams that are in memory. */
  readonly resources?: LiveResources;
  /** Who may have files of streams from the disk. Default: everybody. */
  readonly guard?: FileGuard;
}

/** Adobe's cross-domain policy file, version 1.0: every site may. */
const CROSSDOMAIN_XML =
  '<?xml version="1.0"?>\n' +
  '<!DOCTYPE cross-domain-policy SYSTEM "http://www.adobe.com/xml/dtds/cross-domain-policy.dtd">\n' +
  '<cross-domain-policy><allow-access-from domain="*" /></cross-domain-policy>\n';

/** Largest request body that is read (and thrown away), bytes. */
export const MAX_REQUEST_BODY_BYTES = 64 * 1024;

/** [http_server] Live bodies, files, the bundled page. */
export class HttpEndpoint {
  /** Looked at on use, so that other settings hold from the next request on. */
  #options: HttpEndpointOptions;
  readonly #hub: Hub;
  readonly #logger: Logger;
  readonly #http: HttpServer;
  readonly #handOver: HttpEndpointDeps['handOver'];
  readonly #isBanned: HttpEndpointDeps['isBanned'];
  readonly #wheel: TimerWheel;
  readonly #live: LiveRoute;
  readonly #files: FileRoute;
  readonly #resources: ResourceSender;
  readonly #list: LiveList;
  readonly #app: FastifyInstance;
  readonly #plainHeaders: Readonly<Record<string, string>>;
  readonly #corsHeaders: Readonly<Record<string, string>>;
  #closed: Promise<void> | undefined;

  constructor(options: HttpEndpointOptions, deps: HttpEndpointDeps) {
    this.#options = options;
    this.#plainHeaders = { Server: `srs-ts/${options.version}` };
    this.#corsHeaders = { ...this.#plainHeaders, ...CORS_HEADERS };
    this.#hub = deps.hub;
    this.#handOver = deps.handOver;
    this.#isBanned = deps.isBanned;
    this.#logger = deps.logger.child({ component: 'http' });
    this.#wheel = new TimerWheel(deps.clock);
    this.#http = new HttpServer({
      ...options.timeouts,
      directive: 'http_server listen',
      logger: this.#logger,
      clock: deps.clock,
      ...(deps.gate === undefined ? {} : { gate: deps.gate }),
      ...(deps.proxies === undefined ? {} : { proxies: deps.proxies }),
      ...(deps.emptyIpOk === undefined ? {} : { emptyIpOk: deps.emptyIpOk }),
    });
    const settings = (): HttpEndpointOptions => this.#options;
    this.#live = new LiveRoute({
      hub: deps.hub,
      access: deps.access,
      settings,
      liveFormat: deps.liveFormat,
      server: `srs-ts/${options.version}`,
      logger: deps.logger,
      wheel: this.#wheel,
      newSessionId: deps.newSessionId,
    });
    this.#files = new FileRoute(options, deps.resources, deps.guard);
    this.#resources = new ResourceSender({
      nowMs: () => Date.now(),
      logger: this.#logger,
      headers: () => this.#headers(),
    });
    this.#list = new LiveList({
      settings,
      httpsPort: () => this.#http.secureAddresses[0]?.port,
      version: options.version,
      hub: deps.hub,
      clock: deps.clock,
    });
    this.#app = this.#createApp();
  }

  get addresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.#http.addresses;
  }

  /** HTTP-FLV and WebSocket-FLV viewers. */
  get viewers(): number {
    return this.#live.viewers;
  }

  /** Listens on all addresses, or throws LISTEN_FAILED and on none. */
  async start(): Promise<void> {
    await this.#files.register(this.#app);
    await this.#app.ready();
    this.#http.handleUpgrade((request, socket, head) => {
      this.#live.upgrade(request, socket, head).catch((error: unknown) => {
        this.#logger.error(`upgrade failed: ${describeError(error)}`);
        socket.destroy();
      });
    });
    await this.#http.listen(this.#options.listen);
  }

  /**
   * [http_server listen] Listens on these addresses from now on, or throws LISTEN_FAILED and nothing has changed. Viewers and
   * downloads stay, also those of an address that goes.
   */
  relisten(listen: readonly ListenAddress[]): Promise<void> {
    return this.#http.listen(listen);
  }

  /** [http_server https] Where it listens for TLS. */
  get secureAddresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.#http.secureAddresses;
  }

  /** [http_server https] As `relisten`, for TLS. Without a certificate: no TLS any more. */
  listenSecure(listen: readonly ListenAddress[], certificate: TlsCertificate | undefined): Promise<void> {
    return this.#http.listenSecure(listen, certificate);
  }

  /** For TLS handshakes from now on; open connections keep theirs. */
  useCertificate(certificate: TlsCertificate): void {
    this.#http.useCertificate(certificate);
  }

  /** Other settings, from the next request on. What is being sent goes on. */
  reconfigure(settings: HttpEndpointSettings): void {
    // By name: the caller's object may have more, such as the addresses, which change by other ways.
    const { dir, statics, crossdomain, pageDir, mounts, playlists, apiPort, rtmpPort, rtmpsPort } = settings;
    const next = { dir, statics, crossdomain, pageDir, mounts, playlists, apiPort, rtmpPort, rtmpsPort };
    this.#options = { ...this.#options, ...next };
    this.#files.setFolders(this.#options);
  }

  /** Accepts no more; viewers stay. */
  stopAccepting(): Promise<void> {
    return this.#http.stopAccepting();
  }

  /** Ends all viewers and connections. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      this.#live.close();
      await this.#http.close();
      await this.#app.close();
      this.#wheel.close();
    })();
    return this.#closed;
  }

  #createApp(): FastifyInstance {
    const app = createHttpApp({
      http: this.#http,
      logger: this.#logger,
      maxBodyBytes: MAX_REQUEST_BODY_BYTES,
      headers: () => this.#headers(),
      before: (request, response, goOn) =>
        this.#handOver?.(request, response) === true ||
        this.#refuse(request, response) ||
        this.#serveResource(request, response, goOn),
      fail: (reply, status) => sendText(reply, status, status >= 500 ? 'internal error' : 'bad request'),
    });
    app.route({
      method: ['GET', 'HEAD'],
      url: '/*',
      handler: (request, reply) => this.#serve(request, reply),
    });
    app.route({
      method: 'OPTIONS',
      url: '/*',
      handler: (_request, reply) =>
        this.#options.crossdomain ? reply.code(200).send() : sendText(reply, 405, 'method not allowed'),
    });
    return app;
  }

  #headers(): Readonly<Record<string, string>> {
    return this.#options.crossdomain ? this.#corsHeaders : this.#plainHeaders;
  }

  /** Files are not asked about one by one as streams are. */
  #refuse(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#isBanned?.(requestClient(request).ip) !== true) return false;
    const type = { 'Content-Type': 'text/plain; charset=utf-8' };
    response.writeHead(403, { ...this.#headers(), ...type }).end('forbidden: BANNED\n');
    return true;
  }

  /** What is in memory is served without the web framework: it would cost more than the response itself. */
  #serveResource(request: IncomingMessage, response: ServerResponse, goOn: () => void): boolean {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false;
    const target = parseTarget(request.url ?? '');
    if (target === undefined) return false;
    const resource = this.#files.resource(request.headers.host, target);
    if (resource === undefined) return false;
    this.#resources.serve(resource, target, request, response, goOn);
    return true;
  }

  #serve(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> | FastifyReply {
    const target = parseTarget(request.raw.url ?? '');
    if (target === undefined) return sendText(reply, 400, 'bad request');
    const match = this.#live.match(request.headers.host, target);
    if (match === undefined) {
      if (target.path === '/live.json' && this.#options.pageDir !== undefined) {
        return reply.header('Cache-Control', 'no-cache').type('application/json').send(this.#list.json());
      }
      return target.path === '/crossdomain.xml' && this.#options.crossdomain
        ? this.#servePolicy(target, reply)
        : this.#files.serve(target, reply);
    }
    return this.#serveLive(request, reply, target, match);
  }

  /** What Flash players ask for before they play from another site: the file if there is one, else everybody may. */
  async #servePolicy(target: RequestTarget, reply: FastifyReply): Promise<FastifyReply> {
    const located = await this.#files.find(reply.request.headers.host, target);
    if (located !== undefined) return this.#files.send(located, target, reply);
    return reply.header('Cache-Control', 'no-cache').type('text/x-cross-domain-policy').send(CROSSDOMAIN_XML);
  }

  async #serveLive(
    request: FastifyRequest,
    reply: FastifyReply,
    target: RequestTarget,
    match: MountMatch,
  ): Promise<FastifyReply> {
    const isBehind = reply.raw.socket === null; // Looking for a file takes time, in which it may become the first.
    // A recorded file may have a name that a mount template matches too. What is live wins, unless `start` asks for a file.
    // A `.ts` is mostly a segment: there a file always wins, and nothing is looked for elsewhere by the name of one.
    const stream = this.#hub.find(match.name);
    const isIdle = stream === undefined || stream.state === 'idle';
    if (isIdle || match.ending === 'ts' || new URLSearchParams(target.query).has('start')) {
      const located = await this.#files.find(request.headers.host, target);
      if (located !== undefined) return this.#files.send(located, target, reply);
    }
    if (match.isOther && stream === undefined) return this.#files.serve(target, reply);
    return request.method === 'HEAD'
      ? this.#live.head(reply, target, match)
      : this.#live.serve(request, reply, target, match, isBehind);
  }
}
