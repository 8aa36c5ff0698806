import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import {
  accepts,
  Program,
  requireProgram,
  run,
  temporaryFolder,
  until,
  type ProgramEnd,
} from '../support/programs.ts';
import { freePorts, REPOSITORY } from '../support/server-process.ts';

const SCRIPT = join(REPOSITORY, 'packaging/init.d/srs');
const ACTIONS = ['start', 'stop', 'restart', 'reload', 'force-reload', 'status', 'logrotate'];

suite('packaging/init.d', () => {
  const folder = temporaryFolder();
  const pidFile = join(folder, 'run/srs.pid');
  const config = join(folder, 'srs.conf');
  const log = join(folder, 'srs.log');
  let port = 0;

  const act = (action: string, more: readonly string[] = []): Promise<ProgramEnd> =>
    new Program('/usr/bin/env', [
      `DAEMON=${process.execPath} ${join(REPOSITORY, 'bin/srs')}`,
      `CONFIG=${config}`,
      `RUN_USER=${process.getuid?.() === 0 ? 'root' : 'nobody'}`,
      `WORK_DIR=${join(folder, 'work')}`,
      `PID_FILE=${pidFile}`,
      `OUTPUT=${join(folder, 'out/console.out')}`,
      `DEFAULTS=${join(folder, 'no-such-file')}`,
      ...more,
      SCRIPT,
      action,
    ]).ended;
  const pid = (): number => Number(readFileSync(pidFile, 'utf8'));
  // The script has its own word about daemon and pid file, whatever the configuration says.
  const configure = (more = '', listen = port): void =>
    writeFileSync(
      config,
      `listen 127.0.0.1:${listen};\ndaemon off;\npid ./other.pid;\nsrs_log_file ${log};\n${more}vhost __defaultVhost__ {}\n`,
    );

  before(async () => {
    [port = 0] = await freePorts(1);
    configure();
  });
  after(() => act('stop'));

  test('shellcheck has nothing to say', async () => {
    await run(requireProgram('/usr/bin/shellcheck', 'shellcheck'), [SCRIPT]);
    assert.match(readFileSync(SCRIPT, 'utf8'), /^#!\/bin\/sh\n/);
    assert.notEqual(statSync(SCRIPT).mode & 0o111, 0);
  });

  test('it has the header that LSB wants, and no variable that the server would read', () => {
    const text = readFileSync(SCRIPT, 'utf8');
    const header = /### BEGIN INIT INFO\n([\s\S]*?)### END INIT INFO/.exec(text)?.[1] ?? '';
    for (const field of ['Provides', 'Required-Start', 'Required-Stop', 'Default-Start', 'Default-Stop'])
      assert.match(header, new RegExp(`^# ${field}: +\\S`, 'm'));
    assert.doesNotMatch(text, /^SRS_\w+=\$\{/m);
  });

  test('an unknown action is told what there is', async () => {
    const end = await act('dance');
    assert.equal(end.code, 2);
    for (const action of ACTIONS) assert.ok(end.stderr.includes(action), action);
  });

  test('start, status, reload, logrotate, restart, stop', async () => {
    assert.equal((await act('status')).code, 3);
    assert.equal((await act('reload')).code, 7);

    const started = await act('start');
    assert.equal(started.code, 0, started.stderr);
    assert.ok(await accepts(port), 'it listens when start is over');
    const first = pid();
    assert.ok(started.stdout.includes(String(first)));
    assert.equal((await act('start')).code, 0, 'starting twice is no error');
    assert.equal(pid(), first);
    const status = await act('status');
    assert.equal(status.code, 0);
    assert.match(status.stdout, new RegExp(`is running, pid ${first}`));

    configure('max_connections 77;\n');
    const reloaded = await act('reload');
    assert.equal(reloaded.code, 0, reloaded.stderr);
    await until('it has reloaded', () => /max_connections/.test(readFileSync(log, 'utf8')));
    assert.equal(pid(), first);
    writeFileSync(config, 'listen 1935;\nmax_connectionz 1;\n');
    const refused = await act('force-reload');
    assert.equal(refused.code, 6);
    assert.match(refused.stderr, /max_connectionz/);
    configure();

    renameSync(log, `${log}.1`);
    assert.equal((await act('logrotate')).code, 0);
    await until('the log is new', () => existsSync(log));

    const restarted = await act('restart');
    assert.equal(restarted.code, 0, restarted.stderr);
    assert.notEqual(pid(), first);
    assert.ok(await accepts(port));

    const stopped = await act('stop');
    assert.equal(stopped.code, 0, stopped.stderr);
    assert.equal(await accepts(port), false);
    assert.equal(existsSync(pidFile), false);
    assert.equal((await act('stop')).code, 0, 'stopping twice is no error');
    assert.equal((await act('status')).code, 3);
  });

  test('stop lets clients leave when it is told to', async () => {
    configure('grace_start_wait 100;\ngrace_final_wait 100;\n');
    assert.equal((await act('start')).code, 0);
    const end = await act('stop', ['DRAIN_WAIT=5']);
    assert.equal(end.code, 0, end.stderr);
    assert.match(end.stdout, /every client had left/);
  });

  test('a start that fails says why', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const taken = (holder.address() as { port: number }).port;
    configure('', taken);
    const end = await act('start');
    holder.close();
    assert.equal(end.code, 1);
    assert.match(end.stderr, new RegExp(`did not start:\n.*${taken}`));
    assert.equal((await act('status')).code, 3);
  });

  test('a pid file that a crash left behind', async () => {
    mkdirSync(join(folder, 'run'), { recursive: true });
    // Above every kernel's limit of pids.
    writeFileSync(pidFile, '99999999\n');
    const status = await act('status');
    assert.equal(status.code, 1, status.stdout);
    configure();
    assert.equal((await act('start')).code, 0);
    assert.equal((await act('stop')).code, 0);
  });

  test('a program that got the number of a server that was killed is left alone', async () => {
    const other = new Program('/bin/sleep', ['60']);
    configure();
    writeFileSync(pidFile, `${other.pid}\n`);
    assert.equal((await act('status')).code, 1);
    assert.equal((await act('reload')).code, 7);
    const stopped = await act('stop');
    assert.equal(stopped.code, 0);
    assert.match(stopped.stdout, /is not running/);
    assert.ok(other.running);
    assert.equal((await act('start')).code, 0);
    assert.notEqual(pid(), other.pid);
    assert.equal((await act('stop')).code, 0);
    assert.ok(other.running);
    await other.stop();
  });
});
