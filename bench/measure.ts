import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { LoadProcess } from './load/client.ts';
import type { LoadSnapshot } from './load/protocol.ts';
import { readMachineTimes, readTree } from './process-tree.ts';
import { PROBES, type Scenario } from './scenarios.ts';
import { HOST, type RunningServer, type ServerKind, startServer } from './servers/server.ts';
import { type Percentiles, percentilesMs } from './statistics.ts';

const APP = 'live';
const STREAM = 'bench';
/** Time for the first group of pictures to be complete and cached. */
const PUBLISH_SETTLE_MS = 2500;
/**
 * The kernel takes about 5 MB for a viewer that does not read (send and receive buffers of a default Linux); at the 170 kB/s
 * of `slow-readers` that is 30 s. Only then the server itself has something to hold or to drop.
 */
const STALL_FILL_MS = 40_000;
const PROBE_RATE = 40;
/** Above this share of a core a load process is likely to be what is measured. */
export const LOAD_LIMIT_PERCENT = 85;
const MACHINE_IDLE_LIMIT_PERCENT = 4;
/** Other programs that take more than this make the figures doubtful. */
export const OTHERS_LIMIT_PERCENT = 20;
const GROWTH_LIMIT_BYTES = 10_000_000;
const MIN_LEAVE_SECONDS = 5;
const DELIVERED_LIMIT_PERCENT = 96;

/** How long and how often to measure. */
export interface MeasureOptions {
  readonly warmUpMs: number;
  readonly windowMs: number;
  readonly runs: number;
  /** Multiplies the time between the leaving of the viewers and the look at memory. */
  readonly leaveScale: number;
  /** Scheduling priority (nice value) for the server and the load processes, the same for all; undefined = as started. */
  readonly niceness: number | undefined;
  /** Folder for CPU profiles of this server; undefined = none are made. */
  readonly profileFolder: string | undefined;
}

/** One window. Percentages of CPU are of one core. */
export interface RunWindow {
  readonly seconds: number;
  readonly userPercent: number;
  readonly systemPercent: number;
  readonly cpuPercent: number;
  readonly rssBytes: number;
  readonly receivedBytes: number;
  /** What arrived of what the publisher sent times the reading viewers. Merge windows make it swing by a few percent. Undefined for joins. */
  readonly deliveredPercent: number | undefined;
  readonly sentMessages: number;
  /** Connections that are gone and reading viewers that got nothing. */
  readonly lostViewers: number;
  readonly lostPictures: number;
  readonly latency: Percentiles | undefined;
  readonly crowdCpuPercent: number;
  readonly sourceCpuPercent: number;
  readonly machineIdlePercent: number;
  /** CPU of programs that are no part of the bench, % of one core. */
  readonly othersPercent: number;
  readonly publisherLateMs: number;
}

/** What one server did under one scenario. */
export interface Measurement {
  readonly scenario: string;
  readonly server: string;
  readonly serverTitle: string;
  readonly windows: readonly RunWindow[];
  /** With a publisher and no viewer. */
  readonly idleRssBytes: number;
  readonly peakRssBytes: number;
  readonly afterLeaving: { readonly seconds: number; readonly rssBytes: number } | undefined;
  /** Over all windows. */
  readonly latency: Percentiles | undefined;
  /** First picture after the handshake (RTMP) or the accepted connection (FLV), and after the call to connect. */
  readonly firstPicture: Percentiles | undefined;
  readonly firstPictureAfterDial: Percentiles | undefined;
  readonly loop: { readonly p99Ms: number; readonly maxMs: number; readonly utilization: number } | undefined;
  readonly warnings: readonly string[];
}

interface Load {
  readonly source: LoadProcess;
  readonly crowd: LoadProcess;
}

/** Starts `kind`, loads it with `scenario`, measures, stops it. */
export async function measure(
  scenario: Scenario,
  kind: ServerKind,
  options: MeasureOptions,
): Promise<Measurement> {
  const server = await startServer(kind);
  const load = { source: new LoadProcess(), crowd: new LoadProcess() };
  try {
    if (options.niceness !== undefined) {
      for (const pid of [...readTree(server.pid).pids, load.source.pid, load.crowd.pid]) {
        os.setPriority(pid, options.niceness);
      }
    }
    return await underLoad(scenario, server, load, options);
  } catch (error) {
    const detail = server.output();
    throw new Error(
      `${scenario.id} on ${kind.title}: ${String(error)}${detail === '' ? '' : `\n${detail}`}`,
      {
        cause: error,
      },
    );
  } finally {
    load.source.close();
    load.crowd.close();
    await server.stop();
  }
}

