import { networkInterfaces } from 'node:os';
import { systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Config, ListenAddress, VhostConfig } from '../config/index.ts';
import { ApiServer, type VhostFacts } from '../control/api/index.ts';
import type { SessionRegistry } from '../control/sessions/index.ts';
import { HttpEndpoint, MountTable, type HttpEndpointSettings } from '../endpoints/http/index.ts';
import type { ClosableHub } from '../hub/hub.ts';
import type { AccessPolicy } from '../hub/ports.ts';
import type { ConnectionGate } from '../net/index.ts';
import { HostSampler, publicAddress } from '../observe/host/index.ts';
import { newSessionId } from '../observe/index.ts';
import { liveFormat } from '../outputs/http-live/index.ts';
import type { LiveResources } from '../storage/live-resources.ts';
import { listenAddress, type BoundAddress } from './addresses.ts';
import { HttpsPart } from './https-part.ts';
import { playlistFiles, playlistUrls } from './playlist-urls.ts';
import { apiConnections } from './process/open-files.ts';
import { firstVhosts } from './vhost-options.ts';
import type { VhostTable } from './vhost-table.ts';

export interface HttpSideDeps {
  readonly hub: ClosableHub;
  readonly policy: AccessPolicy;
  readonly gate: ConnectionGate;
  readonly logger: Logger;
  readonly version: string;
  /** [server_id] One for the life of the server, also when the API is switched off and on. */
  readonly serverId: string;
  /** A new one at each start. */
  readonly serviceId: string;
  /** Who publishes and plays, for the API. */
  readonly sessions: SessionRegistry;
  /** What outputs keep in memory for HTTP. */
  readonly resources: LiveResources;
  /** Folder of the built page; undefined = no page. */
  readonly pageDir: string | undefined;
  /** The configuration in force. */
  config(): Config;
  /** Which vhost serves a host name. */
  readonly vhosts: VhostTable;
  /** The real one, for the page. */
  rtmpPort(): number | undefined;
  rtmpsPort(): number | undefined;
  /** New clients are served. */
  ready(): boolean;
  /** Where a directive is written, by its key such as `httpServer.https.cert`; undefined = not known. */
  placeOf(key: string): string | undefined;
}

/** [http_server, http_api] Whatever of HTTP is switched on. */
export class HttpSide {
  readonly #deps: HttpSideDeps;
  readonly #https: HttpsPart;
  readonly #apiHttps: HttpsPart;
  /** Measures while there is an API that shows it. */
  readonly #host = new HostSampler({ clock: systemClock, unixTime: () => Date.now() });
  #http: HttpEndpoint | undefined;
  #api: ApiServer | undefined;

  constructor(deps: HttpSideDeps) {
    this.#deps = deps;
    const part = (directive: string, key: string): HttpsPart =>
      new HttpsPart({
        directive,
        clock: systemClock,
        logger: deps.logger,
        nowMs: () => Date.now(),
        placeOf: (name) => deps.placeOf(`${key}.${name}`),
      });
    this.#https = part('http_server.https', 'httpServer.https');
    this.#apiHttps = part('http_api.https', 'httpApi.https');
  }

  get httpAddresses(): readonly BoundAddress[] {
    return this.#http?.addresses ?? [];
  }

  get apiAddresses(): readonly BoundAddress[] {
    return this.#api?.addresses ?? [];
  }

  get httpsAddresses(): readonly BoundAddress[] {
    return this.#http?.secureAddresses ?? [];
  }

  get apiHttpsAddresses(): readonly BoundAddress[] {
    return this.#api?.secureAddresses ?? [];
  }

  /** [http_server enabled, listen] Brings them about, or throws LISTEN_FAILED and nothing has changed. */
  async moveHttp(config: Config): Promise<void> {
    const { enabled, listen } = config.httpServer;
    const running = this.#http;
    if (!enabled) {
      this.#http = undefined;
      this.#https.close();
      await running?.close();
    } else if (running !== undefined) {
      await running.relisten([listenAddress(listen)]);
    } else {
      const made = await started(this.#createHttp(config));
      try {
        await this.#https.move(made, config.httpServer.https);
      } catch (error) {
        await made.close();
        throw error;
      }
      this.#http = made;
    }
  }

  /** [http_server https] Brings it about, or throws and nothing has changed. As in SRS there is none without the plain server. */
  moveHttps(config: Config): Promise<void> {
    return this.#https.move(this.#http, config.httpServer.https);
  }

  /** [http_api enabled, listen] Brings them about, or throws LISTEN_FAILED and nothing has changed. */
  async moveApi(config: Config): Promise<void> {
    const { enabled, listen } = config.httpApi;
    const running = this.#api;
    if (!enabled) {
      this.#api = undefined;
      this.#apiHttps.close();
      this.#host.close();
      await running?.close();
    } else if (running !== undefined) {
      await running.relisten([listenAddress(listen)]);
    } else {
      await this.#host.start(); // First: who gets an answer may take it that everything has begun.
      const made = await started(this.#createApi(config)).catch((error: unknown) => {
        this.#host.close();
        throw error;
      });
      try {
        await this.#apiHttps.move(made, config.httpApi.https);
      } catch (error) {
        this.#host.close();
        await made.close();
        throw error;
      }
      this.#api = made;
    }
  }

