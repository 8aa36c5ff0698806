import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerError } from '../../../../src/base/errors.ts';
import {
  parseConfig,
  type Config,
  type ConfigChange,
  type LoadedConfig,
} from '../../../../src/config/index.ts';
import {
  Reloader,
  type Refusal,
  type ReloadReport,
  type ReloadTarget,
} from '../../../../src/server/reload/index.ts';
import { MAX_REPORTED_CHANGES } from '../../../../src/server/reload/report-text.ts';
import { MemoryLogger } from '../../../support/memory-logger.ts';

const BASE = 'listen 1935; vhost a {}';
const load = (text: string): LoadedConfig => parseConfig(text, 'test.conf');

/** Applies what it is given, but for what it was told to refuse. */
class FakeTarget implements ReloadTarget {
  readonly calls: { readonly next: Config; readonly directives: readonly string[] }[] = [];
  readonly #owned: RegExp;
  refuse: RegExp | undefined;
  failure: Error | undefined;
  /** Awaited in each apply. */
  gate: Promise<void> | undefined;

  constructor(owned: RegExp) {
    this.#owned = owned;
  }

  owns(directive: string): boolean {
    return this.#owned.test(directive);
  }

  async apply(next: Config, changes: readonly ConfigChange[]): Promise<readonly Refusal[]> {
    this.calls.push({ next, directives: changes.map(({ directive }) => directive) });
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    return changes
      .filter(({ directive }) => this.refuse?.test(directive))
      .map((change) => ({ change, why: 'it is in use' }));
  }
}

interface Bench {
  readonly reloader: Reloader;
  readonly server: FakeTarget;
  readonly process: FakeTarget;
  readonly lines: string[];
  /** What the file says from now on; an error is thrown by `load`. */
  readonly file: (text: string | Error) => void;
  readonly loads: () => number;
}

function bench(text = BASE): Bench {
  const server = new FakeTarget(/^(listen|max_connections|vhost)/);
  const process = new FakeTarget(/^(pid|utc_time)$/);
  const logger = new MemoryLogger();
  let now: string | Error = text;
  let loads = 0;
  const reloader = new Reloader({
    loaded: load(text),
    load: () => {
      loads += 1;
      if (now instanceof Error) throw now;
      return load(now);
    },
    targets: [process, server],
    logger,
    now: () => 1_000,
  });
  return {
    reloader,
    server,
    process,
    lines: logger.lines,
    file: (next) => {
      now = next;
    },
    loads: () => loads,
  };
}

const outcomes = (report: ReloadReport): string[] =>
  report.entries.map(({ change, outcome }) => `${change.directive} ${outcome}`);

test('nothing different: no target is asked', async () => {
  const { reloader, server, process, lines } = bench();
  const report = await reloader.reload('SIGHUP');
  assert.deepEqual(report, { at: 1_000, trigger: 'SIGHUP', ok: true, problems: [], entries: [] });
  assert.equal(server.calls.length + process.calls.length, 0);
  assert.deepEqual(lines, ['info [] reload by SIGHUP: nothing has changed']);
});

test('each target gets its own changes; what needs a restart goes to nobody and keeps its old value', async () => {
  const { reloader, server, process, file, lines } = bench();
  file('listen 1936; utc_time on; work_dir /tmp; vhost a { play { mw_latency 1s; } }');
  const report = await reloader.reload('file');
  assert.deepEqual(outcomes(report).toSorted(), [
    'listen applied',
    'utc_time applied',
    'vhost.play.mw_latency applied',
    'work_dir restart',
  ]);
  assert.deepEqual(
    process.calls.map(({ directives }) => directives),
    [['utc_time']],
  );
  assert.deepEqual(
    server.calls.map(({ directives }) => directives),
    [['listen', 'vhost.play.mw_latency']],
  );
  assert.equal(server.calls[0]?.next.workDir, './');
  assert.equal(server.calls[0].next.listen[0]?.port, 1936);
  const { config } = reloader.running;
  assert.equal(config.workDir, './');
  assert.equal(config.vhosts[0]?.play.mwLatencyMs, 1_000);
  assert.deepEqual(lines, [
    'info [] reload: listen: *:1935 -> *:1936, applied',
    "warn [] reload: work_dir: './' -> '/tmp', needs a restart",
    'info [] reload: utc_time: off -> on, applied',
    'info [] reload: vhost.play.mw_latency of vhost a: 350ms -> 1s, applied',
    'warn [] reload by file: 3 applied, 1 needs a restart (work_dir), nothing refused',
  ]);
  assert.equal(reloader.last, report);
});

test('what was refused keeps its old value, the targets after it know, and the next reload tries again', async () => {
  const { reloader, server, process, file, lines } = bench();
  process.refuse = /^pid$/;
  file('listen 1936; pid /x.pid; max_connections 7; vhost a {}');
  const first = await reloader.reload('SIGHUP');
  assert.deepEqual(outcomes(first), ['listen applied', 'max_connections applied', 'pid refused']);
  assert.equal(first.entries.find(({ outcome }) => outcome === 'refused')?.why, 'it is in use');
  assert.equal(server.calls[0]?.next.pid, './objs/srs.pid');
  assert.equal(reloader.running.config.pid, './objs/srs.pid');
  assert.ok(lines.includes("warn [] reload: pid: './objs/srs.pid' -> '/x.pid', refused: it is in use"));
  assert.ok(lines.includes('warn [] reload by SIGHUP: 2 applied, 1 refused (pid)'));

  process.refuse = undefined;
  const second = await reloader.reload('SIGHUP');
  assert.deepEqual(outcomes(second), ['pid applied']);
  assert.equal(reloader.running.config.pid, '/x.pid');
});

