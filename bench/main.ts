// `npm run bench`: this server beside its peers, each alone, under the same load.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { measureDelivery } from './delivery.ts';
import { readMachine } from './machine.ts';
import { measure, type Measurement, type MeasureOptions } from './measure.ts';
import { type BenchOptions, parseOptions, USAGE } from './options.ts';
import { computeOverheads } from './overhead.ts';
import {
  deliveryTable,
  overheadTable,
  type Report,
  renderMarkdown,
  renderReport,
  renderText,
  scenarioTable,
} from './report.ts';
import { HLS_DELIVERY, HLS_OVERHEAD, isSelected, type Scenario, selectScenarios } from './scenarios.ts';
import { installNginx, NGINX_RTMP } from './servers/nginx-rtmp.ts';
import { NODE_MEDIA_SERVER } from './servers/node-media-server.ts';
import { ROOT, type ServerKind } from './servers/server.ts';
import { SRS, SRS_350 } from './servers/srs.ts';
import { insertTables } from './write-docs.ts';

const KINDS: readonly ServerKind[] = [SRS, SRS_350, NGINX_RTMP, NODE_MEDIA_SERVER];
const RESULTS = path.join(ROOT, 'bench/results');
const DOCUMENT = path.join(ROOT, 'docs/performance.md');
/** Files that a server or a load process needs beside one per viewer. */
const SPARE_FILES = 300;

/** Nice value of --priority. */
const PRIORITY = -15;

/** The repository's own scripts, plain JavaScript that runs before anything is installed. */
interface Scripts {
  installDependencies(folder?: string): void;
  buildServer(): void;
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(USAGE);
    return;
  }
  if (process.platform !== 'linux') throw new Error('the bench reads /proc: it needs Linux');
  const report = options.from.length > 0 ? load(options.from) : await run(options);
  if (options.writeDocs) {
    const tables = renderReport(report, renderMarkdown, (title) => `### ${title}`);
    const document = insertTables(readFileSync(DOCUMENT, 'utf8'), tables);
    writeFileSync(
      DOCUMENT,
      await format(document, { ...(await resolveConfig(DOCUMENT)), parser: 'markdown' }),
    );
  }
  console.log(`\n${renderReport(report, renderText, (title) => `== ${title}`)}`);
  console.log(
    'SRS itself cannot be had from the package registries: limits that name SRS 3 are estimated (docs/performance.md).',
  );
}

async function run(options: BenchOptions): Promise<Report> {
  const scenarios = selectScenarios(options.scenarios);
  for (const id of options.servers) {
    if (id !== 'nginx' && KINDS.every((kind) => kind.id !== id)) {
      throw new Error(`no server ${id}; there are: ${KINDS.map((k) => k.id).join(', ')}, nginx`);
    }
  }
  const kinds = KINDS.filter(({ id }) => options.servers.length === 0 || options.servers.includes(id));
  const delivers = isSelected(HLS_DELIVERY, options.scenarios);
  if (scenarios.length > 0 || delivers) await prepare(delivers ? [...kinds, SRS] : kinds, delivers);
  const windowMs = options.quick ? 4000 : 10_000;
  mkdirSync(RESULTS, { recursive: true });
  const measuring: MeasureOptions = {
    warmUpMs: options.quick ? 3000 : 5000,
    windowMs,
    runs: options.runs,
    leaveScale: options.quick ? 1 / 6 : 1,
    niceness: options.priority ? PRIORITY : undefined,
    profileFolder: options.profile ? RESULTS : undefined,
  };
  const measurements: Measurement[] = [];
  const skipped: { scenario: string; server: string; why: string }[] = [];
  const report: Report & { deliveries?: Report['deliveries'] } = {
    startedAt: new Date().toISOString(),
    machine: readMachine(),
    windowSeconds: windowMs / 1000,
    runs: options.runs,
    measurements,
    ...(isSelected(HLS_OVERHEAD, options.scenarios) && { overheads: computeOverheads() }),
    skipped,
  };
  const json = path.resolve(options.json ?? path.join(RESULTS, 'latest.json'));
  for (const scenario of scenarios) {
    for (const kind of kinds) {
      if (kind === SRS_350 && !scenario.pinned) continue;
      const why = reasonToSkip(scenario, kind, options, report.machine.openFiles);
      if (why !== undefined) {
        console.log(`${scenario.id}: ${kind.title} not measured: ${why}`);
        skipped.push({ scenario: scenario.id, server: kind.title, why });
        continue;
      }
      process.stdout.write(`${scenario.id}: ${kind.title} … `);
      try {
        measurements.push(await measure(scenario, kind, measuring));
        console.log('done');
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        console.log(`FAILED\n${message}`);
        skipped.push({
          scenario: scenario.id,
          server: kind.title,
          why: message.split('\n').slice(0, 3).join(' '),
        });
        process.exitCode = 1;
      }
      // After each one, so that a run that is broken off leaves what it had.
      writeFileSync(json, `${JSON.stringify(report, undefined, 1)}\n`);
    }
    console.log(`${renderText(scenarioTable(report, scenario.id))}\n`);
  }
  if (delivers) {
    process.stdout.write(`${HLS_DELIVERY} … `);
    report.deliveries = await measureDelivery(measuring, options.servers);
    console.log(`done\n${renderText(deliveryTable(report.deliveries))}\n`);
  }
  const { overheads } = report;
  if (overheads !== undefined) console.log(`${renderText(overheadTable(overheads))}\n`);
  writeFileSync(json, `${JSON.stringify(report, undefined, 1)}\n`);
  console.log(`JSON: ${json}`);
  return report;
}

async function prepare(kinds: readonly ServerKind[], delivers: boolean): Promise<void> {
  const scripts = (await import(pathToFileURL(path.join(ROOT, 'scripts/lib.mjs')).href)) as Scripts;
  if (kinds.includes(SRS) || kinds.includes(SRS_350)) scripts.buildServer();
  if (kinds.includes(NODE_MEDIA_SERVER)) scripts.installDependencies('bench');
  if (delivers || kinds.includes(NGINX_RTMP)) installNginx();
}

function reasonToSkip(
  scenario: Scenario,
  kind: ServerKind,
  options: BenchOptions,
  openFiles: number,
): string | undefined {
  const unavailable = kind.unavailable();
  if (unavailable !== undefined) return unavailable;
  if (scenario.protocol === 'flv' && !kind.flv) return 'it does not serve HTTP-FLV';
  if (scenario.players > kind.maxViewers && !options.overload) {
    return `more than one core of it; --overload measures it all the same`;
  }
  const files = scenario.players + scenario.publishers + SPARE_FILES;
  if (openFiles < files) return `needs ${files} open files, the limit is ${openFiles} (ulimit -n ${files})`;
  return undefined;
}

/** Joins the results of earlier runs; of the same scenario and server the last one counts. */
function load(files: readonly string[]): Report {
  const reports = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Report);
  const last = reports.at(-1);
  if (last === undefined) throw new Error('--from wants at least one file');
  const measurements = new Map<string, Measurement>();
  for (const report of reports) {
    for (const one of report.measurements) measurements.set(`${one.scenario} ${one.server}`, one);
  }
  const deliveries = reports.findLast((report) => report.deliveries !== undefined)?.deliveries;
  const overheads = reports.findLast((report) => report.overheads !== undefined)?.overheads;
  return {
    ...last,
    measurements: [...measurements.values()],
    ...(deliveries !== undefined && { deliveries }),
    ...(overheads !== undefined && { overheads }),
    skipped: reports.flatMap((report) => report.skipped),
  };
}

// The servers end with the bench: see `RunningServer`.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
