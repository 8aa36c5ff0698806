import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ServerError } from '../../../src/base/errors.ts';
import { main } from '../../../src/cli/main.ts';
import type { CliIo } from '../../../src/cli/main.ts';

const folder = mkdtempSync(join(tmpdir(), 'srs-cli-'));
after(() => rmSync(folder, { recursive: true }));
const good = join(folder, 'good.conf');
const odd = join(folder, 'odd.conf');
const bad = join(folder, 'bad.conf');
writeFileSync(good, 'listen 1935;\n');
writeFileSync(odd, 'listen 1935;\nff_log_level debug;\n');
writeFileSync(bad, 'listen 1935;\nmax_conections 1;\ndaemon {}\n');

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly runs: readonly {
    readonly port: number | undefined;
    readonly file: string | undefined;
    readonly warnings: number;
  }[];
}

async function srs(
  argv: readonly string[],
  end: () => Promise<number> = () => Promise.resolve(0),
): Promise<Outcome> {
  let out = '';
  let err = '';
  const runs: Outcome['runs'][number][] = [];
  const io: CliIo = {
    version: '1.2.3',
    stdout: (text) => (out += text),
    stderr: (text) => (err += text),
    run: ({ configFile, loaded: { config, warnings } }) => {
      runs.push({ port: config.listen[0]?.port, file: configFile, warnings: warnings.length });
      return end();
    },
  };
  const code = await main(argv, io);
  return { code, out, err, runs };
}

for (const flag of ['-v', '-V', '--version']) {
  test(`${flag} prints the version to stderr`, async () => {
    assert.deepEqual(await srs([flag]), { code: 0, out: '', err: '1.2.3\n', runs: [] });
  });
}

for (const flag of ['-g', '-G']) {
  test(`${flag} prints the signature to stderr`, async () => {
    assert.deepEqual(await srs([flag]), { code: 0, out: '', err: 'srs-ts/1.2.3\n', runs: [] });
  });
}

for (const flag of ['-h', '-?', '--help']) {
  test(`${flag} prints the help`, async () => {
    const { code, out, err } = await srs([flag]);
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /Usage: srs -c FILE[^]*--test[^]*Examples:\n {2}srs -c conf\/srs\.conf/);
  });
}

const USAGE: readonly { readonly argv: readonly string[]; readonly err: RegExp }[] = [
  { argv: [], err: /^error: no configuration file is named\n\nUsage: srs/ },
  { argv: ['-t'], err: /^error: no configuration file is named/ },
  { argv: ['-c'], err: /^error: option '-c, --config <file>' argument missing/ },
  { argv: ['-x'], err: /^error: unknown option '-x'/ },
  { argv: ['start'], err: /^error: too many arguments/ },
];

for (const { argv, err } of USAGE) {
  test(`usage error: srs ${argv.join(' ')}`, async () => {
    const outcome = await srs(argv);
    assert.equal(outcome.code, 2);
    assert.match(outcome.err, err);
    assert.deepEqual([outcome.out, outcome.runs], ['', []]);
  });
}

test('-t of a good file', async () => {
  const out = `the config file ${good} syntax is ok\nthe config file ${good} test is successful\n`;
  assert.deepEqual(await srs(['-t', '-c', good]), { code: 0, out, err: '', runs: [] });
  assert.deepEqual(await srs(['-tc', good]), { code: 0, out, err: '', runs: [] });
});

test('-t of an odd file shows its warnings and succeeds', async () => {
  const { code, out, err } = await srs(['-t', '-c', odd]);
  assert.equal(code, 0);
  assert.match(out, /test is successful/);
  assert.match(err, /^warning: .*odd\.conf:2:1: ff_log_level: is accepted/);
});

test('-t of a bad file lists everything on stderr', async () => {
  const { code, out, err, runs } = await srs(['-t', '-c', bad]);
  assert.deepEqual([code, out, runs], [1, '', []]);
  assert.equal(
    err,
    `error: ${bad}:2:1: max_conections: there is no directive 'max_conections' here; did you mean 'max_connections'?\n` +
      `error: ${bad}:3:1: daemon: is not a block; expected 'daemon VALUE;'\n` +
      `the config file ${bad} test failed\n`,
  );
});

test('-c of a bad or missing file starts nothing', async () => {
  const broken = await srs(['-c', bad]);
  assert.deepEqual([broken.code, broken.out, broken.runs], [1, '', []]);
  assert.equal(broken.err.split('\n').length, 3);
  const missing = await srs(['-c', join(folder, 'none')]);
  assert.deepEqual(
    [missing.code, missing.err],
    [1, `error: ${join(folder, 'none')}: there is no such file\n`],
  );
});

test('-c runs the server and ends with its exit code', async () => {
  const outcome = await srs(['-c', odd], () => Promise.resolve(7));
  assert.deepEqual(outcome, { code: 7, out: '', err: '', runs: [{ port: 1935, file: odd, warnings: 1 }] });
});

test('a server that cannot start is told in one line', async () => {
  const failed = new ServerError('LISTEN_FAILED', 'no port', { cause: new Error('EADDRINUSE') });
  const outcome = await srs(['-c', good], () => Promise.reject(failed));
  assert.deepEqual([outcome.code, outcome.err], [1, 'error: LISTEN_FAILED(1003): no port <- EADDRINUSE\n']);
});
