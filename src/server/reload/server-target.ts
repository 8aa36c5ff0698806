import { ServerError } from '../../base/errors.ts';
import { revertChanges, type Config, type ConfigChange } from '../../config/index.ts';
import type { RtmpEndpoint } from '../../endpoints/rtmp/index.ts';
import type { ClosableHub } from '../../hub/hub.ts';
import type { ConnectionGate, TrustedProxies } from '../../net/index.ts';
import type { SessionReport } from '../../observe/index.ts';
import type { LiveResources } from '../../storage/live-resources.ts';
import type { AccessControl } from '../access.ts';
import { listenAddress } from '../addresses.ts';
import type { HttpSide } from '../http-side.ts';
import type { HttpsPart } from '../https-part.ts';
import type { Ingests } from '../ingests.ts';
import { proxySettings } from '../proxy-settings.ts';
import { listenerCount, openFilesProblem } from '../process/open-files.ts';
import type { StreamOutputs } from '../stream-outputs.ts';
import type { Telemetry } from '../telemetry.ts';
import { servedVhosts } from '../vhost-options.ts';
import { httpMoves } from './http-moves.ts';
import { moveListeners } from './listener-moves.ts';
import type { Refusal, ReloadTarget } from './ports.ts';

/** The parts of a server that a reload reaches. */
export interface ServerParts {
  readonly access: AccessControl;
  readonly rtmp: RtmpEndpoint;
  readonly rtmps: HttpsPart;
  readonly http: HttpSide;
  readonly hub: ClosableHub;
  readonly gate: ConnectionGate;
  readonly proxies: TrustedProxies;
  readonly ingests: Ingests;
  readonly outputs: StreamOutputs;
  readonly resources: LiveResources;
  readonly report: SessionReport;
  readonly telemetry: Telemetry;
  /** The configuration in force. What is read on use is read from here. */
  readonly config: () => Config;
  /** From now on this one is in force. */
  readonly use: (config: Config) => void;
}

/** What a server applies, besides everything in `http_api`, `http_server` and `vhost`. */
const OWN = new Set([
  'listen',
  'max_connections',
  'max_connections_per_ip',
  'trusted_proxies',
  'proxy_protocol',
  'proxy_header',
  'http_hooks_spool_size',
  'http_hooks_spool_age',
  'chunk_size',
  'rtmp_handshake_timeout',
  'empty_ip_ok',
  'pithy_print_ms',
  'ban_file',
]);
const OWN_BLOCKS = /^(rtmps|exporter|heartbeat|stats|http_api|http_server|vhost)(\.|$)/;

/** Applies changed directives to a running server. Who is on a vhost that did not change never notices. */
export class ServerTarget implements ReloadTarget {
  readonly #parts: ServerParts;

  constructor(parts: ServerParts) {
    this.#parts = parts;
  }

  owns(directive: string): boolean {
    return OWN.has(directive) || OWN_BLOCKS.test(directive);
  }

  async apply(next: Config, changes: readonly ConfigChange[]): Promise<readonly Refusal[]> {
    const {
      rtmp,
      rtmps,
      http,
      hub,
      gate,
      proxies,
      ingests,
      outputs,
      resources,
      report,
      telemetry,
      config,
      use,
    } = this.#parts;
    const of = (...directives: string[]): readonly ConfigChange[] =>
      changes.filter(({ directive }) => directives.includes(directive));
    const below = (block: string): readonly ConfigChange[] =>
      changes.filter(({ directive }) => directive.startsWith(block));
    const moved = await moveListeners([
      { changes: of('listen'), run: () => rtmp.relisten(next.listen.map(listenAddress)) },
      { changes: below('rtmps.'), run: () => rtmps.move(rtmp, next.rtmps) },
      ...httpMoves(http, config(), next, changes),
      {
        changes: changes.filter(({ directive }) => /^exporter\.(enabled|listen)$/.test(directive)),
        run: () => telemetry.move(next),
      },
      { changes: below('http_api.auth.'), run: () => http.changeApiAuth(next) },
    ]);
    const refusals = [...moved, ...refuseTooMany(of('max_connections'), next)];
    const before = config();
    const inForce = revertChanges(
      next,
      before,
      refusals.map(({ change }) => change),
    );
    use(inForce); // What is read on use changes here, and who comes from now on gets the new options.
    this.#parts.access.reconfigure();
    gate.maxConnections = inForce.maxConnections;
    gate.maxPerIp = inForce.maxConnectionsPerIp;
    proxies.use(proxySettings(inForce));
    if (report.everyMs !== inForce.pithyPrintMs) report.everyMs = inForce.pithyPrintMs;
    void rtmps.refresh();
    http.reconfigure(inForce);
    telemetry.use(inForce);
    resources.budgetBytes = inForce.httpServer.liveMemoryBytes;

    const rtmpPort = rtmp.addresses[0]?.port ?? 0;
    // Before their vhost is closed: an ingest that is cut off would try again.
    await ingests.stopChanged(inForce, rtmpPort);
    const served = servedVhosts(inForce);
    for (const vhost of servedVhosts(before)) {
      if (served.has(vhost)) continue;
      const reason = new ServerError('VHOST_REMOVED', `vhost ${vhost} was removed or switched off`);
      hub.closeVhost(vhost, reason);
      rtmp.closeVhost(vhost, reason); // Who neither publishes nor plays yet.
    }
    hub.refreshOptions();
    outputs.reconfigure();
    rtmp.vhostsChanged();
    ingests.start(inForce, rtmpPort);
    return refusals;
  }
}

/** [max_connections] More than the limit of open files lets in would only fail at accept. */
function refuseTooMany(changes: readonly ConfigChange[], next: Config): readonly Refusal[] {
  const problem = openFilesProblem(next.maxConnections, listenerCount(next));
  if (problem?.fatal !== true) return [];
  return changes.map((change) => ({ change, why: `${problem.what}: ${problem.mend}` }));
}
