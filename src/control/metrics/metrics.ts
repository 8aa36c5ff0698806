import os from 'node:os';
import type { Registry } from 'prom-client';
import type { Clock } from '../../base/clock.ts';
import type { Undo } from '../../base/undo.ts';
import type { StreamWarning } from '../../hub/health-events.ts';
import type { Hub, StreamName } from '../../hub/ports.ts';
import type { SessionRegistry } from '../sessions/index.ts';
import type { EventMetrics } from './event-metrics.ts';
import { labelText, SeriesText } from './series-text.ts';
import { writeStreams } from './stream-series.ts';

/** [exporter] What may change while it runs. */
export interface MetricsOptions {
  /** [label, tag] What `srs_build_info` carries. */
  readonly label: string;
  readonly tag: string;
  /** [max_streams] Streams that have series of their own. */
  readonly maxStreams: number;
}

export interface MetricsDeps {
  readonly clock: Clock;
  /** Where `events` is registered. */
  readonly registry: Registry;
  readonly events: EventMetrics;
  readonly sessions: SessionRegistry;
  readonly hub: Pick<Hub, 'list'>;
  /** What is wrong with streams now. */
  readonly warnings: (name: StreamName) => readonly StreamWarning[];
  readonly server: { readonly serverId: string; readonly serviceId: string; readonly version: string };
  readonly options: () => MetricsOptions;
  /** Open connections, and those that were refused since the start. */
  readonly connections: () => { readonly open: number; readonly refused: number };
  /** Figures of the event loop since the last call. */
  readonly loop: { utilisation(): number; delayP99Ms(): number };
  /** Events for callbacks that wait. */
  readonly callbacksWaiting: () => number;
  readonly bans: () => number;
  /** Certificates in use: the directive, and their end, Unix ms. */
  readonly certificates: () => readonly { readonly directive: string; readonly endsAtMs: number }[];
  /** Files that are open and may be open; undefined = the system does not say. */
  readonly files: () => Promise<{ readonly open: number; readonly max: number | undefined } | undefined>;
}

/** An answer serves all who ask within so long, ms. */
const FRESH_MS = 1_000;
/** The processor is looked at so often, ms. */
const CPU_MS = 5_000;

/** [exporter] Everything that Prometheus may know, as text. Read from what the server knows anyway, when it is asked for. */
export class Metrics {
  readonly #deps: MetricsDeps;
  readonly #stop: Undo;
  #cpu: { readonly at: number; readonly usage: NodeJS.CpuUsage; readonly percent: number };
  #answer: { readonly at: number; readonly text: Promise<string> } | undefined;

  constructor(deps: MetricsDeps) {
    this.#deps = deps;
    this.#cpu = { at: deps.clock.now(), usage: process.cpuUsage(), percent: 0 };
    this.#stop = deps.clock.every(CPU_MS, () => this.#lookAtCpu());
  }

  /** `Content-Type` of the text. */
  get contentType(): string {
    return this.#deps.registry.contentType;
  }

  /** One answer for all who ask at about the same time. */
  text(): Promise<string> {
    const now = this.#deps.clock.now();
    if (this.#answer === undefined || now - this.#answer.at >= FRESH_MS)
      this.#answer = { at: now, text: this.#write() };
    return this.#answer.text;
  }

  /** Stops looking. Idempotent. */
  close(): void {
    this.#stop();
  }

  async #write(): Promise<string> {
    const { registry, sessions, hub, warnings, options, clock } = this.#deps;
    const text = new SeriesText();
    const files = await this.#deps.files();
    this.#writeServer(text);
    if (files !== undefined) {
      text.metric('process_open_fds', 'gauge', 'Open files and sockets.').add('', files.open);
      text.metric('process_max_fds', 'gauge', 'How many of them there may be.').add('', files.max);
    }
    this.#writeSessions(text);
    const streams = hub.list().map((snapshot) => ({ snapshot, sums: sessions.stream(snapshot.name) }));
    await writeStreams(text, streams, warnings, { max: options().maxStreams, now: clock.now() });
    text.append(await registry.metrics());
    return text.toString();
  }

