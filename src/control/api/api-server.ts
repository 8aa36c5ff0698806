import type { FastifyInstance } from 'fastify';
import { ServerError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import {
  ConnectionGate,
  CORS_HEADERS,
  createHttpApp,
  HttpServer,
  sendText,
  type HttpServerOptions,
  type IncomingMessage,
  type ListenAddress,
  type ServerResponse,
  type TlsCertificate,
  type TrustedProxies,
} from '../../net/index.ts';
import type { RawSettings } from '../raw/index.ts';
import { API_ERRORS, failure } from './answer.ts';
import type { ApiIdentity, ApiSources } from './api-context.ts';
import { addDocument } from './api-document.ts';
import { addApiRoutes } from './api-routes.ts';
import type { ApiAuth } from './auth.ts';
import { addConsoleRoutes } from './console-routes.ts';
import { callbackOf, overrideMethod } from './jsonp.ts';
import { addStrictMode } from './strict-mode.ts';

export interface ApiServerOptions extends ApiIdentity {
  /** [http_api listen] */
  readonly listen: readonly ListenAddress[];
  /** Whether another server has this address and gives its requests to `serve`. @default false */
  readonly isShared?: boolean;
  /** [http_api crossdomain] */
  readonly crossdomain: boolean;
  /** Folder of the built pages, one of which is the console; undefined = no `/console/`. */
  readonly pageDir?: string | undefined;
  /** Connections at the same time. @default MAX_API_CONNECTIONS */
  readonly maxConnections?: number;
  /** [max_connections_per_ip] Of them, of one client. @default 0: no limit */
  readonly maxPerIp?: number;
  readonly timeouts?: Pick<
    HttpServerOptions,
    'headersTimeoutMs' | 'requestTimeoutMs' | 'keepAliveTimeoutMs' | 'timeoutCheckMs'
  >;
}

export interface ApiServerDeps extends ApiSources {
  /** [empty_ip_ok] See `ListenerSetOptions`. */
  readonly emptyIpOk?: () => boolean;
  /** [trusted_proxies] Default: nobody is trusted. */
  readonly proxies?: TrustedProxies;
  /** [http_api raw_api] Default: off. */
  readonly rawSettings?: () => RawSettings;
  /** [http_api auth] Who may call what. Default: everybody everything. */
  readonly auth?: Pick<ApiAuth, 'guard' | 'whileLetIn'>;
}

/** Largest body of an API request, bytes. */
export const MAX_API_BODY_BYTES = 64 * 1024;
/**
 * Connections to the API that may be open at once. They have a limit of their own, so that the API answers also when viewers
 * have used up `max_connections`.
 */
export const MAX_API_CONNECTIONS = 1_024;

const RAW_OFF: RawSettings = { enabled: false, allowReload: false, allowQuery: false, allowUpdate: false };

/** [http_api] SRS's HTTP API. Start it last: that it answers means that all else listens. */
export class ApiServer {
  readonly #options: ApiServerOptions;
  readonly #logger: Logger;
  readonly #gate: ConnectionGate;
  readonly #http: HttpServer;
  readonly #app: FastifyInstance;
  /** Looked at on use. */
  #crossdomain: boolean;
  #listen: readonly ListenAddress[];
  #closed: Promise<void> | undefined;

  constructor(options: ApiServerOptions, deps: ApiServerDeps) {
    const { clock, emptyIpOk, proxies } = deps;
    this.#options = options;
    this.#crossdomain = options.crossdomain;
    this.#listen = options.listen;
    this.#logger = deps.logger.child({ component: 'api' });
    this.#gate = new ConnectionGate({
      maxConnections: options.maxConnections ?? MAX_API_CONNECTIONS,
      maxPerIp: options.maxPerIp ?? 0,
      limit: 'MAX_API_CONNECTIONS',
      clock,
      logger: this.#logger,
    });
    this.#http = new HttpServer({
      ...options.timeouts,
      directive: 'http_api listen',
      logger: this.#logger,
      clock,
      gate: this.#gate,
      ...(proxies === undefined ? {} : { proxies }),
      ...(emptyIpOk === undefined ? {} : { emptyIpOk }),
    });
    this.#app = this.#createApp();
    deps.auth?.guard(this.#app); // Before the routes: hooks are for what comes after them.
    addStrictMode(this.#app);
    addDocument(this.#app, options.version);
    if (options.pageDir !== undefined) addConsoleRoutes(this.#app, options.pageDir);
    void this.#app.register((routes, _options, done) => {
      addApiRoutes(routes, {
        ...options,
        ...deps,
        logger: this.#logger,
        settings: () => ({
          enabled: true,
          listen: this.#listen.map(listenText).join(','),
          crossdomain: this.#crossdomain,
          rawApi: deps.rawSettings?.() ?? RAW_OFF,
        }),
      });
      done();
    });
  }

  get addresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.#http.addresses;
  }

  /** Listens on all addresses, or throws LISTEN_FAILED and on none. */
  async start(): Promise<void> {
    await this.#app.ready();
    await this.#http.listen(this.#options.isShared === true ? [] : this.#options.listen);
  }

  /** [http_api listen] Listens on these addresses from now on, or throws LISTEN_FAILED and nothing has changed. */
  async relisten(listen: readonly ListenAddress[], isShared = false): Promise<void> {
    await this.#http.listen(isShared ? [] : listen);
    this.#listen = listen;
  }

  /** Serves a request that came to the server that has its address. */
  serve(request: IncomingMessage, response: ServerResponse): void {
    this.#http.serve(request, response);
  }

  /** [http_api https] Where it listens for TLS. */
  get secureAddresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.#http.secureAddresses;
  }

  /** [http_api https] As `relisten`, for TLS. Without a certificate: no TLS any more. */
  listenSecure(listen: readonly ListenAddress[], certificate: TlsCertificate | undefined): Promise<void> {
    return this.#http.listenSecure(listen, certificate);
  }

  /** For TLS handshakes from now on; open connections keep theirs. */
  useCertificate(certificate: TlsCertificate): void {
    this.#http.useCertificate(certificate);
  }

  /** Other settings, from the next request on. */
  reconfigure(settings: Pick<ApiServerOptions, 'crossdomain' | 'maxConnections' | 'maxPerIp'>): void {
    this.#crossdomain = settings.crossdomain;
    this.#gate.maxConnections = settings.maxConnections ?? MAX_API_CONNECTIONS;
    this.#gate.maxPerIp = settings.maxPerIp ?? 0;
  }

  stopAccepting(): Promise<void> {
    return this.#http.stopAccepting();
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      await this.#http.close();
      await this.#app.close();
      this.#gate.close();
    })();
    return this.#closed;
  }

  #createApp(): FastifyInstance {
    const common = { Server: `srs-ts/${this.#options.version}`, 'Cache-Control': 'no-cache' };
    const commonCors = { ...common, ...CORS_HEADERS };
    const app = createHttpApp({
      http: this.#http,
      logger: this.#logger,
      // SRS looks at no body here; it is read up to the limit and thrown away.
      maxBodyBytes: MAX_API_BODY_BYTES,
      before: (request) => {
        if (this.#crossdomain) overrideMethod(request);
        return false;
      },
      headers: (request) => (this.#crossdomain && request.headers.origin !== undefined ? commonCors : common),
      fail: (reply, status, error) =>
        error instanceof ServerError
          ? reply.code(200).send(failure(error.apiCode, error.message))
          : reply.code(status).send(failure(API_ERRORS.BAD_REQUEST, whatIsWrong(status))),
    });
    // JSONP is for pages of other origins: it goes with CORS.
    app.addHook('onSend', (request, reply, payload, done) => {
      const isJson = String(reply.getHeader('content-type')).startsWith('application/json');
      const callback = this.#crossdomain && isJson ? callbackOf(request.raw.url) : undefined;
      if (callback === undefined || typeof payload !== 'string') {
        done(null, payload);
        return;
      }
      reply.type('text/javascript; charset=utf-8').header('X-Content-Type-Options', 'nosniff');
      reply.removeHeader('content-length');
      done(null, `${callback}(${payload})`);
    });
    app.options('/*', (_request, reply) =>
      this.#crossdomain ? reply.code(200).send() : sendText(reply, 405, 'method not allowed'),
    );
    return app;
  }
}

function whatIsWrong(status: number): string {
  if (status === 413) return 'the body is too large';
  return status >= 500 ? 'the server failed, see its log' : 'the request cannot be read';
}

/** As SRS writes it: a port, with an address where one is given. */
function listenText({ host, port }: ListenAddress): string {
  return host === undefined || host === '' ? String(port) : `${host}:${port}`;
}
