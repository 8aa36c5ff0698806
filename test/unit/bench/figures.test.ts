import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { checkBudgets } from '../../../bench/budgets.ts';
import { peerCpu, srs3Cpu } from '../../../bench/estimate.ts';
import { parseOpenFiles } from '../../../bench/machine.ts';
import type { Measurement, RunWindow } from '../../../bench/measure.ts';
import { parseOptions } from '../../../bench/options.ts';
import { parseMachineTimes, parseProcessStat, parseStatusKb, readTree } from '../../../bench/process-tree.ts';
import { renderMarkdown, renderReport, renderText, type Report } from '../../../bench/report.ts';
import { selectScenarios } from '../../../bench/scenarios.ts';
import { percentile, percentilesMs, spread } from '../../../bench/statistics.ts';
import { insertTables } from '../../../bench/write-docs.ts';

function measurement(
  scenario: string,
  server: string,
  cpuPercent: number,
  more: Partial<Measurement> = {},
): Measurement {
  const window: RunWindow = {
    seconds: 10,
    userPercent: cpuPercent / 4,
    systemPercent: (cpuPercent * 3) / 4,
    cpuPercent,
    rssBytes: 100e6,
    receivedBytes: 1e6,
    deliveredPercent: 100,
    sentMessages: 680,
    lostViewers: 0,
    lostPictures: 0,
    latency: undefined,
    crowdCpuPercent: 10,
    sourceCpuPercent: 2,
    machineIdlePercent: 50,
    othersPercent: 0,
    publisherLateMs: 1,
  };
  return {
    scenario,
    server,
    serverTitle: server,
    windows: [window],
    idleRssBytes: 60e6,
    peakRssBytes: 110e6,
    afterLeaving: undefined,
    latency: undefined,
    firstPicture: undefined,
    firstPictureAfterDial: undefined,
    loop: undefined,
    warnings: [],
    ...more,
  };
}

suite('reading /proc', () => {
  test('a process name may hold blanks and brackets', () => {
    const stat = parseProcessStat('42 (a) b (c) S 7 1 1 0 -1 0 0 0 0 0 150 250 3 4 20 0');
    assert.deepEqual(stat, { parent: 7, userTicks: 153, systemTicks: 254 });
  });

  test('memory and open files', () => {
    assert.equal(parseStatusKb('Name:\tx\nVmHWM:\t   200 kB\nVmRSS:\t   100 kB\n', 'VmRSS'), 102_400);
    assert.equal(parseStatusKb('Name:\tx\n', 'VmRSS'), 0);
    assert.equal(
      parseOpenFiles('Max open files            1024                 4096                 files'),
      1024,
    );
  });

  test('idle time holds the waiting for disks', () => {
    assert.deepEqual(parseMachineTimes('cpu  10 0 20 60 5 1 2 2 0 0\ncpu0 …'), { idle: 65, total: 100 });
  });

  test('this process has used time and memory', () => {
    const usage = readTree(process.pid);
    assert.ok(
      usage.pids.includes(process.pid) && usage.rssBytes > 1e6 && usage.peakRssBytes >= usage.rssBytes / 2,
    );
  });
});

suite('statistics', () => {
  test('percentiles and spread', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
    assert.deepEqual(
      [0.5, 0.95, 0.99, 1].map((share) => percentile(hundred, share)),
      [50, 95, 99, 100],
    );
    assert.equal(percentile([], 0.5), undefined);
    assert.deepEqual(percentilesMs([3000, 1000, 2000]), { p50: 2, p95: 3, p99: 3, samples: 3 });
    assert.deepEqual(spread([4, 1, 2, 3]), { median: 2.5, low: 1, high: 4 });
  });
});

