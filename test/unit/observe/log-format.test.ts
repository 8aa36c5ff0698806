import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { ServerError } from '../../../src/base/errors.ts';
import {
  createLogger,
  logLevelOf,
  MAX_LOG_SCOPE,
  MAX_LOG_TEXT,
  type LogFormat,
  type LogLevel,
  type LogSettings,
} from '../../../src/observe/index.ts';

const AT = Date.UTC(2026, 0, 31, 23, 59, 59, 7);
const clock = { now: () => AT };

async function folder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'srs-log-'));
}

/** The second bracket of the lines that a logger of this level writes for one call of each kind. */
async function namesAt(level: LogLevel): Promise<string> {
  const tank = join(await folder(), 'srs.log');
  const log = createLogger({ tank, level, pid: 1, clock });
  log.debug('');
  log.info('');
  log.warn('');
  log.error('');
  await log.close();
  return Array.from(
    (await readFile(tank, 'utf8')).matchAll(/^\[.*?\]\[(\w+)\]\[1\]\[\] $/gm),
    (m) => m[1],
  ).join(' ');
}

test('the five levels of SRS, by their names of either age', async () => {
  const cases = [
    ['verbose', '', 'Info Trace Warn Error'],
    ['info', undefined, 'Info Trace Warn Error'],
    ['trace', '', 'Trace Warn Error'],
    ['warn', '', 'Warn Error'],
    ['error', '', 'Error'],
    ['error', 'trace', 'DEBUG INFO WARN ERROR'],
    ['error', 'debug', 'DEBUG INFO WARN ERROR'],
    ['error', 'info', 'INFO WARN ERROR'],
    ['verbose', 'warn', 'WARN ERROR'],
    ['verbose', 'error', 'ERROR'],
  ] as const;
  for (const [v1, v2, want] of cases) {
    assert.equal(await namesAt(logLevelOf(v1, v2)), want, `srs_log_level ${v1}, v2 ${v2}`);
  }
});

test('JSON lines are those of pino, with the scope as fields and an ISO time', async () => {
  const tank = join(await folder(), 'srs.log');
  const log = createLogger({ tank, level: 'v2:trace', format: 'json', pid: 42, clock, utc: true });
  log.debug('100 % "quoted" %s %o \\ done');
  log.info('start');
  const session = log.child({ session: 'abc' });
  session.warn('odd');
  session.child({ stream: 'v/live/show', component: 'rtmp' }).error('bad ünïcode 😀');
  await log.close();
  assert.equal(
    await readFile(tank, 'utf8'),
    '{"level":20,"time":"2026-01-31T23:59:59.007Z","pid":42,"msg":"100 % \\"quoted\\" %s %o \\\\ done"}\n' +
      '{"level":30,"time":"2026-01-31T23:59:59.007Z","pid":42,"msg":"start"}\n' +
      '{"level":40,"time":"2026-01-31T23:59:59.007Z","pid":42,"session":"abc","msg":"odd"}\n' +
      '{"level":50,"time":"2026-01-31T23:59:59.007Z","pid":42,"session":"abc","stream":"v/live/show","component":"rtmp","msg":"bad ünïcode 😀"}\n',
  );
});

test('the local time of JSON lines has its offset', async () => {
  const tank = join(await folder(), 'srs.log');
  const log = createLogger({ tank, level: 'trace', format: 'json', pid: 42, clock });
  log.info('x');
  await log.close();
  const { time } = JSON.parse(await readFile(tank, 'utf8')) as { time: string };
  assert.match(time, /^2026-0\d-\d\dT\d\d:\d\d:59\.007[+-]\d\d:\d\d$/);
  assert.equal(Date.parse(time), AT);
});

test('a reload changes tank, level, format and zone of all loggers at once, and loses no line', async () => {
  const dir = await folder();
  const [one, two] = [join(dir, 'one.log'), join(dir, 'new', 'two.log')];
  const settings: LogSettings = { tank: one, level: 'warn', format: 'srs', utc: true };
  const log = createLogger({ ...settings, pid: 1, clock });
  const session = log.child({ session: 'abc' });
  session.info('no');
  session.warn('1');
  log.reconfigure({ ...settings, level: 'v2:info' });
  session.info('2');
  log.reconfigure({ ...settings, tank: two, level: 'trace', format: 'json' });
  session.child({ component: 'x' }).info('3');
  log.reconfigure({ ...settings, tank: one, level: 'trace' });
  session.info('4');
  await log.close();
  assert.equal(
    await readFile(one, 'utf8'),
    '[2026-01-31 23:59:59.007][Warn][1][abc] 1\n' +
      '[2026-01-31 23:59:59.007][INFO][1][abc] 2\n' +
      '[2026-01-31 23:59:59.007][Trace][1][abc] 4\n',
  );
  assert.deepEqual(JSON.parse(await readFile(two, 'utf8')), {
    level: 30,
    time: '2026-01-31T23:59:59.007Z',
    pid: 1,
    session: 'abc',
    component: 'x',
    msg: '3',
  });
});

