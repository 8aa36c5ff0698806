import { cpuOf, find, type PeerCpu, peerCpu, SRS3_LATENCY_P50_MS, srs3Cpu } from './estimate.ts';
import type { Measurement } from './measure.ts';
import { type Overhead, OVERHEAD_LIMITS, percentOver } from './overhead.ts';

const MB = 1_000_000;

/** A promise of the design, held against the figures of a run. */
export interface BudgetResult {
  readonly what: string;
  readonly measured: number;
  readonly limit: number;
  readonly unit: string;
  readonly met: boolean;
  /** Decimals that matter. */
  readonly digits: number;
  /** How the limit came about. */
  readonly basis: string;
}

type Results = readonly Measurement[];

/** Checks every budget for which the run has figures. */
export function checkBudgets(all: Results, overheads: readonly Overhead[] = []): BudgetResult[] {
  return [
    ...[1000, 5000, 8000].flatMap((n) => [
      cpu(all, `rtmp-players-${n}`, 'srs-350', 0.45, 'SRS 3'),
      cpu(all, `rtmp-players-${n}`, 'srs-350', 0.25, 'nginx-rtmp'),
      cpu(all, `rtmp-players-${n}`, 'srs-350', 0.15, 'node-media-server'),
    ]),
    cpu(all, 'rtmp-players-1000', 'srs', 1, 'SRS 3'),
    simple(
      all,
      'rtmp-players-1000',
      'srs',
      'latency p50',
      'ms',
      SRS3_LATENCY_P50_MS / 3,
      (one) => one.latency?.p50,
    ),
    cpu(all, 'rtmp-players-8000', 'srs', 0.5, 'SRS 3'),
    cpu(all, 'flv-players-1000', 'srs-350', 0.4, 'SRS 3'),
    ...[1000, 5000].map((n) => cpu(all, `flv-players-${n}`, 'srs-350', 0.1, 'node-media-server')),
    ...['srs', 'srs-350'].flatMap((server) => [
      simple(
        all,
        'rtmp-players-8000',
        server,
        'memory',
        'MB',
        150,
        (one) => (one.windows.at(-1)?.rssBytes ?? NaN) / MB,
      ),
      afterLeaving(all, server),
      simple(all, 'rtmp-players-8000', server, 'event-loop delay p99', 'ms', 20, (one) => one.loop?.p99Ms),
    ]),
    cpu(all, 'publishers-500', 'srs', 0.6, 'SRS 3'),
    cpu(all, 'publishers-500', 'srs', 0.35, 'node-media-server'),
    cpu(all, 'publishers-500', 'srs', 0.8, 'nginx-rtmp'),
    ...['latency-rtmp', 'latency-flv'].flatMap((id) => [
      simple(all, id, 'srs', 'latency p50', 'ms', 2, (one) => one.latency?.p50),
      simple(all, id, 'srs', 'latency p99', 'ms', 10, (one) => one.latency?.p99),
      simple(all, id, 'srs', 'first picture p95', 'ms', 50, (one) => one.firstPicture?.p95),
    ]),
    ...overheads.map(overhead),
  ].filter((result) => result !== undefined);
}

function overhead({ kbps, flvBytes, tsBytes }: Overhead): BudgetResult | undefined {
  const limit = OVERHEAD_LIMITS.find((one) => one.kbps === kbps)?.percent;
  if (limit === undefined) return undefined;
  return result(`HLS over FLV at ${kbps} kbps`, percentOver(flvBytes, tsBytes), limit, '%', 'fixed', 2);
}

function cpu(
  all: Results,
  scenario: string,
  server: string,
  share: number,
  peer: string,
): BudgetResult | undefined {
  const mine = find(all, scenario, server);
  const other: PeerCpu | undefined = peer === 'SRS 3' ? srs3Cpu(all, scenario) : peerCpu(all, scenario, peer);
  if (mine === undefined || other === undefined) return undefined;
  const basis = `${share} × ${peer} ${other.percent.toFixed(1)} %`;
  return result(
    `${scenario}, ${server}: CPU against ${peer}`,
    cpuOf(mine),
    share * other.percent,
    '%',
    other.estimated === undefined ? basis : `${basis} (${other.estimated})`,
  );
}

function simple(
  all: Results,
  scenario: string,
  server: string,
  what: string,
  unit: string,
  limit: number,
  of: (measurement: Measurement) => number | undefined,
): BudgetResult | undefined {
  const mine = find(all, scenario, server);
  const value = mine === undefined ? undefined : of(mine);
  return value === undefined
    ? undefined
    : result(`${scenario}, ${server}: ${what}`, value, limit, unit, 'fixed');
}

function afterLeaving(all: Results, server: string): BudgetResult | undefined {
  const mine = find(all, 'rtmp-players-8000', server);
  if (mine?.afterLeaving === undefined) return undefined;
  return result(
    `rtmp-players-8000, ${server}: memory ${mine.afterLeaving.seconds} s after leaving`,
    mine.afterLeaving.rssBytes / MB,
    (mine.idleRssBytes / MB) * 1.1,
    'MB',
    `1.1 × ${(mine.idleRssBytes / MB).toFixed(0)} MB before they came`,
  );
}

function result(
  what: string,
  measured: number,
  limit: number,
  unit: string,
  basis: string,
  digits = 1,
): BudgetResult {
  return { what, measured, limit, unit, met: measured <= limit, digits, basis };
}