async function underLoad(
  scenario: Scenario,
  server: RunningServer,
  load: Load,
  options: MeasureOptions,
): Promise<Measurement> {
  const { rtmp, http } = server.ports;
  const publish = { host: HOST, port: rtmp, app: APP, scale: scenario.scale, rate: scenario.rate };
  const port = scenario.protocol === 'rtmp' ? rtmp : http;
  const target = { protocol: scenario.protocol, host: HOST, port, app: APP, stream: STREAM };
  const probes = Math.min(PROBES, scenario.players);
  const crowd = scenario.players - probes;

  await load.source.publish({ ...publish, streams: [STREAM] });
  await wait(PUBLISH_SETTLE_MS);
  const idleRssBytes = readTree(server.pid).rssBytes;
  await load.source.play({ target, count: probes, rate: PROBE_RATE, depth: 'probe' });
  const streams = Array.from({ length: scenario.publishers - 1 }, (_, i) => `p${i}`);
  if (streams.length > 0) await load.crowd.publish({ ...publish, streams });
  const join = (): Promise<void> =>
    load.crowd.play({ target, count: crowd, rate: scenario.rate, depth: scenario.joins ? 'first' : 'count' });
  if (crowd > 0 && !scenario.joins) await join();
  if (scenario.stalled > 0) {
    await wait(1000);
    await load.crowd.stall(scenario.stalled);
  }
  await wait(scenario.stalled > 0 ? STALL_FILL_MS : options.warmUpMs);

  const runs: WindowResult[] = [];
  for (let i = 0; i < options.runs; i++) {
    runs.push(await window(scenario, server, load, options.windowMs, scenario.joins ? join : undefined));
    if (!scenario.joins || i === options.runs - 1) continue;
    await load.crowd.leave();
    await wait(options.warmUpMs);
  }
  const loop = await eventLoop(server, options.windowMs / 2);
  if (options.profileFolder !== undefined && server.kind.ours) {
    await profile(
      server,
      options,
      path.join(options.profileFolder, `${scenario.id}-${server.kind.id}.cpuprofile`),
    );
  }
  const peakRssBytes = readTree(server.pid).peakRssBytes;
  let afterLeaving: Measurement['afterLeaving'];
  if (scenario.leaveSeconds !== undefined) {
    await Promise.all([load.source.leave(), load.crowd.leave()]);
    const seconds = Math.max(MIN_LEAVE_SECONDS, Math.round(scenario.leaveSeconds * options.leaveScale));
    await wait(seconds * 1000);
    afterLeaving = { seconds, rssBytes: readTree(server.pid).rssBytes };
  }
  const joined = scenario.joins ? runs.map((run) => run.crowd) : runs.slice(-1).map((run) => run.source);
  return {
    scenario: scenario.id,
    server: server.kind.id,
    serverTitle: server.kind.title,
    windows: runs.map((run) => run.window),
    idleRssBytes,
    peakRssBytes,
    afterLeaving,
    latency: percentilesMs(runs.flatMap(({ source }) => source.latencies)),
    firstPicture: percentilesMs(joined.flatMap((one) => one.firstAfterStart)),
    firstPictureAfterDial: percentilesMs(joined.flatMap((one) => one.firstAfterDial)),
    loop,
    warnings: warningsOf(runs, server),
  };
}

interface WindowResult {
  readonly window: RunWindow;
  readonly source: LoadSnapshot;
  readonly crowd: LoadSnapshot;
}

