import { type BudgetResult, checkBudgets } from './budgets.ts';
import { cpuOf, find, peerCpu, srs3Cpu } from './estimate.ts';
import type { Delivery, DeliveryWindow } from './delivery.ts';
import type { Machine } from './machine.ts';
import type { Measurement } from './measure.ts';
import { type Overhead, OVERHEAD_LIMITS, percentOver } from './overhead.ts';
import { HLS_DELIVERY, HLS_OVERHEAD, HLS_VIEWERS, SCENARIOS } from './scenarios.ts';
import { spread } from './statistics.ts';

/** A whole run, as it goes to JSON. */
export interface Report {
  readonly startedAt: string;
  readonly machine: Machine;
  readonly windowSeconds: number;
  readonly runs: number;
  readonly measurements: readonly Measurement[];
  /** HLS viewers; undefined when they were not asked for. */
  readonly deliveries?: readonly Delivery[];
  /** What containers add; undefined when that was not asked for. */
  readonly overheads?: readonly Overhead[];
  /** Servers that were not measured under a scenario, and why. */
  readonly skipped: readonly { readonly scenario: string; readonly server: string; readonly why: string }[];
}

/** A table as its cells; the first row is the head. */
export type Table = readonly (readonly string[])[];

const HEAD = [
  'server',
  'CPU % (low–high)',
  'user + sys',
  '× nginx-rtmp',
  '× Node-Media-Server',
  'memory MB (peak)',
  'after leaving',
  'delivered',
  'lost viewers, pictures',
  'latency p50/p95/p99 ms',
  'first picture p50/p95/p99 ms',
  'loop delay p99 ms',
  'load CPU %',
] as const;
const NONE = '–';

/** The table of one scenario, with SRS 3's estimate as its last row where there is one. */
export function scenarioTable(report: Report, scenario: string): Table {
  const all = report.measurements;
  const rows = all.filter((one) => one.scenario === scenario).map((one) => row(all, one));
  const estimate = srs3Cpu(all, scenario);
  if (estimate !== undefined && rows.length > 0) {
    const blanks = HEAD.slice(2).map(() => NONE);
    rows.push(['SRS 3 (estimated)', estimate.percent.toFixed(1), ...blanks]);
  }
  return [HEAD, ...rows];
}

function row(all: readonly Measurement[], one: Measurement): string[] {
  const windows = one.windows;
  const cpu = spread(windows.map((window) => window.cpuPercent));
  const median = (of: (window: (typeof windows)[number]) => number | undefined): number =>
    spread(windows.map((window) => of(window) ?? NaN)).median;
  const memory = mb(windows.at(-1)?.rssBytes ?? 0);
  const delivered = median((window) => window.deliveredPercent);
  const lostViewers = Math.max(...windows.map((window) => window.lostViewers));
  const lostPictures = windows.reduce((sum, window) => sum + window.lostPictures, 0);
  return [
    one.serverTitle,
    `${cpu.median.toFixed(1)} (${cpu.low.toFixed(1)}–${cpu.high.toFixed(1)})`,
    `${median((window) => window.userPercent).toFixed(1)} + ${median((window) => window.systemPercent).toFixed(1)}`,
    ratio(all, one, 'nginx-rtmp'),
    ratio(all, one, 'node-media-server'),
    `${memory} (${mb(one.peakRssBytes)})`,
    one.afterLeaving === undefined
      ? NONE
      : `${mb(one.afterLeaving.rssBytes)} after ${one.afterLeaving.seconds} s (idle ${mb(one.idleRssBytes)})`,
    Number.isNaN(delivered)
      ? NONE
      : `${delivered.toFixed(0)} %, ${mb(median((window) => window.receivedBytes))} MB`,
    `${lostViewers}, ${lostPictures}`,
    three(one.latency),
    three(one.firstPicture),
    one.loop === undefined ? NONE : one.loop.p99Ms.toFixed(1),
    `${median((window) => window.crowdCpuPercent).toFixed(0)} + ${median((window) => window.sourceCpuPercent).toFixed(0)}`,
  ];
}

function ratio(all: readonly Measurement[], one: Measurement, peer: string): string {
  if (one.server === peer) return '1';
  const other = peerCpu(all, one.scenario, peer);
  if (other === undefined) return NONE;
  return `${(cpuOf(one) / other.percent).toFixed(2)}${other.estimated === undefined ? '' : ' (est.)'}`;
}

