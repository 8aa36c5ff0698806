import { UndoScope } from '../base/undo.ts';
import { systemClock } from '../base/clock.ts';
import { TimerWheel } from '../base/timer-wheel.ts';
import type { Logger } from '../base/logger.ts';
import { selectVhost, type Config } from '../config/index.ts';
import { ApiServer } from '../control/api/index.ts';
import { HttpEndpoint, MountTable } from '../endpoints/http/index.ts';
import { RtmpEndpoint } from '../endpoints/rtmp/index.ts';
import { createHub, type ClosableHub } from '../hub/hub.ts';
import { MergeGovernor } from '../hub/merge-governor.ts';
import type { AccessPolicy, StreamObserver, StreamResolver } from '../hub/ports.ts';
import { audioTrackOf, videoTrackOf } from '../media/track-info.ts';
import { ConnectionGate } from '../net/index.ts';
import { createLoopProbe, newSessionId } from '../observe/index.ts';
import { flvFormat } from '../outputs/http-flv/index.ts';
import { startIngests, type Ingest } from './ingests.ts';
import { rtmpVhosts, streamOptions } from './vhost-options.ts';

/** What the owner of a server may add or replace. */
export interface ServerDeps {
  readonly logger: Logger;
  readonly version: string;
  /** Folder of the built page; undefined = no page. */
  readonly pageDir: string | undefined;
  /** Who may connect, publish and play. Default: everybody. */
  readonly policy?: AccessPolicy;
  /** Told of each start and end of a publish and a play. */
  readonly observers?: readonly StreamObserver[];
  /** Asked, in order, for a stream that is not here. */
  readonly resolvers?: readonly StreamResolver[];
}

/** Where a running server listens. Ports are the real ones, also where 0 was asked for. */
export interface ServerAddresses {
  readonly rtmp: readonly BoundAddress[];
  readonly http: readonly BoundAddress[];
  readonly api: readonly BoundAddress[];
}

export interface BoundAddress {
  readonly host: string;
  readonly port: number;
}

const NAME = 'srs-ts';
const EVERYBODY: AccessPolicy = { check: () => Promise.resolve() };

/**
 * The composition root: one server from one frozen configuration. A process may hold several, and a server may be started,
 * stopped and made anew.
 */
export class Server {
  readonly #config: Config;
  readonly #deps: ServerDeps;
  readonly #scope = new UndoScope();
  readonly #gate: ConnectionGate;
  readonly #hub: ClosableHub;
  readonly #rtmp: RtmpEndpoint;
  #http: HttpEndpoint | undefined;
  #api: ApiServer | undefined;
  #ingests: readonly Ingest[] = [];
  #stopped: Promise<void> | undefined;

