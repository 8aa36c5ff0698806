import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ServerError } from '../../../src/base/errors.ts';
import type { CliIo } from '../../../src/cli/io.ts';
import { main } from '../../../src/cli/main.ts';
import type { RunContext } from '../../../src/server/run-context.ts';

const folder = mkdtempSync(join(tmpdir(), 'srs-cli-'));
after(() => rmSync(folder, { recursive: true }));
const good = join(folder, 'good.conf');
const odd = join(folder, 'odd.conf');
const bad = join(folder, 'bad.conf');
const other = join(folder, 'other.conf');
writeFileSync(good, 'listen 1935;\n');
writeFileSync(odd, 'listen 1935;\nff_log_level debug;\n');
writeFileSync(bad, 'listen 1935;\nmax_conections 1;\ndaemon {}\n');
writeFileSync(other, 'listen 1936;\ndaemon off;\n');

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

interface World {
  readonly env?: CliIo['env'];
  readonly run?: (context: RunContext) => Promise<number>;
  readonly openFileLimit?: number;
}

async function srs(
  argv: readonly string[],
  { env = {}, run, openFileLimit = 20_000 }: World = {},
): Promise<Outcome> {
  let out = '';
  let err = '';
  const runs: Outcome['runs'][number][] = [];
  const io: CliIo = {
    version: '1.2.3',
    env,
    openFileLimit,
    stdout: (text) => (out += text),
    stderr: (text) => (err += text),
    run: (context) => {
      const { config, warnings } = context.loaded;
      runs.push({ port: config.listen[0]?.port, file: context.configFile, warnings: warnings.length });
      return run?.(context) ?? Promise.resolve(0);
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
    assert.match(
      out,
      /Usage: srs \[-t\] -c FILE[^]*--test[^]*config[^]*doctor[^]*Examples:\n {2}srs -c conf\/srs\.conf/,
    );
  });
}

for (const argv of [
  ['config', 'show', '-h'],
  ['config', '--help'],
  ['help', 'config'],
  ['doctor', '-h'],
]) {
  test(`srs ${argv.join(' ')} prints help`, async () => {
    const { code, out, err } = await srs(argv);
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /^Usage: srs (config|doctor)/);
  });
}