test('a tank that cannot be opened changes nothing', async () => {
  const dir = await folder();
  const tank = join(dir, 'srs.log');
  const settings: LogSettings = { tank, level: 'trace', format: 'srs', utc: true };
  const log = createLogger({ ...settings, pid: 1, clock });
  await writeFile(join(dir, 'file'), '');
  assert.throws(
    () => log.reconfigure({ tank: join(dir, 'file', 'srs.log'), level: 'error', format: 'json', utc: false }),
    (error) => error instanceof ServerError && error.code === 'LOG_OPEN_FAILED',
  );
  log.info('still here');
  await log.close();
  assert.equal(await readFile(tank, 'utf8'), '[2026-01-31 23:59:59.007][Trace][1][] still here\n');
  assert.deepEqual((await readdir(dir)).sort(), ['file', 'srs.log']);
});

/** What must never be in a line, whoever chose the words: controls, halves of pairs, separators, marks that reorder. */
const HARMFUL = /[\p{Cc}\p{Surrogate}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;

const NASTY = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc
    .array(
      fc.oneof(
        fc.constantFrom(
          '\n[2026-01-31 23:59:59.007][Error][1][] forged',
          '\r\n',
          '"}\n{"level":60,"msg":"forged"}',
          '\u001b[31m',
          '\u001b]0;title\u0007',
          '\u009b2J',
          '\u202e',
          '\u2066',
          '\ud800',
          '\udfff',
          '\0',
          '\\',
          '"',
          '][',
          '%s%o%j',
          'a b',
          'x'.repeat(5_000),
        ),
        fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
      ),
    )
    .map((parts) => parts.join('')),
);

for (const format of ['srs', 'json'] as const satisfies readonly LogFormat[]) {
  test(`no text forges a ${format} line or drives a terminal, be it message, session, stream or component`, async () => {
    const tank = join(await folder(), 'srs.log');
    await fc.assert(
      fc.asyncProperty(NASTY, NASTY, NASTY, NASTY, async (message, session, stream, component) => {
        await writeFile(tank, '');
        const log = createLogger({ tank, level: 'trace', format, pid: 1, clock, utc: true });
        log.child({ session, component }).child({ stream }).warn(message);
        await log.close();
        const text = await readFile(tank, 'utf8');
        assert.ok(text.endsWith('\n'));
        const line = text.slice(0, -1);
        assert.doesNotMatch(line, HARMFUL);
        assert.ok(line.length < 12 * (MAX_LOG_TEXT + 3 * MAX_LOG_SCOPE), `${line.length}`);
        if (format === 'srs') {
          assert.match(line, /^\[2026-01-31 23:59:59\.007\]\[Warn\]\[1\]\[[^[\]\s]*\] /);
          return;
        }
        const fields = JSON.parse(line) as Record<string, string | number>;
        assert.deepEqual(Object.keys(fields), [
          'level',
          'time',
          'pid',
          'session',
          'stream',
          'component',
          'msg',
        ]);
        assert.deepEqual([fields['level'], fields['pid']], [40, 1]);
        // What reads JSON unquotes it and writes it to a terminal.
        for (const value of Object.values(fields)) assert.doesNotMatch(String(value), HARMFUL);
      }),
      { interruptAfterTimeLimit: 2_000, markInterruptAsFailure: false },
    );
  });
}

test('what meets peers does not print past the log', async () => {
  const src = fileURLToPath(new URL('../../../src/', import.meta.url));
  const files = (await readdir(src, { recursive: true })).filter((file) => file.endsWith('.ts'));
  assert.ok(files.length > 100);
  // These have no logger yet, or no more: they speak to the operator, through describeError, formatProblem or printable.
  const allowed = /^(cli|server)\//;
  for (const file of files.filter((name) => !allowed.test(name))) {
    const text = await readFile(join(src, file), 'utf8');
    assert.doesNotMatch(text, /\bconsole\.\w|process\.std(out|err)|writeSync\(\s*[12]\b/, file);
  }
});
