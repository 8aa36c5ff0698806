import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { makeClip, publishFile, record } from '../support/ffmpeg.ts';
import { accepts, Program, temporaryFolder, until } from '../support/programs.ts';
import { lives, srsHome, SRS, type SrsHome } from '../support/srs-home.ts';

const GRACE = 'srs_log_tank console; grace_start_wait 400; grace_final_wait 300;';

interface Busy {
  readonly home: SrsHome;
  readonly server: Program;
  readonly publisher: Program;
  readonly player: Program;
}

suite('how it ends', () => {
  const folder = temporaryFolder();
  const clip = join(folder, 'clip.flv');
  before(() => makeClip(clip, { seconds: 8 }));

  /** A server with a publisher and a player. */
  async function busy(name: string, top: string): Promise<Busy> {
    const home = (await srsHome(folder, name)).configure(top);
    const server = await home.up();
    const url = `${home.rtmpUrl}/live/busy`;
    const publisher = publishFile(clip, url);
    const streams = async (): Promise<string> => (await fetch(`${home.apiUrl}/api/v1/streams/`)).text();
    await until('the publisher', async () => (await streams()).includes('"active":true'));
    const player = record(`http://127.0.0.1:${home.ports.http}/live/busy.flv`, join(home.folder, 'got.flv'));
    await until('the player', async () => (await streams()).includes('"clients":2'));
    return { home, server, publisher, player };
  }

  test('SIGQUIT: listeners close after the wait, publisher and player go on to their own end', async () => {
    const { home, server, publisher, player } = await busy('graceful', GRACE);
    const from = performance.now();
    process.kill(server.pid, 'SIGQUIT');
    await until('the log tells', () => server.output.includes('stopping gracefully: SIGQUIT'));
    assert.equal(await accepts(home.ports.rtmp), true, 'load balancers have the time to learn');
    await until('nobody listens', async () => !(await accepts(home.ports.rtmp)));
    assert.ok(performance.now() - from >= 400);
    assert.equal(await accepts(home.ports.http), false);
    assert.equal(await accepts(home.ports.api), false);
    assert.ok(server.running && publisher.running && player.running);

    // Another SIGQUIT changes nothing, and neither does a reload.
    process.kill(server.pid, 'SIGQUIT');
    process.kill(server.pid, 'SIGHUP');
    await until('the refusal', () => /SIGHUP: the server is ending/.test(server.output));
    assert.equal((await publisher.ended).code, 0, 'the whole clip was taken');
    const played = await player.ended;
    assert.equal(played.code, 0, played.stderr);
    const end = await server.ended;
    assert.equal(end.code, 0, end.stdout + end.stderr);
    assert.match(end.stdout, /0 connections and 0 live streams left, the last wait is 300 ms/);
    assert.match(end.stdout, /stopped\n$/);
    assert.equal(existsSync(home.pidFile), false);
  });

  test('SIGTERM during a graceful end makes it a fast one', async () => {
    const { server, publisher, player } = await busy('hastened', GRACE);
    process.kill(server.pid, 'SIGQUIT');
    await until('it drains', () => server.output.includes('accepting no more'));
    const from = performance.now();
    const end = await server.stop('SIGTERM');
    assert.equal(end.code, 0);
    assert.ok(performance.now() - from < 2000);
    assert.match(end.stdout, /stopping: SIGTERM/);
    await Promise.all([publisher.ended, player.ended]);
  });

  test('grace_drain_timeout: clients who stay are cut off, and the end is a proper one', async () => {
    const { home, server, publisher, player } = await busy('bounded', `${GRACE} grace_drain_timeout 500;`);
    process.kill(server.pid, 'SIGQUIT');
    const end = await server.ended;
    assert.equal(end.code, 0);
    assert.match(end.stdout, /left after 500 ms \(grace_drain_timeout\), cut off/);
    assert.match(end.stdout, /stopped\n$/);
    assert.doesNotMatch(end.stdout, /the last wait is/);
    assert.equal(existsSync(home.pidFile), false);
    await Promise.all([publisher.ended, player.ended]);
  });

  test('force_grace_quit: the first SIGTERM drains, the second ends', async () => {
    const { server, publisher, player } = await busy('forced', `${GRACE} force_grace_quit on;`);
    process.kill(server.pid, 'SIGTERM');
    await until('it drains', () => server.output.includes('accepting no more'));
    assert.ok(server.running && publisher.running);
    const end = await server.stop('SIGTERM');
    assert.equal(end.code, 0);
    assert.match(end.stdout, /stopping gracefully: SIGTERM with force_grace_quit/);
    await Promise.all([publisher.ended, player.ended]);
  });

  test('SIGUSR2 and SIGPIPE end nothing', async () => {
    const home = (await srsHome(folder, 'ignored')).configure(GRACE);
    const server = await home.up();
    process.kill(server.pid, 'SIGPIPE');
    process.kill(server.pid, 'SIGUSR2');
    await until('the log tells', () => server.output.includes('SIGUSR2 is reserved'));
    assert.equal(await home.answers(), true);
    assert.equal((await server.stop('SIGTERM')).code, 0);
  });

  test('asprocess: it ends when its parent does', async () => {
    const home = (await srsHome(folder, 'asprocess')).configure(`${GRACE} asprocess on;`);
    // The shell is the parent and waits; `exec` would make it the server itself.
    const shell = new Program('/bin/sh', ['-c', `"${process.execPath}" "${SRS}" -c "${home.conf}" & wait`], {
      cwd: home.folder,
    });
    await until('it answers', () => home.answers());
    const pid = home.pid() ?? 0;
    after(() => {
      if (lives(pid)) process.kill(pid, 'SIGKILL');
    });
    process.kill(shell.pid, 'SIGKILL');
    const end = await shell.ended; // Its output stays open until the server has ended too.
    assert.match(end.stdout, /stopping: asprocess: the parent process was \d+ and is \d+/);
    assert.match(end.stdout, /stopped\n$/);
    assert.equal(lives(pid), false);
    assert.equal(existsSync(home.pidFile), false);
  });

  test('max_connections above the limit of open files: told what to raise, exit code 1', async () => {
    const home = await srsHome(folder, 'files');
    const start = (max: number): Program => {
      home.configure(`srs_log_tank console; max_connections ${max};`);
      return new Program(
        '/bin/sh',
        ['-c', `ulimit -n 200; exec "${process.execPath}" "${SRS}" -c "${home.conf}"`],
        { cwd: home.folder },
      );
    };
    const refused = await start(1000).ended;
    assert.equal(refused.code, 1);
    assert.match(
      refused.stdout,
      /OPEN_FILES_LIMIT\(1023\): max_connections 1000 needs about 1043 open files, the limit is 200: .*ulimit -n 1043.*LimitNOFILE=1043.*--ulimit nofile=1043/,
    );
    assert.equal(existsSync(home.pidFile), false);
    const server = start(100);
    await until('it answers', () => home.answers());
    assert.equal((await server.stop('SIGTERM')).code, 0);
  });
});