function three(times: Measurement['latency']): string {
  return times === undefined
    ? NONE
    : [times.p50, times.p95, times.p99].map((ms) => ms.toFixed(1)).join(' / ');
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

const DELIVERY_HEAD = [
  'server',
  'CPU % (low–high)',
  'user + sys',
  'without viewers',
  '× nginx',
  'requests/s',
  'MB/s',
  'playlist p50/p95/p99 ms',
  'segment p50/p95/p99 ms',
  'memory MB',
  'load CPU %',
  'at full speed: MB/s (× nginx)',
  'MB per CPU second',
] as const;

/** The table of HLS viewers. */
export function deliveryTable(deliveries: readonly Delivery[]): Table {
  const peer = deliveries.find((one) => one.server === 'nginx');
  return [DELIVERY_HEAD, ...deliveries.map((one) => deliveryRow(one, peer))];
}

function deliveryRow(one: Delivery, peer: Delivery | undefined): string[] {
  const { windows, flood } = one;
  const cpu = spread(windows.map(deliveryCpu));
  const median = (of: (window: (typeof windows)[number]) => number): number => spread(windows.map(of)).median;
  const last = windows.at(-1);
  const over = (mine: number, theirs: number | undefined): string =>
    theirs === undefined ? NONE : peer === one ? '1' : (mine / theirs).toFixed(2);
  return [
    one.serverTitle,
    `${cpu.median.toFixed(1)} (${cpu.low.toFixed(1)}–${cpu.high.toFixed(1)})`,
    `${median((window) => window.userPercent).toFixed(1)} + ${median((window) => window.systemPercent).toFixed(1)}`,
    one.idleCpuPercent.toFixed(1),
    over(cpu.median, peer && spread(peer.windows.map(deliveryCpu)).median),
    median((window) => window.requestsPerSecond).toFixed(0),
    mb(median((window) => window.bytesPerSecond)),
    three(last?.playlists),
    three(last?.segments),
    mb(one.rssBytes),
    median((window) => window.loadCpuPercent).toFixed(0),
    `${mb(flood.bytesPerSecond)} (${over(flood.bytesPerSecond, peer?.flood.bytesPerSecond)})`,
    mb((flood.bytesPerSecond / deliveryCpu(flood)) * 100),
  ];
}

function deliveryCpu(window: DeliveryWindow): number {
  return window.userPercent + window.systemPercent;
}

/** The table of what containers add to streams. */
export function overheadTable(overheads: readonly Overhead[]): Table {
  const percent = (flv: number, bytes: number): string => `${percentOver(flv, bytes).toFixed(2)} %`;
  return [
    ['stream as FLV', 'FLV bytes', 'MPEG-TS bytes', 'MPEG-TS over FLV', 'limit', 'fMP4 over FLV'],
    ...overheads.map(({ kbps, flvBytes, tsBytes, fmp4Bytes }) => [
      `${kbps} kbps`,
      String(flvBytes),
      String(tsBytes),
      percent(flvBytes, tsBytes),
      `${OVERHEAD_LIMITS.find((one) => one.kbps === kbps)?.percent ?? NONE} %`,
      percent(flvBytes, fmp4Bytes),
    ]),
  ];
}

/** The table of the budgets. */
export function budgetTable(results: readonly BudgetResult[]): Table {
  return [
    ['budget', 'measured', 'limit', 'met', 'basis of the limit'],
    ...results.map(({ what, measured, limit, unit, met, digits, basis }) => [
      what,
      `${measured.toFixed(digits)} ${unit}`,
      `${limit.toFixed(digits)} ${unit}`,
      met ? 'yes' : 'NO',
      basis,
    ]),
  ];
}

/** A table for the terminal. Columns in which no row says anything are left out. */
export function renderText(table: Table): string {
  const kept = dropEmptyColumns(table);
  const widths = (kept[0] ?? []).map((_, i) => Math.max(...kept.map((cells) => (cells[i] ?? '').length)));
  return kept
    .map((cells) =>
      cells
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A table in Markdown. Columns in which no row says anything are left out. */
export function renderMarkdown(table: Table): string {
  const [head = [], ...rows] = dropEmptyColumns(table);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), `|${head.map(() => ' --- |').join('')}`, ...rows.map(line)].join('\n');
}

function dropEmptyColumns(table: Table): Table {
  const [head = [], ...rows] = table;
  const keep = head.map((_, i) => rows.some((cells) => cells[i] !== NONE));
  return table.map((cells) => cells.filter((_, i) => keep[i]));
}

/** What the machine was, in a line. */
export function machineLine({ machine, startedAt, runs, windowSeconds }: Report): string {
  const memory = (machine.memoryBytes / 2 ** 30).toFixed(0);
  return (
    `${startedAt.slice(0, 10)}: ${machine.cores} cores (${machine.cpu}), ${memory} GiB, ${machine.kernel}, Node.js ${machine.node}; ` +
    `${runs} window(s) of ${windowSeconds} s.`
  );
}

/** The whole report; `render` makes the tables, `head` the headings. */
export function renderReport(
  report: Report,
  render: (table: Table) => string,
  head: (title: string) => string,
): string {
  const parts: string[] = [machineLine(report)];
  for (const { id, title } of SCENARIOS) {
    const skipped = report.skipped.filter((one) => one.scenario === id);
    const measured = SERVERS_IN_ORDER.map((server) => find(report.measurements, id, server)).filter(
      (one) => one !== undefined,
    );
    if (measured.length === 0) continue;
    parts.push(head(`${title} (\`${id}\`)`), render(scenarioTable(report, id)));
    const notes = [
      ...measured.flatMap((one) => one.warnings.map((warning) => `- ${one.serverTitle}: ${warning}.`)),
      ...skipped.map(({ server, why }) => `- ${server} was not measured: ${why}.`),
    ];
    if (notes.length > 0) parts.push(notes.join('\n'));
  }
  const { deliveries = [], overheads = [] } = report;
  if (deliveries.length > 0) {
    const title = `HLS of 750 kbps to ${HLS_VIEWERS} viewers (\`${HLS_DELIVERY}\`)`;
    const notes = deliveries.flatMap((one) =>
      one.warnings.map((warning) => `- ${one.serverTitle}: ${warning}.`),
    );
    parts.push(
      head(title),
      render(deliveryTable(deliveries)),
      ...(notes.length > 0 ? [notes.join('\n')] : []),
    );
  }
  if (overheads.length > 0) {
    parts.push(head(`HLS beside FLV (\`${HLS_OVERHEAD}\`)`), render(overheadTable(overheads)));
  }
  const budgets = checkBudgets(report.measurements, overheads);
  if (budgets.length > 0) parts.push(head('Budgets'), render(budgetTable(budgets)));
  return `${parts.join('\n\n')}\n`;
}

const SERVERS_IN_ORDER = ['srs', 'srs-350', 'nginx-rtmp', 'node-media-server'];