async function window(
  scenario: Scenario,
  server: RunningServer,
  load: Load,
  windowMs: number,
  join: (() => Promise<void>) | undefined,
): Promise<WindowResult> {
  await Promise.all([load.source.mark(), load.crowd.mark()]);
  const machineBefore = readMachineTimes();
  const before = readTree(server.pid);
  const startMs = performance.now();
  await join?.();
  await wait(Math.max(0, windowMs - (performance.now() - startMs)));
  const after = readTree(server.pid);
  const seconds = (performance.now() - startMs) / 1000;
  const machineAfter = readMachineTimes();
  const [source, crowd] = await Promise.all([load.source.snapshot(), load.crowd.snapshot()]);

  const percent = (spent: number): number => (spent / seconds) * 100;
  const userPercent = percent(after.userSeconds - before.userSeconds);
  const systemPercent = percent(after.systemSeconds - before.systemSeconds);
  const readers = scenario.players - scenario.stalled;
  const starved = Math.max(0, source.starved + crowd.starved - scenario.stalled);
  const gone = source.players - source.alive + (crowd.players - crowd.alive);
  const receivedBytes = source.receivedBytes + crowd.receivedBytes;
  const idlePercent =
    ((machineAfter.idle - machineBefore.idle) / Math.max(1, machineAfter.total - machineBefore.total)) * 100;
  const crowdCpuPercent = percent((crowd.cpuUserMicros + crowd.cpuSystemMicros) / 1e6);
  const sourceCpuPercent = percent((source.cpuUserMicros + source.cpuSystemMicros) / 1e6);
  const busyPercent = (100 - idlePercent) * os.availableParallelism();
  return {
    source,
    crowd,
    window: {
      seconds,
      userPercent,
      systemPercent,
      cpuPercent: userPercent + systemPercent,
      rssBytes: after.rssBytes,
      receivedBytes,
      deliveredPercent: scenario.joins ? undefined : (receivedBytes / (source.sentBytes * readers)) * 100,
      sentMessages: source.sentMessages + crowd.sentMessages,
      // Stalled viewers that the server closed are its right.
      lostViewers: Math.max(0, gone - scenario.stalled) + starved,
      lostPictures: source.lostPictures,
      latency: percentilesMs(source.latencies),
      crowdCpuPercent,
      sourceCpuPercent,
      machineIdlePercent: idlePercent,
      othersPercent: busyPercent - userPercent - systemPercent - crowdCpuPercent - sourceCpuPercent,
      publisherLateMs: Math.max(source.worstLateMs, crowd.worstLateMs),
    },
  };
}

async function eventLoop(server: RunningServer, ms: number): Promise<Measurement['loop']> {
  if ((await server.ask('loop-start')) === undefined) return undefined;
  await wait(ms);
  return (await server.ask('loop-stop')) as unknown as Measurement['loop'];
}

/** Leaves a CPU profile of this server in `file`. */
export async function profile(server: RunningServer, options: MeasureOptions, file: string): Promise<void> {
  if ((await server.ask('profile-start')) === undefined) return;
  await wait(options.windowMs);
  await server.ask('profile-stop', file);
  console.log(`profile: ${file} (${Math.round(readFileSync(file).length / 1024)} KiB)`);
}

function warningsOf(runs: readonly WindowResult[], server: RunningServer): string[] {
  const warnings = new Set<string>();
  for (const { window: one, source, crowd } of runs) {
    if (one.crowdCpuPercent > LOAD_LIMIT_PERCENT || one.sourceCpuPercent > LOAD_LIMIT_PERCENT) {
      warnings.add('a load process was saturated: the figures tell of it as much as of the server');
    }
    if (one.machineIdlePercent < MACHINE_IDLE_LIMIT_PERCENT)
      warnings.add('all cores of the machine were full');
    if (one.othersPercent > OTHERS_LIMIT_PERCENT) {
      warnings.add('other programs used the machine meanwhile: measure again on a quiet one');
    }
    if ((one.deliveredPercent ?? 100) < DELIVERED_LIMIT_PERCENT) {
      warnings.add('the server could not deliver everything: its CPU figure is that of an overloaded server');
    }
    if (source.publishersClosed + crowd.publishersClosed > 0) warnings.add('the server closed publishers');
    if (source.blockedWrites + crowd.blockedWrites > 0) {
      warnings.add("the server took the publishers' bytes too slowly at times");
    }
    for (const failure of [...source.failures, ...crowd.failures]) warnings.add(`player: ${failure}`);
  }
  const growth = (runs.at(-1)?.window.rssBytes ?? 0) - (runs[0]?.window.rssBytes ?? 0);
  if (growth > GROWTH_LIMIT_BYTES) {
    warnings.add(`memory grew by ${Math.round(growth / 1e6)} MB from the first window to the last`);
  }
  if (!server.alive) warnings.add('the server ended by itself');
  return [...warnings];
}

/** Resolves after so many ms. */
export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
