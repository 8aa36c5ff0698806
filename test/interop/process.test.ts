import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { makeClip, publishFile, record } from '../support/ffmpeg.ts';
import { curl, waitForStream } from '../support/players.ts';
import { accepts, Program, run, temporaryFolder, until } from '../support/programs.ts';
import { freePorts, REPOSITORY, startServerProcess } from '../support/server-process.ts';

const SRS = join(REPOSITORY, 'bin/srs');
const STOP_MS = 2000;
const PORT_NAMES = ['listen', 'http_server', 'http_api'] as const;

const srs = (args: readonly string[], cwd?: string): Program =>
  new Program(process.execPath, [SRS, ...args], cwd === undefined ? {} : { cwd });

/** The configuration of a server on three ports of 127.0.0.1. */
function configText([rtmp = 0, http = 0, api = 0]: readonly number[], folder: string): string {
  return `listen 127.0.0.1:${rtmp};
daemon off;
pid ${join(folder, `${rtmp}.pid`)};
srs_log_tank console;
http_server { enabled on; listen 127.0.0.1:${http}; }
http_api { enabled on; listen 127.0.0.1:${api}; }
vhost __defaultVhost__ { http_remux { enabled on; mount [vhost]/[app]/[stream].flv; } }
`;
}

async function versions(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/api/v1/versions`)).ok;
  } catch {
    return false;
  }
}

/** Ends a server and says how long that took, ms. */
async function timeStop(program: Program, signal: NodeJS.Signals): Promise<number> {
  const from = performance.now();
  const end = await program.stop(signal);
  const took = performance.now() - from;
  assert.equal(end.code, 0, `${end.signal ?? ''} ${program.output}`);
  return took;
}

suite('the srs process', () => {
  const folder = temporaryFolder();
  const clip = join(folder, 'clip.flv');
  before(() => makeClip(clip, { seconds: 20 }));

  test('-t checks a file and starts nothing', async () => {
    const good = join(folder, 'good.conf');
    writeFileSync(good, configText(await freePorts(3), folder));
    const { stdout, stderr } = await run(process.execPath, [SRS, '-t', '-c', good]);
    assert.match(stdout, /test is successful/);
    assert.equal(stderr, '');

    const bad = join(folder, 'bad.conf');
    writeFileSync(bad, 'listen 1935;\nmax_connectionz 10;\n');
    const end = await srs(['-t', '-c', bad]).ended;
    assert.equal(end.code, 1);
    assert.match(end.stderr, /bad\.conf:2.*max_connectionz/);
  });

  for (const [index, directive] of PORT_NAMES.entries()) {
    test(`the port of ${directive} is taken: told, exit code 1, nothing listens`, async () => {
      const holder = createServer().listen(0, '127.0.0.1');
      await once(holder, 'listening');
      const { port } = holder.address() as { port: number };
      const ports = await freePorts(3);
      ports[index] = port;
      const conf = join(folder, `taken-${directive}.conf`);
      writeFileSync(conf, configText(ports, folder));
      const end = await srs(['-c', conf]).ended;
      holder.close();
      assert.equal(end.code, 1, end.stdout + end.stderr);
      const line = (end.stdout + end.stderr).split('\n').find((text) => text.includes(String(port)));
      assert.ok(line?.includes(directive) && line.includes('127.0.0.1'), end.stdout + end.stderr);
      for (const other of ports) if (other !== port) assert.equal(await accepts(other), false);
    });
  }

  test('the API answers only when everything else listens', async () => {
    const ports = await freePorts(3);
    const [rtmp = 0, http = 0, api = 0] = ports;
    const conf = join(folder, 'order.conf');
    writeFileSync(conf, configText(ports, folder));
    const server = srs(['-c', conf]);
    // The first moment at which the API's port accepts, as near as one can look.
    while (!(await accepts(api))) assert.ok(server.running, server.output);
    const others = await Promise.all([accepts(rtmp), accepts(http)]);
    assert.deepEqual(others, [true, true]);
    await server.stop('SIGTERM');
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} during publish and play ends it within ${STOP_MS} ms`, async () => {
      const server = await startServerProcess();
      const url = `${server.rtmpUrl}/live/busy`;
      const publisher = publishFile(clip, url);
      await waitForStream(server, 'busy', 'live');
      const players = [
        record(url, join(folder, `${signal}-rtmp.flv`)),
        curl(`${server.pageUrl}live/busy.flv`, join(folder, `${signal}-http.flv`)),
      ];
      await until('the players play', async () => {
        const answer = await fetch(`${server.apiUrl}/api/v1/streams/`).then((response) => response.text());
        return answer.includes('"clients":3');
      });
      const from = performance.now();
      process.kill(server.pid, signal);
      const code = await server.exited;
      const took = performance.now() - from;
      assert.equal(code, 0, server.log());
      assert.ok(took < STOP_MS, `${signal} took ${took} ms`);
      assert.doesNotMatch(server.log(), /not everything closed/);
      await server.stop();
      // Whoever was connected is told by the end of the connection, and ends.
      for (const program of [publisher, ...players]) {
        const end = await program.ended;
        assert.equal(end.timedOut, false);
      }
    });
  }

  test('it runs through a symlink from another folder', async () => {
    const elsewhere = join(folder, 'elsewhere');
    mkdirSync(elsewhere);
    symlinkSync(SRS, join(elsewhere, 'linked-srs'));
    const ports = await freePorts(3);
    writeFileSync(join(elsewhere, 'here.conf'), configText(ports, folder));
    // By its first line, as a shell would start it.
    const server = new Program('./linked-srs', ['-c', 'here.conf'], { cwd: elsewhere });
    await until('the API answers', () => {
      assert.ok(server.running, server.output);
      return versions(ports[2] ?? 0);
    });
    assert.ok((await timeStop(server, 'SIGINT')) < STOP_MS);
  });
});
