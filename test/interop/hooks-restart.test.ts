import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, before, suite, test } from 'node:test';
import { BackEnd } from '../support/back-end.ts';
import { makeClip, publishFile } from '../support/ffmpeg.ts';
import { Program, temporaryFolder, until } from '../support/programs.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';

const EVENTS = ['on_connect', 'on_close', 'on_publish', 'on_unpublish', 'on_play', 'on_stop', 'on_dvr'];
const dir = temporaryFolder();
const undo: (() => unknown)[] = [];
let clip: string;

before(async () => {
  clip = await makeClip(join(dir, 'clip.flv'), { seconds: 30 });
});

afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

async function start(back: BackEnd, spool: string): Promise<ServerProcess> {
  const urls = EVENTS.map((event) => `${event} ${back.url(`/${event}`)};`).join(' ');
  const server = await startServerProcess({
    top: `http_hooks_spool ${join(dir, spool)}; srs_log_level info;`,
    vhost: () =>
      `http_hooks { enabled on; ${urls} } dvr { enabled on; dvr_path ${dir}/rec/[stream]-[timestamp].flv; }`,
  });
  undo.push(() => server.stop());
  return server;
}

function play(server: ServerProcess): void {
  const url = `http://127.0.0.1:${server.ports.http}/live/show.flv`;
  const viewer = new Program('curl', ['-sS', '-o', '/dev/null', url], { deadlineMs: 60_000 });
  undo.push(() => viewer.stop());
}

/** A second of the stream has come. */
async function media(server: ServerProcess): Promise<void> {
  await until('the stream', async () => {
    const answer = await fetch(`${server.apiUrl}/api/v1/streams/`);
    const { streams } = (await answer.json()) as { streams: { frames: number }[] };
    return (streams[0]?.frames ?? 0) > 50;
  });
}

suite('callbacks and the end of a server', () => {
  test('after kill -9 the next server tells the ends of all that were inside, each once and with its number', async () => {
    const back = await BackEnd.start();
    undo.push(() => back.stop());
    const one = await start(back, 'killed.spool');
    const encoder = publishFile(clip, `${one.rtmpUrl}/live/show?key=k`);
    undo.push(() => encoder.stop());
    const publisher = await back.call('on_publish');
    await media(one);
    play(one);
    const viewer = await back.call('on_play');
    await until('the file', () => existsSync(join(dir, 'killed.spool')));
    assert.equal(statSync(join(dir, 'killed.spool')).mode & 0o777, 0o600);
    // The API answers after what was granted before has been written.
    await fetch(`${one.apiUrl}/api/v1/clients/`);
    process.kill(one.pid, 'SIGKILL');
    await one.exited;
    assert.deepEqual(
      back.actions.filter((action) => /unpublish|stop|close/.test(String(action))),
      [],
    );
    await start(back, 'killed.spool');
    const close = await back.call('on_close');
    const unpublish = await back.call('on_unpublish');
    const stop = await back.call('on_stop');
    assert.equal(unpublish.body['client_id'], publisher.body['client_id']);
    assert.equal(unpublish.body['param'], '?key=k');
    assert.equal(stop.body['client_id'], viewer.body['client_id']);
    const told = [unpublish, close, stop];
    assert.deepEqual(
      told.map(({ body }) => body['reason']),
      Array(3).fill('server_crash'),
    );
    assert.deepEqual(
      told.map(({ headers }) => headers['x-srs-sequence']),
      ['3', '4', '2'],
    );
    await until(
      'that nothing is left',
      () => back.actions.filter((action) => /unpublish|stop|close/.test(String(action))).length === 3,
    );
  });

  test('a back end that is away while the server ends hears of it after both are back', async () => {
    const back = await BackEnd.start();
    undo.push(() => back.stop());
    const one = await start(back, 'away.spool');
    const encoder = publishFile(clip, `${one.rtmpUrl}/live/show`);
    undo.push(() => encoder.stop());
    await back.call('on_publish');
    await media(one);
    await back.die();
    assert.equal(await one.stop(), 0);
    await back.revive();
    const two = await start(back, 'away.spool');
    await until(
      'all three',
      () => back.of('on_close').length + back.of('on_unpublish').length + back.of('on_dvr').length >= 3,
    );
    const ends = back.actions.filter((action) => action === 'on_unpublish' || action === 'on_close');
    assert.deepEqual(ends, ['on_unpublish', 'on_close']);
    assert.equal(back.of('on_close')[0]?.body['reason'], undefined);
    assert.match(String(back.of('on_dvr')[0]?.body['file']), /rec\/show-\d+\.flv$/);
    assert.equal(await two.stop(), 0);
    assert.equal(existsSync(join(dir, 'away.spool')), false);
  });
});