  constructor(config: Config, deps: ServerDeps) {
    this.#config = config;
    this.#deps = deps;
    const { logger } = deps;
    const clock = systemClock;
    const probe = createLoopProbe();
    this.#scope.add(() => probe.close());
    this.#gate = new ConnectionGate({ maxConnections: config.maxConnections, clock, logger });
    this.#scope.add(() => this.#gate.close());
    this.#hub = createHub({
      clock,
      logger,
      optionsFor: (name) => streamOptions(config, name),
      describeTrack: (frame, parseSps) =>
        frame.kind === 'video' ? videoTrackOf(frame, parseSps) : audioTrackOf(frame),
      governor: new MergeGovernor({ clock, loadProbe: () => probe.utilisation() }),
      observers: deps.observers ?? [],
      resolvers: deps.resolvers ?? [],
    });
    this.#scope.add(() => this.#hub.close());
    const wheel = new TimerWheel(clock);
    this.#scope.add(() => wheel.close());
    this.#rtmp = new RtmpEndpoint({
      listen: config.listen.map(listenAddress),
      gate: this.#gate,
      hub: this.#hub,
      policy: deps.policy ?? EVERYBODY,
      vhosts: rtmpVhosts(config),
      clock,
      wheel,
      logger,
      newSessionId,
      server: { name: NAME, version: deps.version },
      handshakeTimeoutMs: config.rtmpHandshakeTimeoutMs,
    });
  }

  get hub(): ClosableHub {
    return this.#hub;
  }

  /** Connections that are open, of all kinds but the API's. */
  get connections(): number {
    return this.#gate.open;
  }

  /** Streams that are published, or held for a publisher who may come back. */
  get liveStreams(): number {
    return this.#hub.list().filter(({ state }) => state === 'live' || state === 'waiting').length;
  }

  get addresses(): ServerAddresses {
    return {
      rtmp: this.#rtmp.addresses,
      http: this.#http?.addresses ?? [],
      api: this.#api?.addresses ?? [],
    };
  }

  /** Listens everywhere, the API last, or throws LISTEN_FAILED and listens nowhere. */
  async start(): Promise<void> {
    const { httpServer, httpApi } = this.#config;
    try {
      await this.#rtmp.start();
      if (httpServer.enabled) {
        this.#http = this.#createHttp();
        await this.#http.start();
      }
      if (httpApi.enabled) {
        this.#api = this.#createApi();
        await this.#api.start();
      }
    } catch (error) {
      await this.stop();
      throw error;
    }
    const { logger } = this.#deps;
    const rtmpPort = this.#rtmp.addresses[0]?.port ?? 0;
    this.#ingests = startIngests(this.#config, { rtmpPort, logger, clock: systemClock });
  }

  /** Closes all listeners and ends the ingests; sessions go on. The first part of a graceful end; `stop` follows. */
  async stopAccepting(): Promise<void> {
    const ingests = Promise.all(this.#ingests.map((ingest) => ingest.close()));
    await Promise.all([
      this.#rtmp.stopAccepting(),
      this.#http?.stopAccepting(),
      this.#api?.stopAccepting(),
      ingests,
    ]);
  }

  /** Ends ingests, accepting, sessions, and frees everything. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const ingests = Promise.all(this.#ingests.map((ingest) => ingest.close()));
    await Promise.all([this.#rtmp.stopAccepting(), this.#http?.stopAccepting()]);
    await ingests;
    await this.#rtmp.close();
    await this.#http?.close();
    await this.#api?.close();
    this.#scope.run();
  }

  #createHttp(): HttpEndpoint {
    const { httpServer, httpApi, vhosts } = this.#config;
    const { logger, version, policy, pageDir } = this.#deps;
    const mounts = vhosts
      .filter((vhost) => vhost.enabled && vhost.httpRemux.enabled)
      .map((vhost) => ({ vhost: vhost.name, template: vhost.httpRemux.mount }));
    return new HttpEndpoint(
      {
        listen: [listenAddress(httpServer.listen)],
        dir: httpServer.dir,
        crossdomain: httpServer.crossdomain,
        pageDir: httpServer.page ? pageDir : undefined,
        mounts: new MountTable({
          mounts,
          resolveVhost: (host) => selectVhost(this.#config, host)?.name,
        }),
        version,
        rtmpPort: this.#rtmp.addresses[0]?.port,
        apiPort: httpApi.enabled ? httpApi.listen.port : undefined,
      },
      {
        hub: this.#hub,
        access: policy ?? EVERYBODY,
        flvFormat,
        logger,
        clock: systemClock,
        newSessionId,
        gate: this.#gate,
      },
    );
  }

  #createApi(): ApiServer {
    const { httpApi } = this.#config;
    const { logger, version } = this.#deps;
    return new ApiServer(
      {
        listen: [listenAddress(httpApi.listen)],
        crossdomain: httpApi.crossdomain,
        version,
        serverId: `vid-${newSessionId()}`,
        pid: process.pid,
        now: () => Date.now(),
      },
      { hub: this.#hub, logger, clock: systemClock },
    );
  }
}

function listenAddress(address: { readonly host: string | undefined; readonly port: number }): {
  readonly host?: string;
  readonly port: number;
} {
  const { host, port } = address;
  return host === undefined ? { port } : { host, port };
}
