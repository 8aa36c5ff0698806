import os from 'node:os';
import path from 'node:path';
import { LoadProcess } from './load/client.ts';
import type { FetchPace } from './load/http-viewer.ts';
import { LOAD_LIMIT_PERCENT, type MeasureOptions, OTHERS_LIMIT_PERCENT, profile, wait } from './measure.ts';
import { readMachineTimes, readTree } from './process-tree.ts';
import { HLS_VIEWERS } from './scenarios.ts';
import { nginxFiles } from './servers/nginx-files.ts';
import { HOST, type RunningServer, startServer } from './servers/server.ts';
import { SRS_HLS } from './servers/srs.ts';
import { type Percentiles, percentilesMs } from './statistics.ts';

const APP = 'live';
const STREAM = 'bench';
const PLAYLIST = `/${APP}/${STREAM}.m3u8`;
/** Larger pictures than those of the other scenarios: nobody makes HLS of 237 kbps. */
const SCALE = 4;
const RATE = 400;
const FLOOD_CONNECTIONS = 64;
const PLAYLIST_TIMEOUT_MS = 30_000;
const SEGMENTS_WANTED = 4;
const POLL_MS = 250;

/** A window of HLS viewers. Percentages of CPU are of one core. */
export interface DeliveryWindow {
  readonly userPercent: number;
  readonly systemPercent: number;
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
  /** From request to last byte. */
  readonly playlists: Percentiles | undefined;
  readonly segments: Percentiles | undefined;
  /** Responses other than 200. */
  readonly refused: number;
  readonly lostViewers: number;
  readonly loadCpuPercent: number;
  /** CPU of programs that are neither server nor load; with nginx also what makes the files. */
  readonly othersPercent: number;
}

/** What one server did for HLS viewers. */
export interface Delivery {
  readonly server: string;
  readonly serverTitle: string;
  /** CPU without viewers: what making the files costs, for the server that makes them. */
  readonly idleCpuPercent: number;
  readonly rssBytes: number;
  /** Viewers that fetch what a player does. */
  readonly windows: readonly DeliveryWindow[];
  /** Some connections that ask for one segment after another, as fast as they can. */
  readonly flood: DeliveryWindow;
  readonly warnings: readonly string[];
}

/** Live HLS from this server's memory, then the same files from nginx, under the same load. */
export async function measureDelivery(
  options: MeasureOptions,
  servers: readonly string[],
): Promise<Delivery[]> {
  const wanted = (id: string): boolean => servers.length === 0 || servers.includes(id);
  const server = await startServer(SRS_HLS);
  const source = new LoadProcess();
  try {
    await source.publish({
      host: HOST,
      port: server.ports.rtmp,
      app: APP,
      streams: [STREAM],
      scale: SCALE,
      rate: RATE,
    });
    await playlistReady(server);
    const deliveries: Delivery[] = [];
    if (wanted('srs')) deliveries.push(await underLoad(server, options));
    const nginx = nginxFiles(path.join(server.folder, 'html'));
    if (wanted('nginx') && nginx.unavailable() === undefined) {
      const peer = await startServer(nginx);
      try {
        deliveries.push(await underLoad(peer, options));
      } finally {
        await peer.stop();
      }
    }
    return deliveries;
  } catch (error) {
    throw new Error(`${String(error)}\n${server.output()}`, { cause: error });
  } finally {
    source.close();
    await server.stop();
  }
}

async function playlistReady(server: RunningServer): Promise<void> {
  const deadline = Date.now() + PLAYLIST_TIMEOUT_MS;
  const base = `http://${HOST}:${server.ports.http}`;
  for (;;) {
    let response = await fetch(base + PLAYLIST);
    let text = await response.text();
    if (text.includes('#EXT-X-STREAM-INF')) {
      const uri = text.split('\n').find((line) => line !== '' && !line.startsWith('#')) ?? '';
      response = await fetch(new URL(uri, base + PLAYLIST));
      text = await response.text();
    }
    if (text.split('#EXTINF').length > SEGMENTS_WANTED) return;
    if (Date.now() > deadline) throw new Error(`no playlist at ${PLAYLIST}: ${response.status} ${text}`);
    await wait(POLL_MS);
  }
}

