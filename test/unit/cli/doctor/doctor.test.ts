import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { doctor, type Checks } from '../../../../src/cli/doctor/index.ts';
import { CHECK_NAMES, type Finding } from '../../../../src/cli/doctor/finding.ts';
import { OLDEST_NODE } from '../../../../src/cli/doctor/node-check.ts';
import { MAX_FINDING_TEXT } from '../../../../src/cli/doctor/report.ts';
import type { Surroundings } from '../../../../src/cli/doctor/surroundings.ts';
import { bytes } from '../../../../src/cli/doctor/units.ts';
import { fakeSurroundings } from './fake-surroundings.ts';

const NONE = Object.fromEntries(
  CHECK_NAMES.map((name) => [name, () => Promise.resolve([])]),
) as unknown as Checks;

async function run(
  checks: Partial<Checks> | undefined,
  options: Partial<Parameters<typeof doctor>[0]> = {},
  around: Surroundings = fakeSurroundings(),
): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const io = { stdout: (text: string) => (out += text), stderr: (text: string) => (err += text) };
  const all = checks === undefined ? undefined : { ...NONE, ...checks };
  const code = await doctor(
    { configFile: undefined, env: { SRS_LISTEN: '1935' }, ...options },
    io,
    around,
    all,
  );
  return { code, out, err };
}

const finding = (level: Finding['level'], what: string, mend?: string): Finding =>
  mend === undefined ? { check: 'ports', level, what } : { check: 'ports', level, what, mend };
const ports = (...findings: readonly Finding[]): Partial<Checks> => ({
  ports: () => Promise.resolve(findings),
});

suite('srs doctor', () => {
  test('groups, aligns and counts', async () => {
    const checks: Partial<Checks> = {
      ...ports(finding('ok', 'a'), finding('warning', 'b', 'do c'), finding('error', 'd')),
      clock: () => Promise.resolve([{ check: 'clock', level: 'note', what: 'e', mend: 'f' }]),
    };
    const { code, out, err } = await run(checks);
    assert.equal(
      out,
      `srs doctor: no file, the environment and the defaults

ports
  ok       a
  warning  b
           -> do c
  error    d

clock
  note     e
           -> f

1 error, 1 warning, 1 note, 1 ok
`,
    );
    assert.equal(code, 1);
    assert.equal(err, '');
  });

  for (const [level, want] of [
    ['ok', 0],
    ['note', 0],
    ['warning', 0],
    ['error', 1],
  ] as const)
    test(`${level}: exit code ${want}`, async () => {
      assert.equal((await run(ports(finding(level, 'x')))).code, want);
    });

  test('colours only where they are wanted', async () => {
    const plain = await run(ports(finding('error', 'x')));
    assert.ok(!plain.out.includes('\u001b'));
    const coloured = await run(ports(finding('error', 'x')), {}, fakeSurroundings({ colours: true }));
    assert.ok(coloured.out.includes('\u001b[31merror  \u001b[0m  x'), JSON.stringify(coloured.out));
  });

  test('text from outside can neither drive the terminal nor forge a line', async () => {
    const evil = ports(finding('ok', '\u001b[2J\nports\n', 'x\r\u0085'), finding('ok', 'y'.repeat(5000)));
    const { out } = await run(evil, { configFile: '/nowhere/\u001b]0;x\u0007' });

    assert.doesNotMatch(out, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    assert.ok(out.includes('  ok       \\x1b[2J\\x0aports\\x0a\n           -> x\\x0d\\x85\n'), out);
    assert.ok(Math.max(...out.split('\n').map((line) => line.length)) < MAX_FINDING_TEXT + 100);
  });

  test('--json', async () => {
    const { code, out } = await run(ports(finding('warning', 'b\n', 'do c'), finding('ok', 'a')), {
      json: true,
    });
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(out), {
      source: 'no file, the environment and the defaults',
      healthy: true,
      counts: { ok: 1, note: 0, warning: 1, error: 0 },
      findings: [
        { check: 'ports', level: 'warning', what: 'b\\x0a', mend: 'do c' },
        { check: 'ports', level: 'ok', what: 'a' },
      ],
    });
  });

  test('a check that fails or hangs is told, the others go on', async () => {
    const hangs: Checks['clock'] = () => new Promise(() => undefined);
    const checks: Partial<Checks> = {
      ...ports(finding('ok', 'a')),
      paths: () => Promise.reject(new Error('broken')),
      limits: () => {
        throw new Error('at once');
      },
      clock: hangs,
    };
    const impatient = fakeSurroundings({
      wait: (_ms, signal) =>
        signal === undefined ? Promise.resolve() : new Promise((resolve) => setImmediate(resolve)),
    });
    const { code, out } = await run(checks, {}, impatient);
    assert.equal(code, 0);
    assert.match(out, /^ {2}warning {2}could not be looked at: .*broken/m);
    assert.match(out, /^ {2}warning {2}could not be looked at: .*at once/m);
    assert.match(out, /^clock\n {2}warning {2}not finished within 15 s: something that it looks at hangs$/m);
    assert.match(out, /^ {2}ok {7}a$/m);
  });

  test('a deadline is taken back once its check has ended', async () => {
    let waiting = 0;
    const counting = fakeSurroundings({
      wait: (_ms, signal) =>
        new Promise((resolve) => {
          waiting += 1;
          signal?.addEventListener('abort', () => {
            waiting -= 1;
            resolve();
          });
        }),
    });
    await run({}, {}, counting);
    assert.equal(waiting, 0);
  });

  test('all checks on a machine in good order: no error, and nothing was done but looking', async () => {
    const around = fakeSurroundings();
    const { code, out } = await run(undefined, {}, around);
    assert.equal(code, 0, out);
    for (const name of CHECK_NAMES) assert.ok(out.includes(`\n\n${name}\n`), `${name} is missing in ${out}`);
    assert.deepEqual([...around.did].toSorted(), [
      'tcp *:1935',
      'tcp ::1:0',
      'tcp :::0',
      'timedatectl show -p NTPSynchronized -p NTP',
    ]);
  });

  test('a file that cannot be used: its problems, and the other checks with the defaults', async () => {
    const { code, out } = await run(undefined, { configFile: '/nowhere/x.conf' });
    assert.equal(code, 1);
    assert.match(
      out,
      /^configuration\n {2}error {4}\/nowhere\/x\.conf: .*\n {2}note {5}all other checks look at the defaults$/m,
    );
    assert.match(out, /listen \*:1935 .*is free/);
  });
});

test('the oldest Node.js is that of package.json', () => {
  const { engines } = JSON.parse(
    readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8'),
  ) as {
    engines: { node: string };
  };
  assert.equal(engines.node, `>=${OLDEST_NODE.join('.')}`);
});

test('bytes for people', () => {
  const cases = {
    '0': '0 B',
    '1023': '1023 B',
    '1536': '1.5 KiB',
    '1073741824': '1 GiB',
    '171966464': '164 MiB',
  };
  for (const [count, want] of Object.entries(cases)) assert.equal(bytes(Number(count)), want);
});
