import { networkInterfaces } from 'node:os';
import { systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Config, ListenAddress, VhostConfig } from '../config/index.ts';
import type { Bans } from '../control/access/index.ts';
import { ApiServer, type ApiMetrics, type ApiServerDeps, type VhostFacts } from '../control/api/index.ts';
import type { ServerEvents } from '../control/events/index.ts';
import type { RawSource } from '../control/raw/index.ts';
import type { SessionRegistry } from '../control/sessions/index.ts';
import type { ClosableHub } from '../hub/hub.ts';
import type { ConnectionGate, IncomingMessage, ServerResponse, TrustedProxies } from '../net/index.ts';
import { publicAddress } from '../observe/host/index.ts';
import { listenAddress, started, type BoundAddress } from './addresses.ts';
import { ApiAccessPart } from './api-access.ts';
import type { HostPart } from './host-part.ts';
import { HttpsPart } from './https-part.ts';
import { ownHttps, sharesPort } from './shared-port.ts';
import { apiConnections } from './process/open-files.ts';
import type { VhostTable } from './vhost-table.ts';

export interface ApiSideDeps {
  readonly hub: ClosableHub;
  /** Of all connections but the API's. */
  readonly gate: ConnectionGate;
  readonly proxies: TrustedProxies;
  readonly logger: Logger;
  readonly version: string;
  /** [server_id] One for the life of the server, also when the API is switched off and on. */
  readonly serverId: string;
  /** A new one at each start. */
  readonly serviceId: string;
  /** Who publishes and plays. */
  readonly sessions: SessionRegistry;
  readonly bans: Bans;
  /** The configuration of this process, for the RAW API; undefined = a program has made it. */
  readonly raw: (() => RawSource | undefined) | undefined;
  readonly events: ServerEvents;
  /** What is wrong with a stream now. */
  readonly warnings: NonNullable<ApiServerDeps['warnings']>;
  readonly host: HostPart;
  /** [exporter] What `/metrics` answers; undefined = the exporter is off. */
  readonly metrics: () => ApiMetrics | undefined;
  /** Folder of the built pages; undefined = no console. */
  readonly pageDir: string | undefined;
  /** The configuration in force. */
  config(): Config;
  /** Which vhost serves a host name. */
  readonly vhosts: VhostTable;
  /** Where the HTTP server listens, which may have the port of the API as well. */
  readonly http: () => {
    readonly addresses: readonly BoundAddress[];
    readonly secureAddresses: readonly BoundAddress[];
  };
  /** The real one. */
  rtmpPort(): number | undefined;
  /** New clients are served. */
  ready(): boolean;
  /** Where a directive is written, by its key such as `httpApi.https.cert`; undefined = not known. */
  placeOf(key: string): string | undefined;
}

/** [http_api] The API where it is switched on, its listeners, and what is measured for it. */
export class ApiSide {
  readonly #deps: ApiSideDeps;
  readonly #https: HttpsPart;
  readonly #access: ApiAccessPart;
  #api: ApiServer | undefined;
  /** The HTTP server has its address, and TLS. */
  #isShared = false;

