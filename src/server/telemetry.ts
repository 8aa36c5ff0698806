import { networkInterfaces } from 'node:os';
import { Registry } from 'prom-client';
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { within } from '../base/within.ts';
import type { Config } from '../config/index.ts';
import { summariesOf } from '../control/api/index.ts';
import { Heartbeat, type HeartbeatPorts } from '../control/heartbeat/index.ts';
import { EventMetrics, ExporterServer, Metrics, type MetricsDeps } from '../control/metrics/index.ts';
import type { SessionTrace } from '../control/hooks/index.ts';
import type { HealthObserver, StreamWarning } from '../hub/health-events.ts';
import type { AccessPolicy, Hub, SessionInfo, StreamObserver } from '../hub/ports.ts';
import {
  openTraces,
  SessionTracer,
  tracingProblem,
  wantsTraces,
  type OpenTraces,
} from '../control/tracing/index.ts';
import { HttpClient, type TrustedProxies } from '../net/index.ts';
import { createLoopProbe, type LoopProbe } from '../observe/index.ts';
import { localAddress, openFiles } from '../observe/host/index.ts';
import { listenAddress, type BoundAddress, type ServerAddresses } from './addresses.ts';
import type { HostPart } from './host-part.ts';
import { isSameAddress } from './shared-port.ts';
import { openFileLimit } from './process/open-files.ts';

export interface TelemetryDeps extends Pick<
  MetricsDeps,
  'sessions' | 'warnings' | 'connections' | 'callbacksWaiting' | 'bans' | 'certificates'
> {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hub: Pick<Hub, 'list' | 'find'>;
  readonly host: HostPart;
  readonly version: string;
  readonly proxies: TrustedProxies;
  readonly userAgent: string;
  readonly serverId: string;
  readonly serviceId: string;
  /** The configuration in force. */
  readonly config: () => Config;
  readonly addresses: () => ServerAddresses;
}

/** The server ends although a collector does not answer, ms. */
const TRACES_TIMEOUT_MS = 3_000;

/** [exporter, heartbeat] What this server tells of itself to those who watch over it. */
export class Telemetry implements HealthObserver {
  /** Counts from the start, whether anybody asks or not: counters that begin later would be wrong. */
  readonly events: EventMetrics;
  readonly #deps: TelemetryDeps;
  readonly #registry = new Registry();
  readonly #client: HttpClient;
  readonly #heartbeat: Heartbeat;
  /** Where the environment wants traces. */
  readonly #tracer = wantsTraces(process.env) ? new SessionTracer() : undefined;
  #traces: OpenTraces | undefined;
  #metrics: Metrics | undefined;
  #server: ExporterServer | undefined;
  #probe: LoopProbe | undefined;