suite('estimates and budgets', () => {
  test("SRS 3 is scaled by nginx-rtmp's reading in the same run", () => {
    const all = [
      measurement('rtmp-players-1000', 'nginx-rtmp', 43.8),
      measurement('publishers-500', 'nginx-rtmp', 11.3),
    ];
    assert.equal(srs3Cpu(all, 'rtmp-players-8000')?.percent.toFixed(1), '144.2');
    assert.equal(srs3Cpu(all, 'publishers-500')?.percent.toFixed(1), '14.8');
    assert.equal(srs3Cpu(all, 'publishers-1000'), undefined);
    assert.equal(srs3Cpu([], 'rtmp-players-1000'), undefined);
  });

  test('a peer that was not measured, or was overloaded, is stretched from 1,000 viewers', () => {
    const base = measurement('rtmp-players-1000', 'nginx-rtmp', 20);
    const all = [base, measurement('rtmp-players-5000', 'nginx-rtmp', 99)];
    assert.equal(peerCpu(all, 'rtmp-players-5000', 'nginx-rtmp')?.percent, 99);
    assert.equal(peerCpu([base], 'rtmp-players-8000', 'nginx-rtmp')?.percent, 160);
    const starving = { ...(all[1] as Measurement) };
    const windows = starving.windows.map((window) => ({ ...window, deliveredPercent: 60 }));
    assert.equal(peerCpu([base, { ...starving, windows }], 'rtmp-players-5000', 'nginx-rtmp')?.percent, 100);
    const overloaded = {
      ...base,
      windows: base.windows.map((window) => ({ ...window, deliveredPercent: 60 })),
    };
    assert.deepEqual(peerCpu([overloaded], 'rtmp-players-1000', 'nginx-rtmp'), {
      percent: 20,
      estimated: 'it could not deliver everything',
    });
  });

  test('a budget is met up to its limit and not above it', () => {
    const nginx = measurement('rtmp-players-1000', 'nginx-rtmp', 20);
    const verdict = (cpu: number): boolean | undefined =>
      checkBudgets([nginx, measurement('rtmp-players-1000', 'srs-350', cpu)]).find(({ what }) =>
        what.endsWith('nginx-rtmp'),
      )?.met;
    assert.deepEqual([verdict(5), verdict(5.1)], [true, false]);
  });

  test('latency, memory and loop budgets come from their own scenarios', () => {
    const times = { p50: 1, p95: 5, p99: 11, samples: 9 };
    const results = checkBudgets([
      measurement('latency-flv', 'srs', 1, { latency: times, firstPicture: times }),
      measurement('rtmp-players-8000', 'srs', 30, {
        afterLeaving: { seconds: 60, rssBytes: 67e6 },
        loop: { p99Ms: 19, maxMs: 30, utilization: 0.2 },
      }),
    ]);
    const verdicts = Object.fromEntries(results.map(({ what, met }) => [what, met]));
    assert.deepEqual(verdicts, {
      'latency-flv, srs: latency p50': true,
      'latency-flv, srs: latency p99': false,
      'latency-flv, srs: first picture p95': true,
      'rtmp-players-8000, srs: memory': true,
      'rtmp-players-8000, srs: memory 60 s after leaving': false,
      'rtmp-players-8000, srs: event-loop delay p99': true,
    });
  });
});

suite('the report', () => {
  const report: Report = {
    startedAt: '2026-01-02T03:04:05Z',
    machine: {
      cpu: 'x',
      cores: 2,
      memoryBytes: 2 ** 34,
      kernel: 'Linux 6',
      node: '20.20.0',
      openFiles: 1024,
    },
    windowSeconds: 10,
    runs: 1,
    measurements: [
      measurement('rtmp-players-1000', 'nginx-rtmp', 20),
      measurement('rtmp-players-1000', 'srs', 10, { warnings: ['a warning'] }),
    ],
    skipped: [{ scenario: 'rtmp-players-1000', server: 'other', why: 'because' }],
  };

  test('shows ratios, warnings, what was left out and the estimate', () => {
    const text = renderReport(report, renderMarkdown, (title) => `### ${title}`);
    assert.match(text, /\| srs \| 10\.0 \(10\.0–10\.0\) \| 2\.5 \+ 7\.5 \| 0\.50 \|/);
    assert.match(text, /SRS 3 \(estimated\) \| 11\.0 /);
    assert.match(text, /- srs: a warning\./);
    assert.match(text, /- other was not measured: because\./);
    assert.match(text, /2 cores \(x\), 16 GiB, Linux 6, Node\.js 20\.20\.0/);
  });

  test('leaves out columns in which nobody has a figure', () => {
    const table = [
      ['a', 'b'],
      ['1', '–'],
    ];
    assert.equal(renderText(table), 'a\n1');
    assert.equal(renderMarkdown(table), '| a |\n| --- |\n| 1 |');
  });

  test('goes between the markers of the document', () => {
    const document = 'x\n<!-- bench:begin -->\nold\n<!-- bench:end -->\ny';
    assert.equal(insertTables(document, 'new\n'), 'x\n<!-- bench:begin -->\n\nnew\n\n<!-- bench:end -->\ny');
    assert.throws(() => insertTables('x', 'new'), /lacks/);
  });
});

suite('the command line', () => {
  test('lists, runs and switches', () => {
    const options = parseOptions(['--scenarios', 'a,b', '--servers', 'x', '--quick', '--json', 'f']);
    assert.deepEqual(
      [options.scenarios, options.servers, options.runs, options.json],
      [['a', 'b'], ['x'], 1, 'f'],
    );
    assert.equal(parseOptions([]).runs, 3);
    assert.throws(() => parseOptions(['--runs', 'many']), /--runs/);
    assert.throws(() => parseOptions(['--unknown']), /unknown/);
  });

  test('a scenario is named whole or by its beginning', () => {
    assert.deepEqual(
      selectScenarios(['rtmp-players-100', 'publishers']).map(({ id }) => id),
      ['rtmp-players-100', 'publishers-500', 'publishers-1000'],
    );
    assert.throws(() => selectScenarios(['nothing']), /no scenario nothing/);
  });
});