async function underLoad(server: RunningServer, options: MeasureOptions): Promise<Delivery> {
  const crowd = new LoadProcess();
  const fetches = (pace: FetchPace, count: number): Promise<void> =>
    crowd.fetch({
      target: { host: HOST, port: server.ports.http, playlist: PLAYLIST, pace },
      count,
      rate: RATE,
    });
  try {
    const idle = await window(server, crowd, options.windowMs / 2, 0);
    await fetches('live', HLS_VIEWERS);
    await wait(options.warmUpMs);
    const windows: DeliveryWindow[] = [];
    for (let i = 0; i < options.runs; i++) {
      windows.push(await window(server, crowd, options.windowMs, HLS_VIEWERS));
    }
    if (options.profileFolder !== undefined && server.kind.ours) {
      await profile(server, options, path.join(options.profileFolder, 'hls-delivery.cpuprofile'));
    }
    const { rssBytes } = readTree(server.pid);
    await crowd.leave();
    await wait(1000);
    await fetches('flood', FLOOD_CONNECTIONS);
    await wait(1000);
    const flood = await window(server, crowd, options.windowMs, FLOOD_CONNECTIONS);
    if (options.profileFolder !== undefined && server.kind.ours) {
      await profile(server, options, path.join(options.profileFolder, 'hls-flood.cpuprofile'));
    }
    return {
      server: server.kind.id,
      serverTitle: server.kind.title,
      idleCpuPercent: idle.userPercent + idle.systemPercent,
      rssBytes,
      windows,
      flood,
      warnings: warningsOf(windows, flood),
    };
  } finally {
    crowd.close();
  }
}

async function window(
  server: RunningServer,
  crowd: LoadProcess,
  windowMs: number,
  viewers: number,
): Promise<DeliveryWindow> {
  await crowd.mark();
  const machineBefore = readMachineTimes();
  const before = readTree(server.pid);
  const startMs = performance.now();
  await wait(windowMs);
  const after = readTree(server.pid);
  const seconds = (performance.now() - startMs) / 1000;
  const machineAfter = readMachineTimes();
  const seen = await crowd.snapshot();
  const percent = (spent: number): number => (spent / seconds) * 100;
  const userPercent = percent(after.userSeconds - before.userSeconds);
  const systemPercent = percent(after.systemSeconds - before.systemSeconds);
  const loadCpuPercent = percent((seen.cpuUserMicros + seen.cpuSystemMicros) / 1e6);
  const idleShare =
    (machineAfter.idle - machineBefore.idle) / Math.max(1, machineAfter.total - machineBefore.total);
  const busyPercent = (1 - idleShare) * 100 * os.availableParallelism();
  return {
    userPercent,
    systemPercent,
    requestsPerSecond: (seen.playlistMicros.length + seen.segmentMicros.length) / seconds,
    bytesPerSecond: seen.receivedBytes / seconds,
    playlists: percentilesMs(seen.playlistMicros),
    segments: percentilesMs(seen.segmentMicros),
    refused: seen.refused,
    lostViewers: viewers - seen.alive,
    loadCpuPercent,
    othersPercent: busyPercent - userPercent - systemPercent - loadCpuPercent,
  };
}

function warningsOf(windows: readonly DeliveryWindow[], flood: DeliveryWindow): string[] {
  const warnings = new Set<string>();
  if (windows.some((one) => one.loadCpuPercent > LOAD_LIMIT_PERCENT)) {
    warnings.add('the load process was saturated: the figures tell of it as much as of the server');
  }
  if (flood.loadCpuPercent > LOAD_LIMIT_PERCENT) {
    warnings.add('the throughput is that of the load process, which was saturated');
  }
  if ([...windows, flood].some((one) => one.othersPercent > OTHERS_LIMIT_PERCENT)) {
    warnings.add('other programs used the machine meanwhile: measure again on a quiet one');
  }
  for (const { refused, lostViewers } of [...windows, flood]) {
    if (refused > 0) warnings.add(`${refused} responses were not 200`);
    if (lostViewers > 0) warnings.add(`${lostViewers} viewers were lost`);
  }
  return [...warnings];
}