  constructor(deps: TelemetryDeps) {
    this.#deps = deps;
    const { clock, logger, hub, host, sessions, version, config } = deps;
    this.events = new EventMetrics(this.#registry, clock, (name) => hub.find(name)?.state === 'live');
    this.#client = new HttpClient(clock);
    this.#heartbeat = new Heartbeat({
      ...deps,
      logger: logger.child({ component: 'heartbeat' }),
      client: this.#client,
      pid: process.pid,
      ip: () => localAddress(networkInterfaces(), config().stats.network),
      ports: () => ports(config(), deps.addresses()),
      summaries: () =>
        host.figures &&
        summariesOf(host.figures, {
          version,
          pid: process.pid,
          sessions,
          connections: () => deps.connections().open,
          unixTime: () => Date.now(),
        }),
    });
  }

  /** Those who see sessions for it. */
  get observers(): readonly StreamObserver[] {
    return this.#tracer === undefined ? [this.events] : [this.events, this.#tracer];
  }

  /** The same policy, whose decisions are counted and traced. */
  over(policy: AccessPolicy): AccessPolicy {
    const counted = this.events.over(policy);
    return this.#tracer?.over(counted) ?? counted;
  }

  /** What follows the callbacks about a session; undefined = nobody does. */
  traceOf(session: SessionInfo): SessionTrace | undefined {
    return this.#tracer?.of(session);
  }

  streamWarned(warning: StreamWarning): void {
    this.#tracer?.streamWarned(warning);
  }

  /** Before anybody may come. Never rejects. */
  async start(): Promise<void> {
    const { logger, version, serviceId } = this.#deps;
    if (this.#tracer === undefined) return;
    const problem = tracingProblem(process.env);
    if (problem !== undefined) logger.warn(problem);
    try {
      const traces = await openTraces(version, serviceId);
      this.#traces = traces;
      this.#tracer.begin(traces);
      logger.info('sessions are traced, as the environment (OTEL_…) says');
    } catch (error) {
      logger.error(`sessions are not traced: ${describeError(error)}`);
    }
  }

  /** [exporter] What `/metrics` of the API answers; undefined = it is off. */
  get metrics(): Metrics | undefined {
    return this.#metrics;
  }

  /** [exporter listen] */
  get addresses(): readonly BoundAddress[] {
    return this.#server?.addresses ?? [];
  }

  /** [exporter enabled, listen] Brings them about, or throws LISTEN_FAILED and nothing has changed. */
  async move(config: Config): Promise<void> {
    const { enabled } = config.exporter;
    if (!enabled) {
      const server = this.#server;
      this.#closeMetrics();
      await server?.close();
      return;
    }
    const { clock, version, logger, proxies } = this.#deps;
    const metrics = this.#metrics ?? this.#createMetrics();
    const server =
      this.#server ??
      new ExporterServer({
        clock,
        version,
        metrics,
        proxies,
        logger: logger.child({ component: 'exporter' }),
      });
    // Where the API listens, it answers.
    const own = config.exporter.listen.filter(
      (address) => !(config.httpApi.enabled && isSameAddress(address, config.httpApi.listen)),
    );
    try {
      await server.listen(own.map(listenAddress));
    } catch (error) {
      if (this.#server === undefined) {
        this.#metrics = metrics;
        this.#closeMetrics();
        await server.close();
      }
      throw error;
    }
    this.#metrics = metrics;
    this.#server = server;
  }

  /** Everything but where to listen. Also what begins the heartbeat. */
  use(config: Config): void {
    this.#deps.host.use(config);
    this.#heartbeat.use(config.heartbeat);
  }

  /** A reload of the configuration is over. */
  reloaded(isOk: boolean): void {
    this.events.reloaded(isOk, Date.now());
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#heartbeat.close();
    this.#client.close();
    const server = this.#server;
    this.#closeMetrics();
    await server?.close();
    const traces = this.#traces;
    this.#traces = undefined;
    if (traces !== undefined && !(await within(this.#deps.clock, TRACES_TIMEOUT_MS, traces.close())))
      this.#deps.logger.warn('the collector of traces does not answer: the last ones are lost');
  }

  #createMetrics(): Metrics {
    const { serverId, serviceId, version, config } = this.#deps;
    const probe = createLoopProbe();
    this.#probe = probe;
    return new Metrics({
      ...this.#deps,
      registry: this.#registry,
      events: this.events,
      server: { serverId, serviceId, version },
      options: () => config().exporter,
      loop: probe,
      files: async () => {
        const open = await openFiles();
        return open === undefined ? undefined : { open, max: openFileLimit() };
      },
    });
  }

  #closeMetrics(): void {
    this.#metrics?.close();
    this.#metrics = undefined;
    this.#server = undefined;
    this.#probe?.close();
    this.#probe = undefined;
  }
}

/** Where a proxy in front of this server reaches it, in SRS's words. */
function ports(config: Config, bound: ServerAddresses): HeartbeatPorts {
  const texts = (
    asked: readonly { readonly host: string | undefined; readonly port: number }[],
    real: readonly BoundAddress[],
  ): readonly string[] =>
    asked.map(({ host, port: wanted }, index) => {
      const port = real[index]?.port ?? wanted;
      if (host === undefined) return String(port);
      return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    });
  const { listen, httpServer, httpApi } = config;
  return {
    rtmp: texts(listen, bound.rtmp),
    ...(httpServer.enabled ? { http: texts([httpServer.listen], bound.http) } : {}),
    ...(httpApi.enabled ? { api: texts([httpApi.listen], bound.api) } : {}),
  };
}

/** Certificates that are in use. */
export function certificateEnds(
  ends: Readonly<Record<string, number | undefined>>,
): readonly { readonly directive: string; readonly endsAtMs: number }[] {
  return Object.entries(ends).flatMap(([directive, endsAtMs]) =>
    endsAtMs === undefined ? [] : [{ directive, endsAtMs }],
  );
}
