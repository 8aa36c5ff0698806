import type { Measurement } from './measure.ts';
import { SCENARIOS } from './scenarios.ts';
import { spread } from './statistics.ts';

// SRS cannot be had from the package registries. These are its figures, CPU % of one core, measured once on 2 shared cores
// with the same stream and the same kind of load; middle of the range where there was one.
const SRS3_CPU: Readonly<Record<string, number>> = {
  'rtmp-players-1000': 12,
  'rtmp-players-5000': 44.2,
  'rtmp-players-8000': 72.1,
  'publishers-500': 29.6,
  'flv-players-1000': 25.1,
};
/** nginx-rtmp in that same measurement: its reading today divided by this tells how fast this machine is. */
const NGINX_THEN = {
  players: { id: 'rtmp-players-1000', cpu: 21.9 },
  publishers: { id: 'publishers-500', cpu: 22.6 },
};
/** SRS 3's latency with default settings in that measurement, ms. */
export const SRS3_LATENCY_P50_MS = 161;

/** A peer's CPU figure to compare with. */
export interface PeerCpu {
  readonly percent: number;
  /** Undefined when it was measured in this run; else how it came about. */
  readonly estimated: string | undefined;
}

/** Finds a server's measurement under a scenario. */
export function find(all: readonly Measurement[], scenario: string, server: string): Measurement | undefined {
  return all.find((one) => one.scenario === scenario && one.server === server);
}

/** Median CPU over the windows of a measurement, % of one core. */
export function cpuOf(measurement: Measurement): number {
  return spread(measurement.windows.map((one) => one.cpuPercent)).median;
}

/** SRS 3 under a scenario on this machine, estimated from nginx-rtmp's reading in the same run. */
export function srs3Cpu(all: readonly Measurement[], scenario: string): PeerCpu | undefined {
  const then = SRS3_CPU[scenario];
  const yardstick = scenario.startsWith('publishers') ? NGINX_THEN.publishers : NGINX_THEN.players;
  const now = find(all, yardstick.id, 'nginx-rtmp');
  if (then === undefined || now === undefined) return undefined;
  const factor = cpuOf(now) / yardstick.cpu;
  return {
    percent: then * factor,
    estimated: `estimated: ${then} % measured earlier × ${factor.toFixed(2)} (nginx-rtmp here ${cpuOf(now).toFixed(1)} %, then ${yardstick.cpu} %)`,
  };
}

/**
 * A peer's CPU under a scenario. Where it was not measured, or could not deliver everything, its figure at 1,000 viewers is
 * stretched in proportion.
 */
export function peerCpu(all: readonly Measurement[], scenario: string, server: string): PeerCpu | undefined {
  const measured = find(all, scenario, server);
  const delivered = measured?.windows.every((one) => (one.deliveredPercent ?? 100) > 96);
  if (measured !== undefined && delivered === true) return { percent: cpuOf(measured), estimated: undefined };
  const family = /^(rtmp|flv)-players-/.exec(scenario)?.[0];
  const base = family === undefined ? undefined : find(all, `${family}1000`, server);
  const players = SCENARIOS.find(({ id }) => id === scenario)?.players ?? 0;
  if (base === undefined || players <= 1000) {
    if (measured === undefined) return undefined;
    // Too low for what it should have done: a comparison with it is on the strict side.
    return { percent: cpuOf(measured), estimated: 'it could not deliver everything' };
  }
  return {
    percent: (cpuOf(base) * players) / 1000,
    estimated: `estimated: ${cpuOf(base).toFixed(1)} % at 1,000 × ${players / 1000}`,
  };
}
