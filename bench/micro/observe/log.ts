/**
 * What the log costs its callers: 10,000 sessions a second with 3 lines each (a scoped logger, a start, a report, an end),
 * written to a file in slices of 10 ms as an event loop would see them. Prints JSON: ns of the caller per line, the share of
 * one core's time that is, and that of all threads (what writes included), what of it is the scoped logger, lines a second when
 * nothing but the log runs, and lines lost.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createLogger, newSessionId, type LogFormat, type RootLogger } from '../../../src/observe/index.ts';

const SESSIONS_PER_SECOND = 10_000;
const LINES_PER_SESSION = 3;
const SLICE_MS = 10;
const SECONDS = 4;
const WARM_UP_SECONDS = 1;

const folder = mkdtempSync(path.join(tmpdir(), 'srs-log-bench-'));

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

/** What one session says. `id` is made before the clock runs: a session has one with or without a log. */
function session(log: RootLogger, id: string): void {
  const own = log.child({ session: id, stream: '__defaultVhost__/live/livestream', component: 'rtmp' });
  own.info('play from 192.168.100.200, tcUrl=rtmp://stream.example.com/live, flashVer=LNX 9,0,124,2');
  own.info('-> PLA time=10000, okbps=2400,2398,0, ikbps=0,0,0, queue=120ms/36000B, drops=0/0B');
  own.info('closed after 12.3 s: SESSION_CLOSED(1075): the peer closed the connection');
}

function idsFor(count: number): string[] {
  return Array.from({ length: count }, newSessionId);
}

/** The load of 10,000 sessions a second, as it would arrive; silent: all of it is below the level. */
async function paced(
  format: LogFormat,
  level: 'trace' | 'error',
): Promise<{ nsPerLine: number; cpuMs: number; dropped: number; bytesPerLine: number }> {
  const tank = path.join(folder, `${format}-paced.log`);
  const log = createLogger({ tank, level, format, pid: process.pid });
  const perSlice = (SESSIONS_PER_SECOND * SLICE_MS) / 1000;
  const slices = ((SECONDS + WARM_UP_SECONDS) * 1000) / SLICE_MS;
  const costs: number[] = [];
  const start = performance.now();
  const cpu = process.cpuUsage();
  for (let slice = 0; slice < slices; slice += 1) {
    const ids = idsFor(perSlice);
    const begin = process.hrtime.bigint();
    for (const id of ids) session(log, id);
    costs.push(Number(process.hrtime.bigint() - begin) / (perSlice * LINES_PER_SESSION));
    await delay(Math.max(0, start + (slice + 1) * SLICE_MS - performance.now()));
  }
  await log.close();
  const { user, system } = process.cpuUsage(cpu);
  const lines = slices * perSlice * LINES_PER_SESSION;
  return {
    nsPerLine: Math.round(median(costs.slice((WARM_UP_SECONDS * 1000) / SLICE_MS))),
    cpuMs: (user + system) / 1000,
    dropped: log.dropped,
    bytesPerLine: Math.round(statSync(tank).size / (lines - log.dropped)),
  };
}

/** Lines a second from the first call to the closed file, in bursts of 30,000 that the backlog holds. */
async function flatOut(format: LogFormat): Promise<number> {
  const ids = idsFor(10_000);
  const rates: number[] = [];
  for (let burst = 0; burst < 10; burst += 1) {
    const tank = path.join(folder, `${format}-flat-${burst}.log`);
    const log = createLogger({ tank, level: 'trace', format, pid: process.pid });
    const start = performance.now();
    for (const id of ids) session(log, id);
    await log.close();
    rates.push((ids.length * LINES_PER_SESSION * 1000) / (performance.now() - start));
    if (log.dropped > 0) throw new Error(`${log.dropped} lines were dropped`);
  }
  return Math.round(median(rates));
}

/** ns of a scoped logger that never writes, and of a line below the level. */
function silent(format: LogFormat): { nsPerChild: number; nsPerLineBelowTheLevel: number } {
  const log = createLogger({ tank: 'console', level: 'error', format, pid: process.pid });
  const ids = idsFor(1_000);
  const children: number[] = [];
  const lines: number[] = [];
  for (let round = 0; round < 200; round += 1) {
    const begin = process.hrtime.bigint();
    for (const id of ids) log.child({ session: id, component: 'rtmp' });
    const middle = process.hrtime.bigint();
    for (const id of ids) log.info(id);
    children.push(Number(middle - begin) / ids.length);
    lines.push(Number(process.hrtime.bigint() - middle) / ids.length);
  }
  return { nsPerChild: Math.round(median(children)), nsPerLineBelowTheLevel: Math.round(median(lines)) };
}

async function measure(format: LogFormat): Promise<Record<string, number>> {
  const silence = await paced(format, 'error');
  const { cpuMs, ...load } = await paced(format, 'trace');
  const busy = (load.nsPerLine * SESSIONS_PER_SECOND * LINES_PER_SESSION) / 1e9;
  return {
    ...load,
    percentOfOneCoreAt30000LinesPerSecond: Math.round(busy * 1000) / 10,
    percentOfOneCoreOfAllThreads: Math.round((cpuMs - silence.cpuMs) / (SECONDS + WARM_UP_SECONDS)) / 10,
    linesPerSecondFlatOut: await flatOut(format),
    ...silent(format),
  };
}

try {
  console.log(
    JSON.stringify(
      { node: process.version, srs: await measure('srs'), json: await measure('json') },
      undefined,
      2,
    ),
  );
} finally {
  rmSync(folder, { recursive: true });
}