  constructor(deps: ApiSideDeps) {
    this.#deps = deps;
    this.#access = new ApiAccessPart({
      clock: systemClock,
      logger: deps.logger.child({ component: 'api' }),
    });
    this.#https = new HttpsPart({
      directive: 'http_api.https',
      clock: systemClock,
      logger: deps.logger,
      nowMs: () => Date.now(),
      placeOf: (name) => deps.placeOf(`httpApi.https.${name}`),
    });
  }

  get addresses(): readonly BoundAddress[] {
    return this.#isShared ? this.#deps.http().addresses : (this.#api?.addresses ?? []);
  }

  get secureAddresses(): readonly BoundAddress[] {
    const shared = this.#isShared ? this.#deps.http().secureAddresses : [];
    return [...shared, ...(this.#api?.secureAddresses ?? [])];
  }

  /** [http_api https] See `HttpsPart`. */
  get certificateEndsAtMs(): number | undefined {
    return this.#https.endsAtMs;
  }

  /** [http_api enabled, listen] Brings them about, or throws LISTEN_FAILED and nothing has changed. */
  async move(config: Config): Promise<void> {
    const { enabled, listen } = config.httpApi;
    const running = this.#api;
    if (!enabled) {
      this.#api = undefined;
      this.#isShared = false;
      this.#https.close();
      this.#access.pause();
      await running?.close();
    } else if (running !== undefined) {
      this.#access.prepare(config);
      await running.relisten([listenAddress(listen)], sharesPort(config));
      this.#isShared = sharesPort(config);
    } else {
      this.#access.use(config);
      await this.#deps.host.prepare(config); // First: who gets an answer may take it that everything has begun.
      const made = await started(this.#create(config));
      try {
        await this.#https.move(made, ownHttps(config));
      } catch (error) {
        await made.close();
        throw error;
      }
      this.#api = made;
      this.#isShared = sharesPort(config);
    }
  }

  /**
   * Before the listeners of the HTTP server change: credentials are asked for where they will be needed, and a port is left that
   * the HTTP server is to have. Throws as `move` does.
   */
  async makeRoom(config: Config): Promise<void> {
    if (this.#api === undefined || !config.httpApi.enabled) return;
    this.#access.prepare(config);
    if (!sharesPort(config)) return;
    await this.#api.relisten([listenAddress(config.httpApi.listen)], true);
    await this.#https.move(this.#api, ownHttps(config));
  }

  /** False: there is no API, or the HTTP server does not have its port. */
  serve(request: IncomingMessage, response: ServerResponse): boolean {
    if (!this.#isShared || this.#api === undefined) return false;
    this.#api.serve(request, response);
    return true;
  }

  /** [http_api https] Brings it about, or throws and nothing has changed. As in SRS there is none without the plain server. */
  async moveHttps(config: Config): Promise<void> {
    if (config.httpApi.https.enabled && this.#api !== undefined) this.#access.prepare(config);
    await this.#https.move(this.#api, ownHttps(config));
  }

  /** [http_api auth] Asks for other credentials, or throws API_TOKENS_FAILED and nothing has changed. */
  changeAuth(config: Config): Promise<void> {
    return Promise.resolve().then(() => {
      if (this.#api !== undefined) this.#access.use(config);
    });
  }

  /** Everything but where to listen. */
  reconfigure(config: Config): void {
    if (this.#api !== undefined) this.#access.settle(config);
    this.#api?.reconfigure({
      crossdomain: config.httpApi.crossdomain,
      maxConnections: apiConnections(config),
      maxPerIp: config.maxConnectionsPerIp,
    });
    void this.#https.refresh();
  }

  async stopAccepting(): Promise<void> {
    await this.#api?.stopAccepting();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#https.close();
    this.#access.close();
    await this.#api?.close();
  }

  #create(config: Config): ApiServer {
    const { listen, crossdomain } = config.httpApi;
    const { hub, sessions, bans, events, gate, proxies, logger, version, serverId, serviceId } = this.#deps;
    return new ApiServer(
      {
        listen: [listenAddress(listen)],
        isShared: sharesPort(config),
        pageDir: this.#deps.pageDir,
        crossdomain,
        maxConnections: apiConnections(config),
        maxPerIp: config.maxConnectionsPerIp,
        version,
        serverId,
        serviceId,
        pid: process.pid,
      },
      {
        hub,
        sessions,
        bans,
        events,
        warnings: this.#deps.warnings,
        host: this.#deps.host,
        metrics: this.#deps.metrics,
        logger,
        proxies,
        clock: systemClock,
        unixTime: () => Date.now(),
        connections: () => gate.open,
        places: () => ({
          rtmp: placeOf(this.#deps.config().listen[0], this.#deps.rtmpPort()),
          api: placeOf(this.#deps.config().httpApi.listen, this.addresses[0]?.port),
          publicHost: publicAddress(networkInterfaces()),
        }),
        ready: () => this.#deps.ready(),
        auth: this.#access.auth,
        raw: () => this.#deps.raw?.(),
        rawSettings: () => this.#deps.config().httpApi.rawApi,
        vhostOf: (name) => vhostFacts(this.#deps.vhosts.block(name)),
        emptyIpOk: () => this.#deps.config().emptyIpOk,
      },
    );
  }
}

/** The host of the configuration with the real port; without a host where it listens on all addresses. */
function placeOf(
  listen: ListenAddress | undefined,
  port: number | undefined,
): { readonly host: string | undefined; readonly port: number } | undefined {
  if (port === undefined) return undefined;
  const host = listen?.host;
  return { host: host === '0.0.0.0' || host === '::' ? undefined : host, port };
}

function vhostFacts(vhost: VhostConfig | undefined): VhostFacts | undefined {
  if (vhost === undefined) return undefined;
  const { enabled, hls } = vhost;
  return { enabled, hlsFragmentSeconds: hls.enabled ? hls.hlsFragmentMs / 1_000 : undefined };
}
