import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { createLogger, newSessionId, type LogFormat } from '../../../src/observe/index.ts';

const FORMATS = ['srs', 'json'] as const satisfies readonly LogFormat[];

/** `srs.log.000001` … come before `srs.log`. */
async function readAll(dir: string): Promise<string> {
  const names = (await readdir(dir)).sort((a, b) =>
    a === 'srs.log' ? 1 : b === 'srs.log' ? -1 : a < b ? -1 : 1,
  );
  const texts = await Promise.all(names.map((name) => readFile(join(dir, name), 'utf8')));
  return texts.join('');
}

/** The numbers in `line 1`, `line 2` …, of lines of either format. */
function numbersIn(all: string): number[] {
  return all
    .split('\n')
    .slice(0, -1)
    .map((line) => Number(/line (\d+)("\})?$/.exec(line)?.[1]));
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

const STEP = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('lines' as const), count: fc.integer({ min: 1, max: 400 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('turn', 'rotate', 'reopen', 'flush', 'format') }) },
);

test('whatever is rotated, opened anew or reformatted in between, every line is there once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { maxLength: 40 }), fc.constantFrom(...FORMATS), async (steps, first) => {
      const dir = await mkdtemp(join(tmpdir(), 'srs-log-'));
      const tank = join(dir, 'srs.log');
      let format: LogFormat = first;
      const log = createLogger({ tank, level: 'trace', format, pid: 1 });
      const session = log.child({ session: 'abc' });
      let lines = 0;
      let rotations = 0;
      for (const step of steps) {
        if (step.do === 'lines') {
          for (let i = 0; i < step.count; i += 1) session.info(`line ${lines++}`);
        } else if (step.do === 'turn') await new Promise(setImmediate);
        else if (step.do === 'rotate') {
          await rename(tank, `${tank}.${String((rotations += 1)).padStart(6, '0')}`);
          session.info(`line ${lines++}`); // Still into the file that was moved.
          log.reopen();
        } else if (step.do === 'reopen') log.reopen();
        else if (step.do === 'flush') {
          log.flushSync();
          assert.deepEqual(numbersIn(await readAll(dir)), upTo(lines), 'after flushSync');
        } else {
          format = format === 'srs' ? 'json' : 'srs';
          log.reconfigure({ tank, level: 'trace', format, utc: false });
        }
      }
      await log.close();
      assert.deepEqual(numbersIn(await readAll(dir)), upTo(lines));
      assert.equal(log.dropped, 0);
      await rm(dir, { recursive: true });
    }),
    { interruptAfterTimeLimit: 4_000, markInterruptAsFailure: false },
  );
});

for (const format of FORMATS) {
  test(`10,000 sessions in ten slices, three ${format} lines each: each session's lines are there, in order`, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'srs-log-'));
    const tank = join(dir, 'srs.log');
    const log = createLogger({ tank, level: 'trace', format, pid: 1 });
    const ids: string[] = [];
    for (let slice = 0; slice < 10; slice += 1) {
      const sessions = upTo(1_000).map(() => newSessionId());
      ids.push(...sessions);
      const loggers = sessions.map((session) => log.child({ session }));
      // Interleaved, as sessions are.
      for (let n = 0; n < 3; n += 1) for (const one of loggers) one.info(`line ${n}`);
      if (slice === 5) {
        await rename(tank, `${tank}.000001`);
        log.reopen();
      }
      await new Promise(setImmediate);
    }
    await log.close();
    const seen = new Map<string, string>();
    for (const line of (await readAll(dir)).split('\n').slice(0, -1)) {
      const [id = ''] = /(?<=\[1\]\[)\w+(?=\] )|(?<="session":")\w+/.exec(line) ?? [];
      seen.set(id, `${seen.get(id) ?? ''}${numbersIn(`${line}\n`).join()}`);
    }
    assert.equal(seen.size, ids.length);
    assert.deepEqual(
      ids.filter((id) => seen.get(id) !== '012'),
      [],
    );
    assert.equal(log.dropped, 0);
  });
}

const WRITER = fileURLToPath(new URL('../../support/log-writer.ts', import.meta.url));

async function runWriter(
  tank: string,
  format: LogFormat,
  how: string,
  lines: number,
): Promise<{ code: number; out: string }> {
  const args = ['--import', 'tsx', WRITER, tank, format, how, String(lines)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [out, [code]] = await Promise.all([text(child.stdout), once(child, 'exit') as Promise<[number]>]);
  return { code, out };
}

const ENDS = [
  ['flush', 3],
  ['flush-rotated', 3],
  ['close', 0],
] as const;

for (const [how, want] of ENDS) {
  test(`a process that ends by ${how} leaves every line in its files`, async () => {
    for (const format of FORMATS) {
      const dir = await mkdtemp(join(tmpdir(), 'srs-log-'));
      const { code } = await runWriter(join(dir, 'srs.log'), format, how, 20_000);
      assert.equal(code, want);
      assert.deepEqual(numbersIn(await readAll(dir)), upTo(20_000), format);
    }
  });
}

test('a process that ends by flush or close leaves every line in the pipe of its console', async () => {
  for (const how of ['flush', 'close']) {
    const { out } = await runWriter('console', 'srs', how, 5_000);
    assert.deepEqual(numbersIn(out), upTo(5_000), how);
  }
});

test('a full disk ends nothing: lines wait up to the bound, the rest is counted, and closing does not hang', async () => {
  const log = createLogger({ tank: '/dev/full', level: 'trace', pid: 1, maxBacklogBytes: 10_000 });
  for (let i = 0; i < 1_000; i += 1) {
    log.info(`line ${i}`);
    if (i % 100 === 0) await new Promise(setImmediate);
  }
  log.flushSync();
  assert.ok(log.dropped > 500 && log.dropped < 1_000, `${log.dropped} dropped`);
  await log.close();
});

test('a disk that was full until the bound was reached is written to again once there is room, and the gap is told', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'srs-log-'));
  const tank = join(dir, 'srs.log');
  const log = createLogger({ tank, level: 'trace', pid: 1, maxBacklogBytes: 10_000 });
  try {
    limitFiles('4096'); // Writes beyond it fail as on a full disk.
    // Lines of one length, and turns for what is under way: at the end none fits and no write will come to try again.
    for (let i = 0; i < 1_000; i += 1) {
      log.info('line 1000');
      if (i % 10 === 0) await new Promise(setImmediate);
    }
    assert.ok(log.dropped > 500);
  } finally {
    limitFiles('unlimited');
  }
  let text = '';
  for (let tries = 0; tries < 1_000 && !text.includes('were dropped'); tries += 1) {
    log.info('line 1000');
    await new Promise(setImmediate);
    text = await readFile(tank, 'utf8');
  }
  assert.match(text, /the log was too slow: \d+ lines were dropped/);
  await log.close();
  assert.match(await readFile(tank, 'utf8'), /were dropped\n(.*line 1000\n)*$/);
  await rm(dir, { recursive: true });
});

/** The size that no file written by this process may exceed, bytes. */
function limitFiles(size: string): void {
  const { status, stderr } = spawnSync('prlimit', [`--pid=${process.pid}`, `--fsize=${size}:`]);
  assert.equal(status, 0, String(stderr));
}
