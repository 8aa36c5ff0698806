import { UndoScope } from '../base/undo.ts';
import { systemClock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import { TimerWheel } from '../base/timer-wheel.ts';
import { within } from '../base/within.ts';
import type { Logger } from '../base/logger.ts';
import type { Config, ConfigChange } from '../config/index.ts';
import { ServerEvents } from '../control/events/index.ts';
import type { HttpHooks } from '../control/hooks/index.ts';
import { SessionRegistry } from '../control/sessions/index.ts';
import type { RtmpEndpoint } from '../endpoints/rtmp/index.ts';
import { createHub, type ClosableHub } from '../hub/hub.ts';
import { MergeGovernor } from '../hub/merge-governor.ts';
import { audioTrackOf, videoTrackOf } from '../media/track-info.ts';
import { ConnectionGate, TrustedProxies } from '../net/index.ts';
import { createLoopProbe, createSessionReport, newSessionId } from '../observe/index.ts';
import { RecordingNames, type Recovery } from '../outputs/dvr/index.ts';
import { DelayedRemovals } from '../storage/delayed-removals.ts';
import { nodeFileSystem } from '../storage/file-system.ts';
import { LiveResources } from '../storage/live-resources.ts';
import { AccessControl } from './access.ts';
import type { ServerAddresses } from './addresses.ts';
import { StreamFileRights } from './file-rights.ts';
import { HostPart } from './host-part.ts';
import { HttpSide } from './http-side.ts';
import { HttpsPart } from './https-part.ts';
import { Ingests } from './ingests.ts';
import { outputKinds } from './output-kinds.ts';
import { OutputWatch } from './output-watch.ts';
import { recoverOutputs } from './recovery.ts';
import { proxySettings } from './proxy-settings.ts';
import { reloadOutcome } from './reload/outcome.ts';
import type { Refusal, ReloadReport, ReloadTarget } from './reload/ports.ts';
import { ServerTarget } from './reload/server-target.ts';
import { rtmpEndpoint } from './rtmp-part.ts';
import type { ServerDeps } from './server-deps.ts';
import { StreamOutputs } from './stream-outputs.ts';
import { certificateEnds, Telemetry } from './telemetry.ts';
import { streamHealth } from './vhost-health.ts';
import { hookSpool, httpHooks } from './vhost-hooks.ts';
import { streamOptions } from './vhost-options.ts';
import { VhostTable } from './vhost-table.ts';

const NAME = 'srs-ts';
/** The server ends although a disk does not answer to removals, ms. */
const FILES_TIMEOUT_MS = 5_000;

/**
 * The composition root: one server from one frozen configuration. A process may hold several, and a server may be started,
 * stopped and made anew. A reload gives it another configuration while it runs.
 */
export class Server implements ReloadTarget {
  readonly #scope = new UndoScope();
  readonly #logger: Logger;
  readonly #gate: ConnectionGate;
  readonly #hub: ClosableHub;
  readonly #hooks: HttpHooks;
  readonly #events: ServerEvents;
  readonly #access: AccessControl;
  readonly #rtmp: RtmpEndpoint;
  readonly #rtmps: HttpsPart;
  readonly #http: HttpSide;
  readonly #telemetry: Telemetry;
  readonly #ingests: Ingests;
  readonly #resources: LiveResources;
  readonly #removals: DelayedRemovals;
  readonly #outputs: StreamOutputs;
  readonly #target: ServerTarget;
  readonly #recover: () => Recovery;
  #recovery: Recovery | undefined;
  #config: Config;
  /** The reload under way. */
  #applying: Promise<unknown> = Promise.resolve();
  #started = false;
  #ending = false;
  #stopped: Promise<void> | undefined;

  constructor(config: Config, deps: ServerDeps) {
    this.#config = config;
    const { logger, version, pageDir } = deps;
    this.#logger = logger;
    const clock = systemClock;
    const inForce = (): Config => this.#config;
    const vhosts = new VhostTable(inForce);
    const probe = createLoopProbe();
    this.#scope.add(() => probe.close());
    this.#gate = new ConnectionGate({
      maxConnections: config.maxConnections,
      maxPerIp: config.maxConnectionsPerIp,
      clock,
      logger,
    });
    this.#scope.add(() => this.#gate.close());
    const report = createSessionReport({ clock, logger, everyMs: config.pithyPrintMs });
    this.#scope.add(() => report.close());
    const wheel = new TimerWheel(clock);
    this.#scope.add(() => wheel.close());
    const proxies = new TrustedProxies({ ...proxySettings(config), clock, wheel, logger });
    this.#scope.add(() => proxies.close());
    this.#resources = new LiveResources(config.httpServer.liveMemoryBytes);
    this.#removals = new DelayedRemovals(wheel, (path, error) =>
      logger.warn(`${path} could not be removed: ${describeError(error)}`),
    );
    const time = { clock, unixTime: (): number => Date.now() };
    const serverId = config.serverId === '' ? `vid-${newSessionId()}` : config.serverId;
    const serviceId = newSessionId();
    const sessions = new SessionRegistry({
      ...time,
      exists: (name) => this.#hub.find(name) !== undefined,
      queueSeen: (ms) => this.#telemetry.events.queueSeen(ms),
    });
    this.#scope.add(() => sessions.close());
    const host = new HostPart(inForce);
    this.#scope.add(() => host.close());
    this.#events = new ServerEvents({ ...time, find: (name) => this.#hub.find(name) });
    const health = streamHealth(vhosts, {
      ...time,
      logger,
      observers: [
        this.#events,
        { streamWarned: (warning) => this.#telemetry.streamWarned(warning) },
        ...(deps.healthObservers ?? []),
      ],
    });
    this.#scope.add(() => health.close());
    this.#hooks = httpHooks(vhosts, {
      ...time,
      logger,
      userAgent: `${NAME}/${version}`,
      server: { serverId, serviceId, cwd: process.cwd() },
      spool: hookSpool(inForce, deps.hookStore),
      tracer: { of: (session) => this.#telemetry.traceOf(session) },
      called: (event, outcome, ms) => this.#telemetry.events.called(event, outcome, ms),
      find: (name) => this.#hub.find(name),
    });
    const access = new AccessControl({
      ...time,
      logger,
      sessions,
      idle: () => this.#rtmp.idle,
      vhosts,
      config: inForce,
      observer: this.#events,
    });
    this.#access = access;
    this.#telemetry = new Telemetry({
      clock,
      logger,
      host,
      version,
      proxies,
      userAgent: `${NAME}/${version}`,
      serverId,
      serviceId,
      config: inForce,
      sessions,
      hub: { list: () => this.#hub.list(), find: (name) => this.#hub.find(name) },
      warnings: (name) => health.warnings(name),
      connections: () => ({ open: this.#gate.open, refused: this.#gate.refusedTotal }),
      callbacksWaiting: () => this.#hooks.waiting,
      bans: () => access.bans.all().length,
      certificates: () => certificateEnds({ rtmps: this.#rtmps.endsAtMs, ...this.#http.certificates }),
      addresses: () => this.addresses,
    });
    const policy = this.#telemetry.over(
      access.chain([...(deps.policy === undefined ? [] : [deps.policy]), this.#hooks]),
    );
    const rights = new StreamFileRights({
      clock,
      logger,
      policy,
      resources: this.#resources,
      config: inForce,
      isBanned: (name, ip) => access.bans.isBanned(ip, name),
      // An embedder's policy that does not say decides who plays.
      isProtected: (vhost) =>
        policy.protects?.(vhost) === true || (deps.policy?.protects?.(vhost) ?? deps.policy !== undefined),
    });
    const observer = new OutputWatch(clock, logger, [
      this.#hooks,
      this.#events,
      this.#telemetry.events,
      ...(deps.outputObservers ?? []),
    ]);
    const names = new RecordingNames(nodeFileSystem);
    this.#recover = () => recoverOutputs(config, { ...time, logger, observer, names });
    this.#outputs = new StreamOutputs({
      kinds: outputKinds({
        ...time,
        wheel,
        names,
        logger,
        observer,
        access: policy,
        rights: rights.access,
        attend: (name, request) => this.#hub.find(name)?.attend(request),
        resources: this.#resources,
        removals: this.#removals,
        utc: () => inForce().utcTime,
      }),
      logger,
      observer,
      vhostOf: (name) => vhosts.of(name),
    });
    this.#hub = createHub({
      clock,
      logger,
      optionsFor: (name) => streamOptions(vhosts.of(name)),
      describeTrack: (frame, parseSps) =>
        frame.kind === 'video' ? videoTrackOf(frame, parseSps) : audioTrackOf(frame),
      governor: new MergeGovernor({ clock, loadProbe: () => probe.utilisation() }),
      observers: [
        report,
        sessions,
        health,
        this.#outputs,
        this.#hooks,
        this.#events,
        ...this.#telemetry.observers,
        ...access.observers,
        ...(deps.observers ?? []),
      ],
      resolvers: deps.resolvers ?? [],
    });
    this.#scope.add(() => this.#hub.close());
    this.#rtmp = rtmpEndpoint(inForce, vhosts, {
      gate: this.#gate,
      proxies,
      hub: this.#hub,
      policy: access.limited(policy),
      observer: this.#hooks,
      clock,
      wheel,
      logger,
      newSessionId,
      server: { name: NAME, version },
    });
    // After a reload the lines may be others.
    const placeOf = (key: string): string | undefined =>
      this.#config === config ? deps.placeOf?.(key) : undefined;
    this.#rtmps = new HttpsPart({
      directive: 'rtmps',
      clock,
      logger,
      nowMs: () => Date.now(),
      placeOf: (name) => placeOf(`rtmps.${name}`),
    });
    this.#http = new HttpSide({
      hub: this.#hub,
      policy: access.limited(policy),
      bans: access.bans,
      raw: deps.raw,
      events: this.#events,
      warnings: (name) => health.warnings(name),
      host,
      metrics: () => this.#telemetry.metrics,
      gate: this.#gate,
      proxies,
      logger,
      resources: this.#resources,
      guard: rights,
      version,
      serverId,
      serviceId,
      sessions,
      ready: () => this.#started && !this.#ending,
      pageDir,
      config: inForce,
      vhosts,
      rtmpPort: () => this.#rtmp.addresses[0]?.port,
      rtmpsPort: () => this.#rtmp.secureAddresses[0]?.port,
      placeOf,
    });
    this.#ingests = new Ingests({ logger, clock });
    this.#target = new ServerTarget({
      access,
      rtmp: this.#rtmp,
      rtmps: this.#rtmps,
      http: this.#http,
      hub: this.#hub,
      gate: this.#gate,
      proxies,
      ingests: this.#ingests,
      outputs: this.#outputs,
      resources: this.#resources,
      report,
      telemetry: this.#telemetry,
      config: inForce,
      use: (next) => {
        this.#config = next;
      },
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

  /** Who applies changed directives to this server. */
  get targets(): readonly ReloadTarget[] {
    return [this];
  }

  get addresses(): ServerAddresses {
    return {
      rtmp: this.#rtmp.addresses,
      rtmps: this.#rtmp.secureAddresses,
      http: this.#http.httpAddresses,
      api: this.#http.apiAddresses,
      https: this.#http.httpsAddresses,
      apiHttps: this.#http.apiHttpsAddresses,
      exporter: this.#telemetry.addresses,
    };
  }

  /** Listens everywhere, the API last, or throws LISTEN_FAILED and listens nowhere. */
  async start(): Promise<void> {
    this.#recovery = this.#recover();
    await this.#access.start();
    await this.#telemetry.start();
    await this.#hooks.start();
    try {
      await this.#rtmp.start();
      await this.#rtmps.move(this.#rtmp, this.#config.rtmps);
      await this.#http.moveHttp(this.#config);
      await this.#telemetry.move(this.#config);
      await this.#http.moveApi(this.#config);
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#ingests.start(this.#config, this.#rtmp.addresses[0]?.port ?? 0);
    this.#telemetry.use(this.#config);
    this.#started = true;
  }

  owns(directive: string): boolean {
    return this.#target.owns(directive);
  }

  /** Applies changed directives while it runs; see `docs/reload.md`. A server that is ending refuses. */
  apply(next: Config, changes: readonly ConfigChange[]): Promise<readonly Refusal[]> {
    if (this.#ending)
      return Promise.resolve(changes.map((change) => ({ change, why: 'the server is ending' })));
    const applied = this.#target.apply(next, changes);
    this.#applying = applied.catch(() => undefined);
    return applied;
  }

  /** Tells who listens to events what a reload did. */
  reloaded(report: ReloadReport): void {
    const outcome = reloadOutcome(report);
    this.#telemetry.reloaded(outcome.ok && outcome.refused.length === 0);
    this.#events.reloaded(outcome);
  }

  /** Closes all listeners and ends the ingests; sessions go on. The first part of a graceful end; `stop` follows. */
  async stopAccepting(): Promise<void> {
    this.#ending = true;
    await this.#applying; // Or it would open what nobody closes.
    await Promise.all([
      this.#ingests.close(),
      this.#rtmp.stopAccepting(),
      this.#http.stopAccepting(),
      this.#http.stopAcceptingApi(),
    ]);
  }

  /** Ends ingests, accepting, sessions, and frees everything. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#ending = true;
    await this.#applying;
    this.#hooks.stopAsking();
    const ingests = this.#ingests.close();
    await Promise.all([this.#rtmp.stopAccepting(), this.#http.stopAccepting()]);
    await ingests;
    this.#rtmps.close();
    await this.#rtmp.close();
    await this.#outputs.close();
    const files = Promise.all([this.#recovery?.close(), this.#removals.close(), this.#access.close()]);
    if (!(await within(systemClock, FILES_TIMEOUT_MS, files))) {
      this.#logger.warn('the disk does not answer: files that were to be removed or mended are left');
    }
    this.#events.close();
    await this.#http.close();
    await this.#hooks.close(); // The ends of all sessions and files have been seen.
    await this.#telemetry.close(); // The last callbacks are in the traces.
    this.#scope.run();
  }
}