  /** [http_api https] Brings it about, or throws and nothing has changed. As in SRS there is none without the plain server. */
  moveApiHttps(config: Config): Promise<void> {
    return this.#apiHttps.move(this.#api, config.httpApi.https);
  }

  /** Everything but where to listen. Bodies under way go on. */
  reconfigure(config: Config): void {
    this.#http?.reconfigure(this.#httpOptions(config));
    this.#api?.reconfigure({
      crossdomain: config.httpApi.crossdomain,
      maxConnections: apiConnections(config),
    });
    void this.#https.refresh();
    void this.#apiHttps.refresh();
  }

  /** Accepts no more viewers; the API still answers. */
  async stopAccepting(): Promise<void> {
    await this.#http?.stopAccepting();
  }

  async stopAcceptingApi(): Promise<void> {
    await this.#api?.stopAccepting();
  }

  /** Ends all viewers, then the API. Idempotent. */
  async close(): Promise<void> {
    this.#https.close();
    this.#apiHttps.close();
    this.#host.close();
    await this.#http?.close();
    await this.#api?.close();
  }

  #httpOptions(config: Config): HttpEndpointSettings {
    const { httpServer, httpApi } = config;
    const { pageDir } = this.#deps;
    const vhosts = firstVhosts(config).filter((vhost) => vhost.enabled);
    const mounts = vhosts
      .filter((vhost) => vhost.httpRemux.enabled)
      .map(({ name, httpRemux }) => ({
        vhost: name,
        template: httpRemux.mount,
        announced: httpRemux.guessHasAv
          ? undefined
          : {
              audio: httpRemux.hasAudio,
              video: httpRemux.hasVideo,
              dropOthers: httpRemux.dropIfNotMatch,
            },
      }));
    const statics = vhosts
      .filter((vhost) => vhost.httpStatic.enabled)
      .map(({ name, httpStatic }) => ({ vhost: name, template: httpStatic.mount, dir: httpStatic.dir }));
    return {
      dir: httpServer.dir,
      statics,
      crossdomain: httpServer.crossdomain,
      pageDir: httpServer.page ? pageDir : undefined,
      mounts: new MountTable({
        mounts,
        resolveVhost: (host) => this.#deps.vhosts.select(host)?.name,
      }),
      playlists: playlistUrls(config, statics, playlistFiles),
      rtmpPort: this.#deps.rtmpPort(),
      rtmpsPort: this.#deps.rtmpsPort(),
      apiPort: httpApi.enabled ? httpApi.listen.port : undefined,
    };
  }

  #createHttp(config: Config): HttpEndpoint {
    const { hub, policy, gate, logger, version, resources } = this.#deps;
    return new HttpEndpoint(
      { ...this.#httpOptions(config), listen: [listenAddress(config.httpServer.listen)], version },
      {
        hub,
        access: policy,
        liveFormat,
        logger,
        clock: systemClock,
        newSessionId,
        gate,
        resources,
        emptyIpOk: () => this.#deps.config().emptyIpOk,
      },
    );
  }

  #createApi(config: Config): ApiServer {
    const { listen, crossdomain } = config.httpApi;
    const { hub, sessions, gate, logger, version, serverId, serviceId } = this.#deps;
    return new ApiServer(
      {
        listen: [listenAddress(listen)],
        crossdomain,
        maxConnections: apiConnections(config),
        version,
        serverId,
        serviceId,
        pid: process.pid,
      },
      {
        hub,
        sessions,
        host: this.#host,
        logger,
        clock: systemClock,
        unixTime: () => Date.now(),
        connections: () => gate.open,
        places: () => ({
          rtmp: placeOf(this.#deps.config().listen[0], this.#deps.rtmpPort()),
          api: placeOf(this.#deps.config().httpApi.listen, this.apiAddresses[0]?.port),
          publicHost: publicAddress(networkInterfaces()),
        }),
        ready: () => this.#deps.ready(),
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

async function started<T extends { start(): Promise<void>; close(): Promise<void> }>(made: T): Promise<T> {
  try {
    await made.start();
    return made;
  } catch (error) {
    await made.close();
    throw error;
  }
}