  /** SRS's own names, and what else there is one of. */
  #writeServer(text: SeriesText): void {
    const { server, options, sessions, events, hub, connections, loop, bans } = this.#deps;
    const { label, tag } = options();
    const major = server.version.split('.', 1)[0] ?? '';
    text.metric('srs_node_uname_info', 'gauge', 'The system that it runs on.').add(
      labelText({
        sysname: os.type(),
        nodename: os.hostname(),
        release: os.release(),
        version: os.version(),
        machine: os.machine(),
      }),
      1,
    );
    text.metric('srs_build_info', 'gauge', 'This program.').add(
      labelText({
        server: server.serverId,
        service: server.serviceId,
        pid: String(process.pid),
        build_date: '',
        major,
        version: server.version,
        code: 'srs-ts',
        label,
        tag,
      }),
      1,
    );
    const memory = process.memoryUsage();
    let receivedBytes = 0;
    let sentBytes = 0;
    for (const vhost of sessions.vhosts) {
      receivedBytes += vhost.receivedBytes;
      sentBytes += vhost.sentBytes;
    }
    const one = (name: string, type: 'gauge' | 'counter', help: string, value: number): void =>
      text.metric(name, type, help).add('', value);
    one(
      'srs_cpu_percent',
      'gauge',
      'Processor time of the last seconds, percent of one processor.',
      this.#cpu.percent,
    );
    one('srs_memory', 'gauge', 'Resident memory, KB.', Math.round(memory.rss / 1024));
    one('srs_send_bytes_total', 'counter', 'Media bytes sent to clients.', sentBytes);
    one('srs_receive_bytes_total', 'counter', 'Media bytes received from clients.', receivedBytes);
    one('srs_streams', 'gauge', 'Streams that are published, held or waited for.', hub.list().length);
    one('srs_clients', 'gauge', 'Publishers and viewers.', sessions.size);
    one('srs_clients_total', 'counter', 'Publishers and viewers since the start.', events.started);
    one(
      'srs_clients_errs_total',
      'counter',
      'Clients that were refused, or whose session failed.',
      events.refused + events.failed,
    );
    one('srs_connections', 'gauge', 'Open connections, but those of the API.', connections().open);
    one(
      'srs_connections_refused_total',
      'counter',
      'Connections closed at accept by a limit.',
      connections().refused,
    );
    one(
      'srs_callbacks_waiting',
      'gauge',
      'Events that wait for their callback.',
      this.#deps.callbacksWaiting(),
    );
    one('srs_bans', 'gauge', 'Bans that hold.', bans());
    one(
      'srs_event_loop_utilization',
      'gauge',
      'Share of the time that the event loop worked since the last scrape.',
      loop.utilisation(),
    );
    one(
      'srs_event_loop_delay_seconds',
      'gauge',
      'How late timers were since the last scrape, p99.',
      loop.delayP99Ms() / 1_000,
    );
    one('process_cpu_seconds_total', 'counter', 'Processor time, user and system.', cpuSeconds());
    one('process_resident_memory_bytes', 'gauge', 'Resident memory.', memory.rss);
    one('nodejs_heap_size_used_bytes', 'gauge', 'Memory of JavaScript objects.', memory.heapUsed);
    one(
      'nodejs_external_memory_bytes',
      'gauge',
      'Memory outside of the heap, buffers above all.',
      memory.external,
    );
    one(
      'process_start_time_seconds',
      'gauge',
      'When it was started, Unix time.',
      Math.round(performance.timeOrigin / 1_000),
    );
    text.metric('srs_certificate_end_seconds', 'gauge', 'When a certificate ends, Unix time.');
    for (const { directive, endsAtMs } of this.#deps.certificates())
      text.add(labelText({ directive }), Math.round(endsAtMs / 1_000));
  }

  #writeSessions(text: SeriesText): void {
    const { sessions } = this.#deps;
    text.metric('srs_sessions', 'gauge', 'Publishers and viewers, by their type.');
    for (const [type, count] of sessions.types) text.add(labelText({ type }), count);
    const vhosts = sessions.vhosts.map((sums) => ({ sums, labels: labelText({ vhost: sums.name }) }));
    text.metric('srs_vhost_clients', 'gauge', 'Publishers and viewers of the vhost.');
    for (const { sums, labels } of vhosts) text.add(labels, sums.clients);
    text.metric('srs_vhost_send_bytes_total', 'counter', 'Media bytes sent.');
    for (const { sums, labels } of vhosts) text.add(labels, sums.sentBytes);
    text.metric('srs_vhost_receive_bytes_total', 'counter', 'Media bytes received.');
    for (const { sums, labels } of vhosts) text.add(labels, sums.receivedBytes);
  }

  #lookAtCpu(): void {
    const now = this.#deps.clock.now();
    const usage = process.cpuUsage();
    const { at, usage: before } = this.#cpu;
    const usedMs = (usage.user - before.user + usage.system - before.system) / 1_000;
    const percent = now > at ? Math.round((usedMs / (now - at)) * 1_000) / 10 : 0;
    this.#cpu = { at: now, usage, percent };
  }
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
