import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { BackEnd, yes } from '../support/back-end.ts';
import { ffmpeg, makeClip, probe, publishFile, record } from '../support/ffmpeg.ts';
import { rtmpdump, waitForStream } from '../support/players.ts';
import { Program, requireProgram, run, temporaryFolder } from '../support/programs.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';

const KEY = 'kQ7-secret-stream-key-93xZ';

suite('clients whose session a back end changes', () => {
  const folder = temporaryFolder();
  const clip = join(folder, 'clip.flv');
  let back: BackEnd;
  let here: ServerProcess;
  let there: ServerProcess;

  before(async () => {
    back = await BackEnd.start();
    back.answer = (call, response, socket) => {
      const { action, stream } = call.body;
      const say = (data: unknown): void => void response.end(JSON.stringify({ code: 0, data }));
      if (action === 'on_publish' && stream === KEY) say({ stream: 'public' });
      else if (stream === 'moved' && String(call.body['tcUrl']).startsWith('http'))
        say({ redirect: `${there.pageUrl}live/public.flv?token=t0ken` });
      else if (stream === 'moved') say({ redirect: `${there.rtmpUrl}/live/public` });
      else if (action === 'on_play' && stream === 'short') say({ stream: 'public', duration: 2 });
      else yes(call, response, socket);
    };
    const events = ['on_publish', 'on_unpublish', 'on_play', 'on_stop'];
    const urls = events.map((event) => `${event} ${back.url(`/${event}`)};`).join(' ');
    const hooks = `http_hooks { enabled on; ${urls} }`;
    here = await startServerProcess({ vhost: () => hooks, top: 'srs_log_level trace;' });
    there = await startServerProcess({ vhost: () => hooks });
    await makeClip(clip, { seconds: 12 });
  });
  after(async () => {
    assert.equal(await here.stop(), 0);
    assert.equal(await there.stop(), 0);
    await back.stop();
    assert.ok(!here.log().includes(KEY), here.log());
    assert.ok(!here.log().includes('t0ken'), here.log());
  });

  test('ffmpeg publishes by its key; ffmpeg, rtmpdump and curl play the public name', async () => {
    const publisher = publishFile(clip, `${here.rtmpUrl}/live/${KEY}`);
    await waitForStream(here, 'public', 'live');
    const files = ['rtmp.flv', 'http.flv', 'dump.flv'].map((name) => join(folder, name));
    const [overRtmp = '', overHttp = '', dumped = ''] = files;
    const [one, two, three] = await Promise.all([
      record(`${here.rtmpUrl}/live/public`, overRtmp, ['-t', '3']).ended,
      record(`${here.pageUrl}live/public.flv`, overHttp, ['-t', '3']).ended,
      rtmpdump(`${here.rtmpUrl}/live/public`, dumped, ['-v', '-B', '3']).ended,
    ]);
    assert.deepEqual([one.code, two.code], [0, 0], `${one.stderr}\n${two.stderr}`);
    assert.ok(three.code === 0 || three.code === 2, three.stderr);
    for (const file of files) assert.ok((await probe(file)).video !== undefined, file);
    const short = await record(`${here.rtmpUrl}/live/short`, join(folder, 'short.flv')).ended;
    assert.ok((await probe(join(folder, 'short.flv'))).video !== undefined, short.stderr);
    assert.match(here.log(), /SESSION_EXPIRED/);
    const end = await publisher.ended;
    assert.equal(end.code, 0, end.stderr);
    await waitForStream(here, 'public', 'gone');
  });

  test('curl and ffmpeg follow the 302 of HTTP', async () => {
    const publisher = publishFile(clip, `${there.rtmpUrl}/live/public`);
    await waitForStream(there, 'public', 'live');
    const url = `${here.pageUrl}live/moved.flv`;
    const curl = requireProgram('/usr/bin/curl', 'curl');
    const head = await run(curl, ['-sS', '-D', '-', '-o', '/dev/null', '--max-time', '5', url]);
    assert.match(head.stdout, /^HTTP\/1\.1 302 /);
    const file = join(folder, 'curl.flv');
    // A live body has no end: curl is cut off by its own deadline, with code 28.
    const followed = await new Program(curl, ['-sSL', '-o', file, '--max-time', '4', url]).ended;
    assert.equal(followed.code, 28, followed.stderr);
    assert.ok((await probe(file)).video !== undefined);
    const played = join(folder, 'followed.flv');
    const player = await ffmpeg(['-i', url, '-t', '2', '-c', 'copy', '-y', played]).ended;
    assert.equal(player.code, 0, player.stderr);
    assert.ok((await probe(played)).video !== undefined);
    await publisher.stop();
  });

  test('ffmpeg and rtmpdump, which follow no redirect of RTMP, end at once and with an error', async () => {
    const url = `${here.rtmpUrl}/live/moved`;
    const began = Date.now();
    const ends = await Promise.all([
      ffmpeg(['-i', url, '-f', 'null', '-']).ended,
      publishFile(clip, url).ended,
      rtmpdump(url, join(folder, 'moved.flv'), ['-v']).ended,
    ]);
    for (const { code, stderr } of ends) assert.notEqual(code, 0, stderr);
    assert.ok(Date.now() - began < 15_000);
    assert.match(here.log(), /ACCESS_REDIRECTED/);
  });
});
