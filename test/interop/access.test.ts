import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, before, test } from 'node:test';
import { Program, requireProgram, temporaryFolder, until } from '../support/programs.ts';
import { REPOSITORY } from '../support/server-process.ts';
import { srsHome, type SrsHome } from '../support/srs-home.ts';

const folder = temporaryFolder();
const CLIP = join(REPOSITORY, 'media/demo.flv');
const FFMPEG = '/usr/bin/ffmpeg';
const CURL = '/usr/bin/curl';

before(() => {
  requireProgram(FFMPEG, 'ffmpeg');
  requireProgram(CURL, 'curl');
});

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

function publish(home: SrsHome, name: string): Program {
  const input = `-v warning -re -stream_loop -1 -i ${CLIP} -c copy -f flv`.split(' ');
  const program = new Program(FFMPEG, [...input, `${home.rtmpUrl}/live/${name}`]);
  undo.push(() => program.stop());
  return program;
}

/** The status of a live body: the first second of it, or the refusal. */
async function status(home: SrsHome, path: string, ...more: readonly string[]): Promise<string> {
  const url = `http://127.0.0.1:${home.ports.http}/${path}`;
  const args = ['-s', '-m', '1', '-o', '/dev/null', '-w', '%{http_code}', ...more, url];
  const { stdout } = await new Program(CURL, args).ended;
  return stdout;
}

async function api(home: SrsHome, path: string, method = 'GET'): Promise<Record<string, unknown>> {
  const response = await fetch(`${home.apiUrl}/api/v1/${path}`, { method });
  return (await response.json()) as Record<string, unknown>;
}

async function isLive(home: SrsHome, name: string): Promise<boolean> {
  const { stream } = (await api(home, `streams/live/${name}`)) as {
    stream?: { publish: { active: boolean } };
  };
  return stream?.publish.active === true;
}

test('ffmpeg and curl meet the rules of a file, a reload changes them, a ban ends ffmpeg and outlasts a restart', async () => {
  const home = await srsHome(folder, 'rules');
  const top = 'srs_log_tank console; auto_reload_for_docker off;';
  home.configure(top, 'security { enabled on; deny publish 127.0.0.1; allow play all; }');
  let server = await home.up();
  undo.push(() => server.stop());
  const refused = await publish(home, 'show').ended;
  assert.notEqual(refused.code, 0);
  assert.match(server.output, /SECURITY_DENIED\(1053\): 127\.0\.0\.1 may not publish/);

  home.configure(top, 'refer { enabled on; play example.com; }');
  process.kill(server.pid, 'SIGHUP');
  await until('the reload', () => Promise.resolve(/vhost\.refer/.test(server.output)));
  const publisher = publish(home, 'show');
  await until('live/show is live', () => isLive(home, 'show'));
  assert.equal(await status(home, 'live/show.flv'), '403');
  assert.equal(await status(home, 'live/show.flv', '-e', 'http://evil-example.com/'), '403');
  assert.equal(await status(home, 'live/show.flv', '-e', 'http://www.example.com/'), '200');
  const play = (...more: readonly string[]): Promise<{ readonly code: number | undefined }> =>
    new Program(FFMPEG, [
      '-v',
      'error',
      ...more,
      '-i',
      `${home.rtmpUrl}/live/show`,
      '-t',
      '1',
      '-f',
      'null',
      '-',
    ]).ended;
  assert.equal((await play('-rtmp_pageurl', 'http://example.com/')).code, 0);
  assert.notEqual((await play()).code, 0);

  const { code, kicked } = await api(home, 'streams/live/show?ban=600', 'DELETE');
  assert.deepEqual([code, kicked], [0, 1]);
  assert.notEqual((await publisher.ended).code, 0);
  assert.notEqual((await publish(home, 'show').ended).code, 0);
  await server.stop('SIGTERM');
  assert.match(
    readFileSync(join(home.folder, 'objs/bans.json'), 'utf8'),
    /"stream": "__defaultVhost__\/live\/show"/,
  );
  server = await home.up();
  assert.notEqual((await publish(home, 'show').ended).code, 0);
  assert.match(server.output, /BANNED\(1111\): this stream is banned/);
  const [ban] = (await api(home, 'bans/'))['bans'] as { id: string }[];
  await api(home, `bans/${ban?.id ?? ''}`, 'DELETE');
  publish(home, 'show');
  await until('live/show is live again', () => isLive(home, 'show'));
});
