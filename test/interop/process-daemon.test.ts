import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, suite, test } from 'node:test';
import { accepts, temporaryFolder, until } from '../support/programs.ts';
import { lives, readIfThere, srsHome } from '../support/srs-home.ts';

/** Also inside a container, where these tests may run. */
const DAEMON = 'daemon on; disable_daemon_for_docker off;';

suite('daemon on', () => {
  const folder = temporaryFolder();
  const started: number[] = [];
  // A daemon outlives who started it, so a test that fails would leave it behind.
  after(() => {
    for (const pid of started) if (lives(pid)) process.kill(pid, 'SIGKILL');
  });

  test('the command returns when everything listens; the server stays, in a session of its own', async () => {
    const home = (await srsHome(folder, 'ready')).configure(DAEMON);
    const end = await home.start().ended;
    assert.equal(end.code, 0, end.stdout + end.stderr);
    assert.equal(end.stdout + end.stderr, '', 'as SRS: nothing to tell');
    assert.equal(await home.answers(), true);
    for (const port of Object.values(home.ports)) assert.equal(await accepts(port as number), true);

    const pid = home.pid();
    assert.ok(pid !== undefined && lives(pid));
    started.push(pid);
    const stat = readIfThere(`/proc/${pid}/stat`);
    const [, parent, group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    assert.deepEqual([group, session], [String(pid), String(pid)]);
    assert.notEqual(parent, String(process.pid));
    const firstLines = new RegExp(`started with .*srs\\.conf, pid ${pid}`);
    await until('its first lines', () => firstLines.test(home.log())); // The log is written behind the start.

    process.kill(pid, 'SIGTERM');
    await until('it ends', () => !lives(pid));
    assert.match(home.log(), /stopped\n$/);
    assert.equal(existsSync(home.pidFile), false);
  });

  test('a start that fails is told by the command, with its exit code, and nothing stays', async () => {
    const home = (await srsHome(folder, 'fails')).configure(DAEMON);
    const holder = createServer().listen(home.ports.http, '127.0.0.1');
    await once(holder, 'listening');
    const end = await home.start().ended;
    holder.close();
    assert.equal(end.code, 1);
    assert.match(end.stderr, new RegExp(`LISTEN_FAILED\\(1003\\): http_server .*${home.ports.http}`));
    assert.equal(existsSync(home.pidFile), false);
    assert.equal(await accepts(home.ports.rtmp), false);
  });

  test('a second start says who holds the pid file and leaves the first alone', async () => {
    const home = (await srsHome(folder, 'second')).configure(DAEMON);
    assert.equal((await home.start().ended).code, 0);
    const pid = home.pid() ?? 0;
    started.push(pid);
    const end = await home.start().ended;
    assert.equal(end.code, 1);
    assert.match(end.stderr, new RegExp(`process ${pid} holds it`));
    assert.equal(await home.answers(), true);
    process.kill(pid, 'SIGTERM');
    await until('it ends', () => !lives(pid));
  });

  const STAYS = [
    {
      name: 'container',
      top: 'daemon on; in_docker on;',
      env: {},
      why: /inside a container \(in_docker on\)/,
    },
    {
      name: 'service-manager',
      top: DAEMON,
      env: { NOTIFY_SOCKET: '/nowhere/notify' },
      why: /the service manager waits for readiness/,
    },
  ] as const;
  for (const { name, top, env, why } of STAYS) {
    test(`it stays in the foreground: ${name}`, async () => {
      const home = (await srsHome(folder, name)).configure(`${top} srs_log_tank console;`);
      const server = await home.up({ env });
      assert.equal(home.pid(), server.pid);
      assert.match(server.output, why);
      assert.doesNotMatch(server.output, /Ctrl-C/, 'what is for a person is not in a log');
      assert.equal((await server.stop('SIGTERM')).code, 0);
    });
  }
});