const USAGE: readonly { readonly argv: readonly string[]; readonly err: RegExp }[] = [
  { argv: [], err: /^error: no configuration file is named\n\nUsage: srs/ },
  { argv: ['-t'], err: /^error: no configuration file is named/ },
  { argv: ['-c'], err: /^error: option '-c, --config <file>' argument missing/ },
  { argv: ['-x'], err: /^error: unknown option '-x'/ },
  {
    argv: ['start'],
    err: /^error: unknown command 'start'; expected config, doctor or sign, or -c before a file\n\nUsage/,
  },
  { argv: ['-c', good, 'extra'], err: /^error: unknown command 'extra'/ },
  { argv: ['doctor', 'extra'], err: /^error: too many arguments/ },
  { argv: ['config'], err: /^Usage: srs config/ },
  { argv: ['config', 'sho'], err: /^error: unknown command 'sho'/ },
  { argv: ['config', 'show'], err: /^error: no configuration file is named\n\nUsage: srs config show/ },
  { argv: ['config', 'diff', 'a'], err: /^error: missing required argument 'B'/ },
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

test('-t tells when this machine allows too few open files, and whether a start would be refused', async () => {
  const told = async (openFileLimit: number): Promise<string> => {
    const { code, out, err } = await srs(['-t', '-c', good], { openFileLimit });
    assert.equal(code, 0);
    assert.match(out, /test is successful/);
    return err;
  };
  assert.equal(await told(1041), '');
  const needs = 'warning: max_connections 1000 needs about 1041 open files, the limit is';
  assert.match(await told(1040), new RegExp(`^${needs} 1040: raise it to at least 1041 .*\n$`));
  assert.match(
    await told(1005),
    new RegExp(`^${needs} 1005; a start on this machine would be refused: raise it .*\n$`),
  );
});

for (const argv of [
  ['-c', 'a.conf'],
  ['-t', '-c', 'a.conf'],
  ['-e'],
  ['config', 'show', '-c', 'a.conf'],
  ['config', 'diff', 'a.conf', 'b.conf'],
  ['doctor'],
]) {
  test(`in a folder that was removed: srs ${argv.join(' ')} says so`, async () => {
    const gone = mkdtempSync(join(tmpdir(), 'srs-cli-gone-'));
    const before = process.cwd();
    process.chdir(gone);
    rmSync(gone, { recursive: true });
    try {
      const { code, out, err, runs } = await srs(argv);
      assert.deepEqual([code, out, runs], [argv[1] === 'diff' ? 2 : 1, '', []]);
      assert.match(err, /^error: WORK_DIR_FAILED\(1023\): the folder that srs was started in is gone; /);
    } finally {
      process.chdir(before);
    }
  });
}

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

test('-t of a file with errors tells its warnings as well, before them', async () => {
  const both = join(folder, 'both.conf');
  writeFileSync(both, 'listen 1935;\nff_log_level debug;\nmax_conections 1;\n');
  const { code, out, err } = await srs(['-t', '-c', both]);
  assert.deepEqual([code, out], [1, '']);
  const lines = err.split('\n');
  assert.match(lines[0] ?? '', /^warning: .*both\.conf:2:1: ff_log_level: is accepted/);
  assert.match(lines[1] ?? '', /^error: .*both\.conf:3:1: max_conections: there is no directive/);
  assert.equal(lines[2], `the config file ${both} test failed`);
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
  const outcome = await srs(['-c', odd], { run: () => Promise.resolve(7) });
  assert.deepEqual(outcome, { code: 7, out: '', err: '', runs: [{ port: 1935, file: odd, warnings: 1 }] });
});

test('a server that cannot start is told in one line', async () => {
  const failed = new ServerError('LISTEN_FAILED', 'no port', { cause: new Error('EADDRINUSE') });
  const outcome = await srs(['-c', good], { run: () => Promise.reject(failed) });
  assert.deepEqual([outcome.code, outcome.err], [1, 'error: LISTEN_FAILED(1003): no port <- EADDRINUSE\n']);
});

test('variables override the file, and bad ones start nothing', async () => {
  const { runs } = await srs(['-c', good], { env: { SRS_LISTEN: '1999' } });
  assert.equal(runs[0]?.port, 1999);
  const bad = await srs(['-c', good], { env: { SRS_LISTEN: 'x' } });
  assert.deepEqual([bad.code, bad.runs], [1, []]);
  assert.match(bad.err, /^error: environment SRS_LISTEN: listen: 'x' is not a port/);
  const tested = await srs(['-t', '-c', good], { env: { SRS_LISTENN: '1' } });
  assert.match(tested.err, /^warning: environment SRS_LISTENN: .*did you mean 'SRS_LISTEN'/);
});

const WITHOUT_FILE: readonly {
  readonly argv: readonly string[];
  readonly env: CliIo['env'];
  readonly err: string;
}[] = [
  { argv: ['-e'], env: {}, err: '' },
  { argv: ['--environment'], env: { SRS_CONFIG_FILE: other }, err: '' },
  { argv: [], env: { SRS_ENV_ONLY: 'on' }, err: '' },
  { argv: ['-e', '-c', other], env: {}, err: `warning: ${other} is not read: -e says so\n` },
  {
    argv: ['-c', other],
    env: { SRS_ENV_ONLY: 'on' },
    err: `warning: ${other} is not read: SRS_ENV_ONLY says so\n`,
  },
];

for (const { argv, env, err } of WITHOUT_FILE) {
  test(`no file is read: ${JSON.stringify(env)} srs ${argv.map((word) => word.replace(folder, '…')).join(' ')}`, async () => {
    const outcome = await srs(argv, { env: { ...env, SRS_MAX_CONNECTIONS: '7' } });
    assert.deepEqual([outcome.code, outcome.err], [0, err]);
    assert.deepEqual(outcome.runs, [{ port: 1935, file: undefined, warnings: 0 }]);
  });
}

test('-t -e tests the variables', async () => {
  const outcome = await srs(['-t', '-e'], { env: { SRS_LISTEN: '1' } });
  const out = 'the environment syntax is ok\nthe environment test is successful\n';
  assert.deepEqual(outcome, { code: 0, out, err: '', runs: [] });
  const bad = await srs(['-te'], { env: { SRS_LISTEN: '', SRS_PITHY_PRINT_MS: '0' } });
  assert.equal(bad.code, 1);
  assert.match(bad.err, /^error: environment SRS_PITHY_PRINT_MS: .*\nthe environment test failed\n$/);
});

test('SRS_CONFIG_FILE names the file, also when -c does', async () => {
  assert.equal((await srs([], { env: { SRS_CONFIG_FILE: other } })).runs[0]?.port, 1936);
  const both = await srs(['-c', good], { env: { SRS_CONFIG_FILE: other } });
  assert.deepEqual(
    [both.runs[0]?.port, both.err],
    [1936, `warning: ${good} is not read: SRS_CONFIG_FILE names ${other}\n`],
  );
  assert.equal((await srs(['-c', other], { env: { SRS_CONFIG_FILE: other } })).err, '');
  assert.equal((await srs([], { env: { SRS_CONFIG_FILE: '' } })).code, 2);
  assert.equal((await srs(['-c', good], { env: { SRS_ENV_ONLY: 'off' } })).runs[0]?.file, good);
});

test('a reload reads the same file with the same variables, wherever the process is by then', async () => {
  const file = 'relative.conf';
  writeFileSync(join(folder, file), 'listen 1;\n');
  const before = process.cwd();
  process.chdir(folder);
  try {
    const outcome = await srs(['-c', file], {
      env: { SRS_PID: '/run/x.pid' },
      run: (context) => {
        process.chdir(before);
        writeFileSync(join(folder, file), 'listen 2;\n');
        const { config, files } = context.reload();
        assert.deepEqual([config.listen[0]?.port, config.pid], [2, '/run/x.pid']);
        assert.deepEqual(files, context.loaded.files);
        assert.match(files[0] ?? '', /^\/.*relative\.conf$/);
        writeFileSync(join(folder, file), 'listen x;\n');
        assert.throws(() => context.reload(), /^ServerError: relative\.conf:1:8: listen/);
        return Promise.resolve(0);
      },
    });
    assert.deepEqual([outcome.code, outcome.err], [0, '']); // Else an assertion above has failed.
  } finally {
    process.chdir(before);
  }
  const alone = await srs(['-e'], {
    env: { SRS_LISTEN: '3' },
    run: (context) => {
      assert.equal(context.reload().config.listen[0]?.port, 3);
      return Promise.resolve(0);
    },
  });
  assert.deepEqual([alone.code, alone.err], [0, '']);
});

test('config show prints the configuration in force', async () => {
  const all = await srs(['config', 'show', '-c', other], { env: { SRS_PID: '/x' } });
  assert.deepEqual([all.code, all.err], [0, '']);
  assert.match(all.out, /^listen 1936; +# .*other\.conf:1\nmax_connections 1000; +# default\n/);
  assert.match(all.out, /^pid \/x; +# environment SRS_PID$/m);
  const changed = await srs(['config', 'show', '--changed', '-c', other]);
  assert.deepEqual(
    changed.out.split('\n').map((line) => line.replace(/ *#.*/, '')),
    ['listen 1936;', 'daemon off;', ''],
  );
  const json = await srs(['-c', other, 'config', 'show', '--changed', '--json']);
  assert.deepEqual(JSON.parse(json.out), {
    listen: ['1936'],
    daemon: false,
    $sources: { listen: `${other}:1`, daemon: `${other}:2` },
  });
  const none = await srs(['config', 'show', '-e', '--changed']);
  assert.match(none.out, /^daemon off; +# environment only$/m);
  const broken = await srs(['config', 'show', '-c', bad]);
  assert.deepEqual([broken.code, broken.out], [1, '']);
  assert.match((await srs(['config', 'show', '-c', odd])).err, /^warning: .*odd\.conf:2:1/);
});

test('config diff compares two files with the variables of the environment', async () => {
  const differ = await srs(['config', 'diff', good, other]);
  assert.equal(differ.code, 1);
  assert.match(differ.out, /listen: .*1935 -> .*1936/);
  const same = await srs(['config', 'diff', good, other], { env: { SRS_LISTEN: '1', SRS_DAEMON: 'on' } });
  assert.equal(same.code, 0);
  assert.equal((await srs(['config', 'diff', good, bad])).code, 2);
});

test('config schema prints the file in the repository', async () => {
  const { code, out } = await srs(['config', 'schema']);
  const file = new URL('../../../conf/srs.schema.json', import.meta.url);
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(out), JSON.parse(readFileSync(file, 'utf8')));
});

test('doctor looks at the configuration that a start would read', async () => {
  const sourceOf = async (argv: readonly string[], env: CliIo['env']): Promise<string> => {
    const { out } = await srs(['doctor', '--json', ...argv], { env });
    return (JSON.parse(out) as { source: string }).source;
  };
  assert.equal(await sourceOf([], { SRS_CONFIG_FILE: other }), other);
  assert.equal(await sourceOf(['-c', good], { SRS_CONFIG_FILE: other }), other);
  const alone = 'no file, the environment and the defaults';
  assert.equal(await sourceOf([], { SRS_CONFIG_FILE: other, SRS_ENV_ONLY: 'on' }), alone);
  assert.equal(await sourceOf(['-e', '-c', good], {}), alone);
  assert.equal(await sourceOf([], {}), alone);
});

test('doctor looks at the machine with the file', async () => {
  const { code, out } = await srs(['doctor', '--json', '-c', bad]);
  assert.equal(code, 1); // The file cannot be used.
  assert.ok(out.includes('max_conections'));
  assert.equal(typeof JSON.parse(out), 'object');
});
