import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { accepts, Program, requireProgram, run, temporaryFolder, until } from '../support/programs.ts';
import { freePorts, REPOSITORY } from '../support/server-process.ts';

const UNIT = join(REPOSITORY, 'packaging/systemd/srs.service');
/** What systemd-analyze calls "OK"; it counts to 10 = no protection at all, and the option is in tenths. */
const MAX_EXPOSURE = '20';

/** The values of a key, in order; a key may stand several times. */
function valuesOf(unit: string, key: string): string[] {
  return Array.from(unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm')), ([, value = '']) => value);
}

suite('packaging/systemd', () => {
  const folder = temporaryFolder();
  const unit = readFileSync(UNIT, 'utf8');
  const here = join(folder, 'srs.service');
  before(() => {
    requireProgram('/usr/bin/systemd-analyze', 'systemd');
    // systemd-analyze looks whether the programs exist: the server is here, not below /opt.
    writeFileSync(here, unit.replaceAll('/opt/srs/bin/srs', join(REPOSITORY, 'bin/srs')));
  });

  test('the unit has nothing that systemd complains about', async () => {
    const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', here]);
    assert.equal(stdout + stderr, '');
  });

  test('a unit that is wrong would be noticed', async () => {
    const wrong = join(folder, 'wrong.service');
    writeFileSync(wrong, `${readFileSync(here, 'utf8')}\n[Service]\nWatchdogSecs=3\n`);
    const end = await new Program('systemd-analyze', ['verify', '--man=no', wrong]).ended;
    assert.match(end.stderr, /WatchdogSecs/);
  });

  test('it is protected from what the server does not need', async () => {
    const args = ['security', '--offline=yes', `--threshold=${MAX_EXPOSURE}`, '--no-pager', here];
    const { stdout } = await run('systemd-analyze', args);
    assert.match(stdout, /Overall exposure level/);
    // V8 writes machine code to memory and runs it.
    assert.deepEqual(valuesOf(unit, 'MemoryDenyWriteExecute'), []);
  });

  test('readiness and signs of life come from systemd-notify, which is not the main process', () => {
    assert.deepEqual(valuesOf(unit, 'Type'), ['notify']);
    assert.deepEqual(valuesOf(unit, 'NotifyAccess'), ['all']);
    assert.ok(Number(valuesOf(unit, 'WatchdogSec')[0]) >= 10);
    assert.ok(valuesOf(unit, 'RestrictAddressFamilies')[0]?.includes('AF_UNIX'), 'the notify socket');
  });

  test('one server, one pid file: unit, logrotate and init script name the same', () => {
    const [pid = ''] = unit.match(/(?<=^Environment=SRS_PID=).*$/m) ?? [];
    assert.equal(pid, '/run/srs/srs.pid');
    for (const file of ['logrotate/srs', 'init.d/srs']) {
      assert.ok(readFileSync(join(REPOSITORY, 'packaging', file), 'utf8').includes(pid), file);
    }
  });

  test('stopping waits for clients, and cuts off who stays', async () => {
    const [stop = ''] = valuesOf(unit, 'ExecStop');
    const script = /^\/bin\/sh -c '(.+)' sh \$MAINPID$/.exec(stop)?.[1] ?? '';
    assert.match(script, /timeout 30 /);
    // Longer than the wait and the two seconds of a fast end.
    assert.ok(Number(valuesOf(unit, 'TimeoutStopSec')[0]) > 30 + 2);
    assert.deepEqual(valuesOf(unit, 'KillSignal'), ['SIGTERM']);

    const [port = 0] = await freePorts(1);
    const conf = join(folder, 'drain.conf');
    writeFileSync(
      conf,
      `listen 127.0.0.1:${port}; daemon off; srs_log_tank console; pid ${join(folder, 'drain.pid')};
       grace_start_wait 100; grace_final_wait 100; rtmp_handshake_timeout 60s; vhost __defaultVhost__ {}`,
    );
    const server = new Program(process.execPath, [join(REPOSITORY, 'bin/srs'), '-c', conf]);
    await until('it listens', () => accepts(port));
    const client = connect(port, '127.0.0.1');
    client.on('error', () => undefined);
    const stopping = new Program('/bin/sh', [
      '-c',
      script.replace('timeout 30 ', 'timeout 2 '),
      'sh',
      String(server.pid),
    ]);
    assert.equal((await stopping.ended).code, 0);
    assert.ok(server.running, 'the client was waited for');
    assert.equal(await accepts(port), false, 'nobody new is let in');
    const end = await server.stop('SIGTERM');
    assert.equal(end.code, 0, server.output);
    client.destroy();
  });

  test('started as the unit does, it stays in the foreground and owns the pid file that the unit names', async () => {
    const [port = 0] = await freePorts(1);
    const conf = join(folder, 'unit.conf');
    // What SRS files say, or leave to the default: a daemon with a pid file in ./objs.
    writeFileSync(
      conf,
      `listen 127.0.0.1:${port}; disable_daemon_for_docker off; srs_log_tank console; vhost __defaultVhost__ {}`,
    );
    const environment = valuesOf(unit, 'Environment').map((each) => each.replace('/run/srs', folder));
    const [command = '', ...args] = (valuesOf(unit, 'ExecStart')[0] ?? '')
      .replace('/opt/srs', REPOSITORY)
      .replace('/etc/srs/srs.conf', conf)
      .split(' ');
    const server = new Program('/usr/bin/env', [...environment, command, ...args], { cwd: folder });
    await until('it listens', () => {
      assert.ok(server.running, server.output);
      return accepts(port);
    });
    assert.equal(Number(readFileSync(join(folder, 'srs.pid'), 'utf8')), server.pid);
    assert.equal((await server.stop('SIGTERM')).code, 0, server.output);
  });

  test('user, folders and environment are made as the page says', async () => {
    const root = join(folder, 'root');
    mkdirSync(join(root, 'etc'), { recursive: true });
    const file = (name: string): string => join(REPOSITORY, 'packaging/systemd', name);
    await run('systemd-sysusers', [`--root=${root}`, file('srs.sysusers.conf')]);
    assert.match(
      readFileSync(join(root, 'etc/passwd'), 'utf8'),
      /^srs:.*:\/var\/lib\/srs:\/usr\/sbin\/nologin$/m,
    );
    await run('systemd-tmpfiles', ['--create', `--root=${root}`, file('srs.tmpfiles.conf')]);
    assert.ok(readdirSync(join(root, 'var/lib')).includes('srs'));
  });

  test('each example of the environment file is one that the server understands', async () => {
    const text = readFileSync(join(REPOSITORY, 'packaging/systemd/srs.env'), 'utf8');
    const examples = Array.from(text.matchAll(/^# (\w+=\S+)$/gm), ([, example = '']) => example);
    assert.ok(examples.length >= 4, examples.join(' '));
    const end = await new Program('/usr/bin/env', [
      ...examples,
      join(REPOSITORY, 'bin/srs'),
      '-t',
      '-c',
      join(REPOSITORY, 'conf/srs.conf'),
    ]).ended;
    assert.equal(end.code, 0, end.stderr);
    assert.equal(end.stderr, '');
  });
});
