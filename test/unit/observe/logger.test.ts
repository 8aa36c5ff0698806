import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { ServerError } from '../../../src/base/errors.ts';
import {
  createLogger,
  createLoopProbe,
  escapeLogText,
  MAX_LOG_TEXT,
  newSessionId,
} from '../../../src/observe/index.ts';

async function logFile(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'srs-log-')), 'srs.log');
}

test('lines have the form of SRS, in the order of the calls, above the level', async () => {
  const tank = await logFile();
  let now = Date.UTC(2026, 0, 31, 23, 59, 59, 7);
  const log = createLogger({ tank, level: 'trace', pid: 42, clock: { now: () => now }, utc: true });
  log.debug('not written');
  log.info('start');
  now += 1_000;
  const session = log.child({ session: 'abc' });
  session.warn('odd');
  session.child({ stream: 'v/live/show', component: 'rtmp' }).error('bad');
  await log.close();
  log.info('after the end');
  await log.close();
  assert.equal(
    await readFile(tank, 'utf8'),
    '[2026-01-31 23:59:59.007][Trace][42][] start\n' +
      '[2026-02-01 00:00:00.007][Warn][42][abc] odd\n' +
      '[2026-02-01 00:00:00.007][Error][42][abc] rtmp: v/live/show: bad\n',
  );
});

test('local time is that of the machine', async () => {
  const tank = await logFile();
  const at = new Date(2026, 6, 1, 13, 5, 9, 12);
  const log = createLogger({ tank, level: 'verbose', pid: 1, clock: { now: () => at.getTime() } });
  log.debug('x');
  await log.close();
  assert.equal(await readFile(tank, 'utf8'), '[2026-07-01 13:05:09.012][Info][1][] x\n');
});

const ESCAPES = [
  ['plain text, ünïcode 日本 😀', 'plain text, ünïcode 日本 😀'],
  ['a\nb\r\tc', 'a\\x0ab\\x0d\\x09c'],
  ['\u001b[31mred\u0007', '\\x1b[31mred\\x07'],
  ['\u007f\u009b', '\\x7f\\x9b'],
  ['line\u2028sep \u202eright to left', 'line\\u2028sep \\u202eright to left'],
  ['half \ud800 pair', 'half \\ud800 pair'],
] as const;

test('text of a peer cannot forge lines or drive a terminal', async () => {
  for (const [text, want] of ESCAPES) assert.equal(escapeLogText(text), want);
  const long = escapeLogText('x'.repeat(MAX_LOG_TEXT + 5));
  assert.equal(long, `${'x'.repeat(MAX_LOG_TEXT)}... (${MAX_LOG_TEXT + 5} characters)`);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(escapeLogText(text), /[\p{Cc}\p{Surrogate}\u2028\u2029]/u);
    }),
    { interruptAfterTimeLimit: 2_000, markInterruptAsFailure: false },
  );
  const tank = await logFile();
  const log = createLogger({ tank, level: 'trace', pid: 1 });
  log.child({ session: 'a\n[b' }).info('one\ntwo');
  await log.close();
  assert.equal((await readFile(tank, 'utf8')).split('\n').length, 2);
});

test('flushSync has everything on disk when it returns', async () => {
  const tank = await logFile();
  const log = createLogger({ tank, level: 'trace', pid: 1 });
  for (let i = 0; i < 100; i += 1) log.info(`line ${i}`);
  log.flushSync();
  // The first line may be in a write of its own under way; all the others are there.
  assert.match(await readFile(tank, 'utf8'), /line 99\n$/);
  await log.close();
  assert.equal((await readFile(tank, 'utf8')).trimEnd().split('\n').length, 100);
});

test('reopen continues in a new file after a rotation', async () => {
  const tank = await logFile();
  const log = createLogger({ tank, level: 'trace', pid: 1 });
  log.info('before');
  log.flushSync();
  await rename(tank, `${tank}.1`);
  log.reopen();
  log.info('after');
  await log.close();
  assert.match(await readFile(`${tank}.1`, 'utf8'), /before/);
  assert.match(await readFile(tank, 'utf8'), /after\n$/);
});

test('the folder of a file is made; a file that cannot be opened is told at once', async () => {
  const tank = join(await logFile(), 'of', 'a', 'folder.log');
  await createLogger({ tank, level: 'trace', pid: 1 }).close();
  assert.equal(await readFile(tank, 'utf8'), '');
  assert.throws(
    () => createLogger({ tank: join(tank, 'srs.log'), level: 'trace', pid: 1 }),
    (error) =>
      error instanceof ServerError && error.code === 'LOG_OPEN_FAILED' && /folder\.log/.test(error.message),
  );
});

test('a log below /proc is refused, not waited for', () => {
  assert.throws(
    () => createLogger({ tank: '/proc/none/none/srs.log', level: 'trace', pid: 1 }),
    (error) => error instanceof ServerError && error.code === 'LOG_OPEN_FAILED',
  );
});

test('more than the bound is dropped, counted and told', async () => {
  const tank = await logFile();
  const log = createLogger({ tank, level: 'trace', pid: 1, maxBacklogBytes: 10_000 });
  for (let i = 0; i < 1_000; i += 1) log.info(`line ${i} ${'x'.repeat(100)}`);
  const { dropped } = log;
  assert.ok(dropped > 500, `${dropped} dropped`);
  while (!(await readFile(tank, 'utf8')).includes(`the log was too slow: ${dropped} lines were dropped`)) {
    await new Promise(setImmediate);
  }
  await log.close();
});

test('a console whose reader is gone neither throws nor ends the process', async () => {
  const script = `
    import { createLogger } from ${JSON.stringify(new URL('../../../src/observe/index.ts', import.meta.url).href)};
    const log = createLogger({ tank: 'console', level: 'trace', pid: 1 });
    process.stdin.on('data', () => {
      for (let i = 0; i < 1000; i += 1) log.info('x'.repeat(200));
      setImmediate(() => { log.info('still here'); log.flushSync(); log.close().then(() => process.exit(7)); });
    });
    log.info('ready');`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.stdout.destroy();
  child.stdin.write('go');
  const [code] = (await once(child, 'exit')) as [number];
  assert.equal(code, 7);
});

test('session ids are short, plain and all different', () => {
  const ids = new Set(Array.from({ length: 10_000 }, () => newSessionId()));
  assert.equal(ids.size, 10_000);
  for (const id of ids) assert.match(id, /^[0-9a-z]{9}$/);
});

test('the loop probe sees a blocked loop and an idle one', async () => {
  const probe = createLoopProbe();
  await new Promise((resolve) => setTimeout(resolve, 30));
  probe.utilisation();
  probe.delayP99Ms();
  await new Promise((resolve) => setTimeout(resolve, 30)); // The histogram begins with its next tick.
  const until = performance.now() + 120;
  while (performance.now() < until);
  await new Promise((resolve) => setTimeout(resolve, 15));
  const busy = probe.utilisation();
  const late = probe.delayP99Ms();
  assert.ok(busy > 0.6, `busy ${busy}`);
  assert.ok(late > 60, `late ${late} ms`);
  await new Promise((resolve) => setTimeout(resolve, 150));
  const idle = probe.utilisation();
  assert.ok(idle < 0.5, `idle ${idle}`);
  assert.ok(probe.delayP99Ms() < late);
  probe.close();
});