test('a target that throws has refused all of its changes; the others go on, and the stack is logged', async () => {
  const { reloader, server, process, file, lines } = bench();
  process.failure = new Error('broken');
  file('listen 1936; utc_time on; vhost a {}');
  const report = await reloader.reload('SIGHUP');
  assert.deepEqual(outcomes(report).toSorted(), ['listen applied', 'utc_time refused']);
  assert.equal(server.calls.length, 1);
  assert.equal(reloader.running.config.utcTime, false);
  assert.ok(lines.some((line) => line.startsWith('error [] reload failed: Error: broken')));
});

test('a change that nobody applies is refused', async () => {
  const { reloader, file } = bench();
  file(`${BASE} grace_start_wait 1s;`);
  const report = await reloader.reload('SIGHUP');
  assert.deepEqual(outcomes(report), ['grace_start_wait refused']);
  assert.equal(reloader.running.config.graceStartWaitMs, 2_300);
});

test('a file that does not check changes nothing and is told line by line', async () => {
  const { reloader, server, file, lines } = bench();
  const before = reloader.running;
  file('listen 1936; max_connections no; vhots a {}');
  const report = await reloader.reload('SIGHUP');
  assert.equal(report.ok, false);
  assert.deepEqual(report.entries, []);
  assert.equal(report.problems.length, 2);
  assert.match(String(report.problems[0]), /^test\.conf:1:30: max_connections: 'no' is not possible here/);
  assert.equal(reloader.running, before);
  assert.equal(reloader.last, report);
  assert.equal(server.calls.length, 0);
  assert.equal(
    lines.at(-1),
    'warn [] reload by SIGHUP: the configuration cannot be used, nothing has changed',
  );
});

test('a file that cannot be read changes nothing either', async () => {
  const { reloader, file } = bench();
  file(new ServerError('CONFIG_INVALID', 'test.conf: no such file'));
  const report = await reloader.reload('file');
  assert.equal(report.ok, false);
  assert.deepEqual(report.problems, ['CONFIG_INVALID(1023): test.conf: no such file']);
});

test('reloads run one after the other; however many wait, one more follows and sees the newest file', async () => {
  const { reloader, server, file, loads } = bench();
  let open = (): void => undefined;
  server.gate = new Promise((resolve) => (open = resolve));
  file('listen 1936; vhost a {}');
  const first = reloader.reload('SIGHUP');
  file('listen 1937; vhost a {}');
  const second = reloader.reload('file');
  file('listen 1938; vhost a {}');
  const third = reloader.reload('SIGHUP');
  const fourth = reloader.reload('file');
  assert.equal(loads(), 1);
  open();
  const reports = await Promise.all([first, second, third, fourth]);
  assert.equal(loads(), 2);
  assert.equal(reports[1], reports[2]);
  assert.equal(reports[1], reports[3]);
  assert.equal(reports[1].trigger, 'file, SIGHUP');
  assert.deepEqual(
    server.calls.map(({ next }) => next.listen[0]?.port),
    [1936, 1938],
  );
  await reloader.reload('api');
  assert.equal(loads(), 3);
});

test('a request that comes while the waiting one runs makes one more run', async () => {
  const { reloader, server, file, loads } = bench();
  const gates: (() => void)[] = [];
  server.gate = new Promise((resolve) => gates.push(resolve));
  file('listen 1936; vhost a {}');
  const first = reloader.reload('a');
  file('listen 1937; vhost a {}');
  const second = reloader.reload('b');
  gates[0]?.();
  await first;
  server.gate = new Promise((resolve) => gates.push(resolve));
  while (loads() < 2) await Promise.resolve();
  file('listen 1938; vhost a {}');
  const third = reloader.reload('c');
  gates[1]?.();
  await second;
  await third;
  assert.equal(loads(), 3);
  assert.equal(reloader.running.config.listen[0]?.port, 1938);
});

test('a reload of everything writes a bounded number of lines', async () => {
  const vhosts = (count: number): string =>
    Array.from({ length: count }, (_, i) => `vhost v${i} {}`).join(' ');
  const { reloader, file, lines } = bench();
  file(`listen 1935; vhost a {} ${vhosts(MAX_REPORTED_CHANGES + 50)}`);
  const report = await reloader.reload('SIGHUP');
  assert.equal(report.entries.length, MAX_REPORTED_CHANGES + 50);
  assert.equal(lines.length, MAX_REPORTED_CHANGES + 2);
  assert.equal(lines.at(-2), 'info [] reload: and 50 more changes');
});

test('no line of the log holds a secret or a control character of the file', async () => {
  const ingest = (url: string): string =>
    `listen 1935; vhost a { ingest one { enabled on; input { url "${url}"; } engine { output rtmp://h/live/s3cret; } } }`;
  const { reloader, file, lines } = bench(ingest('http://user:s3cret@h/s3cret?k=s3cret'));
  file(ingest('./\u001b[31mx?s3cret').replace('live/s3cret', 'other/s3cret'));
  const report = await reloader.reload('SIGHUP');
  assert.equal(report.entries.length, 2);
  assert.doesNotMatch(lines.join('\n'), /s3cret|\u001b/);
});
