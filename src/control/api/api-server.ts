import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Clock } from '../../base/clock.ts';
import { ServerError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import {
  ConnectionGate,
  CORS_HEADERS,
  createHttpApp,
  HttpServer,
  sendText,
  type HttpServerOptions,
  type ListenAddress,
  type TlsCertificate,
} from '../../net/index.ts';
import { addApiRoutes, type ApiRoutesOptions } from './api-routes.ts';

export interface ApiServerOptions extends Omit<ApiRoutesOptions, 'hub'> {
  /** [http_api listen] */
  readonly listen: readonly ListenAddress[];
  /** [http_api crossdomain] */
  readonly crossdomain: boolean;
  /** Connections at the same time. @default MAX_API_CONNECTIONS */
  readonly maxConnections?: number;
  readonly timeouts?: Pick<
    HttpServerOptions,
    'headersTimeoutMs' | 'requestTimeoutMs' | 'keepAliveTimeoutMs' | 'timeoutCheckMs'
  >;
}

export interface ApiServerDeps {
  readonly hub: ApiRoutesOptions['hub'];
  readonly logger: Logger;
  readonly clock: Clock;
  /** [empty_ip_ok] See `ListenerSetOptions`. */
  readonly emptyIpOk?: () => boolean;
}

/** Largest body of an API request, bytes. */
export const MAX_API_BODY_BYTES = 64 * 1024;
/**
 * Connections to the API that may be open at once. They have a limit of their own, so that the API answers also when viewers
 * have used up `max_connections`.
 */
export const MAX_API_CONNECTIONS = 1_024;
/** SRS's number for a request that it cannot read (HTTP data invalid). */
const BAD_REQUEST_CODE = 4005;

/** [http_api] SRS's HTTP API. Start it last: that it answers means that all else listens. */
export class ApiServer {
  readonly #options: ApiServerOptions;
  readonly #logger: Logger;
  readonly #gate: ConnectionGate;
  readonly #http: HttpServer;
  readonly #app: FastifyInstance;
  /** Looked at on use. */
  #crossdomain: boolean;
  #closed: Promise<void> | undefined;

  constructor(options: ApiServerOptions, deps: ApiServerDeps) {
    const { clock, emptyIpOk } = deps;
    this.#options = options;
    this.#crossdomain = options.crossdomain;
    this.#logger = deps.logger.child({ component: 'api' });
    this.#gate = new ConnectionGate({
      maxConnections: options.maxConnections ?? MAX_API_CONNECTIONS,
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
      ...(emptyIpOk === undefined ? {} : { emptyIpOk }),
    });
    this.#app = this.#createApp();
    addApiRoutes(this.#app, { ...options, hub: deps.hub });
  }

  get addresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.#http.addresses;
  }

  /** Listens on all addresses, or throws LISTEN_FAILED and on none. */
  async start(): Promise<void> {
    await this.#app.ready();
    await this.#http.listen(this.#options.listen);
  }

  /** [http_api listen] Listens on these addresses from now on, or throws LISTEN_FAILED and nothing has changed. */
  relisten(listen: readonly ListenAddress[]): Promise<void> {
    return this.#http.listen(listen);
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
  reconfigure(settings: Pick<ApiServerOptions, 'crossdomain' | 'maxConnections'>): void {
    this.#crossdomain = settings.crossdomain;
    this.#gate.maxConnections = settings.maxConnections ?? MAX_API_CONNECTIONS;
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
      exposeHeadRoutes: false,
      headers: (request) => (this.#crossdomain && request.headers.origin !== undefined ? commonCors : common),
      fail: (reply, status, error) =>
        error instanceof ServerError
          ? sendCode(reply, 200, error.apiCode)
          : sendCode(reply, status, BAD_REQUEST_CODE),
    });
    app.options('/*', (_request, reply) =>
      this.#crossdomain ? reply.code(200).send() : sendText(reply, 405, 'method not allowed'),
    );
    return app;
  }
}

/** SRS's error body: the number and nothing else. */
function sendCode(reply: FastifyReply, status: number, code: number): FastifyReply {
  return reply.code(status).send({ code });
}
