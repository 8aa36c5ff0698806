import type { Clock } from '../../base/clock.ts';
import { describeError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import {
  ConnectionGate,
  HttpServer,
  type IncomingMessage,
  type ListenAddress,
  type ServerResponse,
  type TrustedProxies,
} from '../../net/index.ts';

/** Connections to the exporter that may be open at once. */
export const MAX_EXPORTER_CONNECTIONS = 64;

export interface ExporterServerDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly version: string;
  /** [trusted_proxies] Default: nobody is trusted. */
  readonly proxies?: TrustedProxies;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
}

/** [exporter] `/metrics` on a port of its own, which has a limit of connections of its own. */
export class ExporterServer {
  readonly #deps: ExporterServerDeps;
  readonly #gate: ConnectionGate;
  readonly #http: HttpServer;

  constructor(deps: ExporterServerDeps) {
    this.#deps = deps;
    const { clock, logger, proxies } = deps;
    this.#gate = new ConnectionGate({
      maxConnections: MAX_EXPORTER_CONNECTIONS,
      limit: 'MAX_EXPORTER_CONNECTIONS',
      clock,
      logger,
    });
    this.#http = new HttpServer({
      directive: 'exporter listen',
      clock,
      logger,
      gate: this.#gate,
      ...(proxies === undefined ? {} : { proxies }),
    });
    this.#http.handle((request, response) => void this.#answer(request, response));
  }

  get addresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.#http.addresses;
  }

  /** [exporter listen] Listens on these addresses from now on, or throws LISTEN_FAILED and nothing has changed. */
  listen(listen: readonly ListenAddress[]): Promise<void> {
    return this.#http.listen(listen);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#http.close();
    this.#gate.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { metrics, version, logger } = this.#deps;
    const send = (status: number, type: string, text: string): void => {
      const body = Buffer.from(text);
      response.writeHead(status, {
        Server: `srs-ts/${version}`,
        'Cache-Control': 'no-cache',
        'Content-Type': type,
        'Content-Length': body.length,
      });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    const plain = 'text/plain; charset=utf-8';
    request.resume();
    if (!/^\/metrics\/?(?:\?|$)/.test(request.url ?? '')) {
      send(404, plain, 'the figures are at /metrics\n');
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      send(405, plain, 'method not allowed\n');
      return;
    }
    try {
      send(200, metrics.contentType, await metrics.text());
    } catch (error) {
      logger.error(`the figures cannot be told: ${describeError(error)}`);
      send(500, plain, 'the server failed, see its log\n');
    }
  }
}
