import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { Clock } from '../../base/clock.ts';
import { describeError, ServerError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import {
  CORS_HEADERS,
  HttpServer,
  type ConnectionGate,
  type HttpServerOptions,
  type ListenAddress,
} from '../../net/index.ts';
import { addApiRoutes, type ApiRoutesOptions } from './api-routes.ts';

export interface ApiServerOptions extends Omit<ApiRoutesOptions, 'hub'> {
  /** [http_api listen] */
  readonly listen: readonly ListenAddress[];
  /** [http_api crossdomain] */
  readonly crossdomain: boolean;
  readonly timeouts?: Pick<
    HttpServerOptions,
    'headersTimeoutMs' | 'requestTimeoutMs' | 'keepAliveTimeoutMs' | 'timeoutCheckMs'
  >;
}

export interface ApiServerDeps {
  readonly hub: ApiRoutesOptions['hub'];
  readonly logger: Logger;
  readonly clock: Clock;
  readonly gate?: ConnectionGate;
}

/** Largest body of an API request, bytes. */
export const MAX_API_BODY_BYTES = 64 * 1024;
/** SRS's number for a request that it cannot read (HTTP data invalid). */
const BAD_REQUEST_CODE = 4005;

/** [http_api] SRS's HTTP API. Start it last: that it answers means that all else listens. */
export class ApiServer {
  readonly #options: ApiServerOptions;
  readonly #logger: Logger;
  readonly #http: HttpServer;
  readonly #app: FastifyInstance;
  #closed: Promise<void> | undefined;

  constructor(options: ApiServerOptions, deps: ApiServerDeps) {
    this.#options = options;
    this.#logger = deps.logger.child({ component: 'api' });
    this.#http = new HttpServer({
      ...options.timeouts,
      directive: 'http_api listen',
      logger: this.#logger,
      clock: deps.clock,
      ...(deps.gate === undefined ? {} : { gate: deps.gate }),
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

  stopAccepting(): Promise<void> {
    return this.#http.stopAccepting();
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      await this.#http.close();
      await this.#app.close();
    })();
    return this.#closed;
  }

  #createApp(): FastifyInstance {
    const { crossdomain, version } = this.#options;
    const app = Fastify({
      logger: false,
      exposeHeadRoutes: false,
      bodyLimit: MAX_API_BODY_BYTES,
      serverFactory: (handler) => {
        this.#http.handle(handler);
        return this.#http.server;
      },
      clientErrorHandler: (error, socket) => this.#http.clientError(error, socket),
      frameworkErrors: (_error, _request, reply) => {
        sendCode(reply, 400, BAD_REQUEST_CODE);
      },
    });
    app.addHook('onRequest', (request, reply, done) => {
      reply.header('Server', `srs-ts/${version}`).header('Cache-Control', 'no-cache');
      if (crossdomain && request.headers.origin !== undefined) reply.headers(CORS_HEADERS);
      done();
    });
    app.setErrorHandler((error, _request, reply) => {
      if (error instanceof ServerError) return sendCode(reply, 200, error.apiCode);
      const status = error instanceof Error && 'statusCode' in error ? error.statusCode : 500;
      if (typeof status === 'number' && status >= 400 && status < 500) {
        return sendCode(reply, status, BAD_REQUEST_CODE);
      }
      this.#logger.error(`request failed: ${describeError(error)}`);
      return sendCode(reply, 500, BAD_REQUEST_CODE);
    });
    app.setNotFoundHandler((_request, reply) =>
      reply.code(404).type('text/plain; charset=utf-8').send('not found\n'),
    );
    // SRS looks at no body here, whatever its type; it is read up to the limit and thrown away.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null, undefined));
    app.options('/*', (_request, reply) =>
      crossdomain
        ? reply.code(200).send()
        : reply.code(405).type('text/plain; charset=utf-8').send('method not allowed\n'),
    );
    return app;
  }
}

/** SRS's error body: the number and nothing else. */
function sendCode(reply: FastifyReply, status: number, code: number): FastifyReply {
  return reply.code(status).send({ code });
}
