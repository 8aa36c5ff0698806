import { systemClock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Config } from '../config/index.ts';
import {
  HttpEndpoint,
  MountTable,
  type FileGuard,
  type HttpEndpointSettings,
} from '../endpoints/http/index.ts';
import type { AccessPolicy } from '../hub/ports.ts';
import { newSessionId } from '../observe/index.ts';
import { liveFormat } from '../outputs/http-live/index.ts';
import type { LiveResources } from '../storage/live-resources.ts';
import { listenAddress, started, type BoundAddress } from './addresses.ts';
import { ApiSide, type ApiSideDeps } from './api-side.ts';
import { HttpsPart } from './https-part.ts';
import { playlistFiles, playlistUrls, staticMounts } from './playlist-urls.ts';
import { isOfApi } from './shared-port.ts';
import { firstVhosts } from './vhost-options.ts';

export interface HttpSideDeps extends Omit<ApiSideDeps, 'http'> {
  readonly policy: AccessPolicy;
  /** What outputs keep in memory for HTTP. */
  readonly resources: LiveResources;
  /** Who may have files of streams from the disk. */
  readonly guard: FileGuard;
  rtmpsPort(): number | undefined;
}

const NOWHERE = { addresses: [], secureAddresses: [] } as const;

/** [http_server, http_api] Whatever of HTTP is switched on. */
export class HttpSide {
  readonly #deps: HttpSideDeps;
  readonly #https: HttpsPart;
  readonly #api: ApiSide;
  #http: HttpEndpoint | undefined;

  constructor(deps: HttpSideDeps) {
    this.#deps = deps;
    this.#api = new ApiSide({ ...deps, http: () => this.#http ?? NOWHERE });
    this.#https = new HttpsPart({
      directive: 'http_server.https',
      clock: systemClock,
      logger: deps.logger,
      nowMs: () => Date.now(),
      placeOf: (name) => deps.placeOf(`httpServer.https.${name}`),
    });
  }

  get httpAddresses(): readonly BoundAddress[] {
    return this.#http?.addresses ?? [];
  }

  get apiAddresses(): readonly BoundAddress[] {
    return this.#api.addresses;
  }

  get httpsAddresses(): readonly BoundAddress[] {
    return this.#http?.secureAddresses ?? [];
  }

  get apiHttpsAddresses(): readonly BoundAddress[] {
    return this.#api.secureAddresses;
  }

  /** Certificates in use: the directive, and their end, Unix ms; undefined = no TLS there. */
  get certificates(): Readonly<Record<string, number | undefined>> {
    return { 'http_server.https': this.#https.endsAtMs, 'http_api.https': this.#api.certificateEndsAtMs };
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
  moveApi(config: Config): Promise<void> {
    return this.#api.move(config);
  }

  /** [http_api https] Brings it about, or throws and nothing has changed. As in SRS there is none without the plain server. */
  moveApiHttps(config: Config): Promise<void> {
    return this.#api.moveHttps(config);
  }

  /**
   * [http_server, http_api: enabled, listen, https] Brings all of them about, where one port is or was for both, or throws; then, as
   * far as the ports are still free, it is as before.
   */
  async moveTogether(before: Config, next: Config): Promise<void> {
    try {
      await this.#moveTogether(next);
    } catch (error) {
      await this.#moveTogether(before).catch((again: unknown) => {
        this.#deps.logger.error(`the listeners of HTTP are not as before: ${describeError(again)}`);
      });
      throw error;
    }
  }

  /** [http_api auth] Brings it about, or throws API_TOKENS_FAILED and nothing has changed. */
  changeApiAuth(config: Config): Promise<void> {
    return this.#api.changeAuth(config);
  }

  /** Everything but where to listen. Bodies under way go on. */
  reconfigure(config: Config): void {
    this.#http?.reconfigure(this.#httpOptions(config));
    void this.#https.refresh();
    this.#api.reconfigure(config);
  }

  /** Accepts no more viewers; the API still answers. */
  async stopAccepting(): Promise<void> {
    await this.#http?.stopAccepting();
  }

  async stopAcceptingApi(): Promise<void> {
    await this.#api.stopAccepting();
  }

  /** Ends all viewers, then the API. Idempotent. */
  async close(): Promise<void> {
    this.#https.close();
    await this.#http?.close();
    await this.#api.close();
  }

  async #moveTogether(config: Config): Promise<void> {
    await this.#api.makeRoom(config);
    await this.moveHttp(config);
    await this.moveHttps(config);
    await this.#api.move(config); // Only now what comes to the HTTP server is given to it.
    await this.#api.moveHttps(config);
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
    const statics = staticMounts(vhosts);
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
    const { hub, policy, bans, gate, proxies, logger, version, resources, guard } = this.#deps;
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
        proxies,
        resources,
        guard,
        isBanned: (ip) => bans.isBanned(ip),
        emptyIpOk: () => this.#deps.config().emptyIpOk,
        handOver: (request, response) => isOfApi(request.url) && this.#api.serve(request, response),
      },
    );
  }
}
