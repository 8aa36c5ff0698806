import assert from 'node:assert/strict';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { BackEnd } from '../support/back-end.ts';
import { openBrowser } from '../support/browser.ts';
import { assertDecodes, ffmpeg, makeClip, probe, publishFile } from '../support/ffmpeg.ts';
import { Program, requireProgram, temporaryFolder, until } from '../support/programs.ts';
import { ReloadServer } from '../support/reload-server.ts';
import { REPOSITORY } from '../support/server-process.ts';

const SECONDS = 90;
const GSTREAMER =
  'gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad';
const VHOSTS = ['plain.example', 'noctx.example', 'll.example'];

/** A page that plays what its address says with the real libraries. */
const PAGE = `<!doctype html><video id=v muted></video><script src=/hls.js></script><script src=/dash.js></script><script>
  const [kind, url] = decodeURIComponent(location.hash.slice(1)).split(' ');
  const video = document.getElementById('v');
  globalThis.fatal = '';
  if (kind === 'hls') {
    const player = new Hls();
    player.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) globalThis.fatal = data.details; });
    player.loadSource(url);
    player.attachMedia(video);
    video.play();
  } else {
    const player = dashjs.MediaPlayer().create();
    player.on('error', ({ error }) => { globalThis.fatal = String(error.code); });
    player.initialize(video, url, true);
  }
</script>`;

suite('a stream that needs a token plays in', () => {
  const folder = temporaryFolder();
  const backEnd: { now?: BackEnd } = {};
  let server: ReloadServer;
  let publishers: readonly Program[] = [];

  before(async () => {
    const made = await BackEnd.start();
    backEnd.now = made;
    made.answer = ({ body }, response) => {
      const may = body['action'] !== 'on_play' || String(body['param']).includes('token=good');
      response.end(may ? '0' : '1');
    };
    const vhost = (name: string, hls: string): string => `vhost ${name} {
      http_hooks { enabled on; on_play ${made.url('/play')}; on_stop ${made.url('/stop')}; }
      hls { enabled on; hls_path ${folder}; hls_fragment 1; hls_window 8; ${hls}
        hls_m3u8_file [vhost]/[stream].m3u8; hls_ts_file [vhost]/[stream]-[seq].ts;
        hls_fmp4_file [vhost]/[stream]-[seq].m4s; hls_init_file [vhost]/[stream]-[seq]-init.mp4; }
      dash { enabled on; dash_path ${folder}; dash_fragment 1; dash_mpd_file [vhost]/[stream].mpd; } }`;
    server = await ReloadServer.start(`
      listen 127.0.0.1:0; max_connections 200;
      http_server { enabled on; listen 127.0.0.1:0; dir ${folder}; page off; }
      ${vhost('plain.example', '')} ${vhost('noctx.example', 'hls_ctx off;')}
      ${vhost('ll.example', 'hls_ll on; hls_ll_part 200ms;')}`);
    await copyFile(join(REPOSITORY, 'node_modules/hls.js/dist/hls.min.js'), join(folder, 'hls.js'));
    await copyFile(
      join(REPOSITORY, 'node_modules/dashjs/dist/modern/umd/dash.all.min.js'),
      join(folder, 'dash.js'),
    );
    await writeFile(join(folder, 'player.html'), PAGE);
    const clip = await makeClip(join(folder, 'clip.flv'), { seconds: SECONDS });
    publishers = VHOSTS.map((name) =>
      publishFile(clip, `rtmp://127.0.0.1:${server.rtmpPort}/live?vhost=${name}/show`),
    );
    for (const name of VHOSTS) {
      for (const file of ['show.m3u8', 'show.mpd'])
        await until(`${name}/${file}`, async () => (await fetch(urlOf(name, file))).ok, 30_000);
    }
  });
  after(async () => {
    await Promise.all(publishers.map((publisher) => publisher.stop()));
    await server.stop();
    await backEnd.now?.stop();
  });

  const urlOf = (vhost: string, file: string, query = 'token=good'): string =>
    `http://127.0.0.1:${server.httpPort}/${vhost}/${file}?${query}`;
  const viewersOf = (vhost: string): number =>
    server.server.hub.find({ vhost, app: 'live', stream: 'show' })?.snapshot().viewers ?? -1;

  for (const { vhost, file } of [
    { vhost: 'plain.example', file: 'show.m3u8' },
    { vhost: 'noctx.example', file: 'show.m3u8' },
    { vhost: 'll.example', file: 'show.m3u8' },
    { vhost: 'plain.example', file: 'show.mpd' },
  ]) {
    test(`ffmpeg: ${vhost}/${file}`, async () => {
      const refused = await ffmpeg(['-i', urlOf(vhost, file, 'token=bad'), '-f', 'null', '-']).ended;
      assert.match(refused.stderr, /403/);
      const taken = join(folder, `${vhost}-${file}.flv`);
      const end = await ffmpeg(['-t', '6', '-i', urlOf(vhost, file), '-c', 'copy', '-y', taken]).ended;
      assert.equal(end.code, 0, end.stderr);
      await assertDecodes(taken);
      const media = await probe(taken);
      assert.ok((media.video?.packets.length ?? 0) > 120, `${media.video?.packets.length} pictures in 6 s`);
      assert.ok((media.audio?.packets.length ?? 0) > 200);
    });
  }

  for (const { file, demuxer } of [
    { file: 'show.m3u8', demuxer: 'hlsdemux' },
    { file: 'show.mpd', demuxer: 'dashdemux' },
  ]) {
    test(`GStreamer: ${file}`, async () => {
      const program = requireProgram('/usr/bin/gst-launch-1.0', GSTREAMER);
      const counted = ['identity', 'error-after=300', '!', 'fakesink', 'sync=false'];
      const source = [
        'souphttpsrc',
        `location=${urlOf('ll.example', file)}`,
        '!',
        demuxer,
        '!',
        'decodebin',
        '!',
      ];
      const player = new Program(program, ['--quiet', ...source, ...counted], { deadlineMs: 40_000 });
      const end = await player.ended;
      assert.match(
        end.stderr,
        /Failed after iterations as requested/,
        'more frames went through than a playlist names',
      );
      assert.doesNotMatch(end.stderr, /403|Forbidden/);
    });
  }

  for (const { kind, vhost, file } of [
    { kind: 'hls', vhost: 'plain.example', file: 'show.m3u8' },
    { kind: 'hls', vhost: 'noctx.example', file: 'show.m3u8' },
    { kind: 'hls', vhost: 'll.example', file: 'show.m3u8' },
    { kind: 'dash', vhost: 'plain.example', file: 'show.mpd' },
  ]) {
    test(`Chromium: ${kind} of ${vhost}`, async () => {
      const browser = await openBrowser();
      try {
        const { page } = browser;
        const target = `/player.html#${encodeURIComponent(`${kind} ${urlOf(vhost, file)}`)}`;
        await page.goto(`http://127.0.0.1:${server.httpPort}${target}`);
        const time = (): Promise<number> => page.evaluate<number>(`document.getElementById('v').currentTime`);
        const first = await until('the first picture', async () => (await time()) || undefined, 30_000);
        await until('six seconds more', async () => (await time()) > first + 6, 30_000);
        assert.equal(await page.evaluate<string>('fatal'), '');
        const segments = browser.requests.filter((url) => /\.(ts|m4s|mp4)\?/.test(url));
        assert.ok(segments.length > 5);
        if (kind === 'dash') {
          const reloads = browser.requests.filter((url) => url.includes('/show.mpd?'));
          assert.ok(reloads.length > 2);
          for (const url of reloads.slice(1))
            assert.match(url, /\?dash_ctx=[\w-]+(&token=good)?$/, 'by Location');
        }
        for (const url of segments) assert.match(url, /(hls|dash)_ctx=[\w-]+/);
        assert.deepEqual(
          browser.errors.filter((text) => !text.includes('favicon')),
          [],
        );
      } finally {
        await browser.close();
      }
    });
  }

  test('a viewer is one viewer, to the end, for the back end too', async () => {
    const vhost = 'noctx.example';
    const calls = backEnd.now?.of('on_play').length ?? 0;
    const taken = join(folder, 'counted.flv');
    const player = ffmpeg(['-t', '5', '-i', urlOf(vhost, 'show.mpd'), '-c', 'copy', '-y', taken]);
    await until('its session', () => (backEnd.now?.of('on_play').length ?? 0) > calls);
    await player.ended;
    const plays = backEnd.now?.of('on_play').slice(calls) ?? [];
    const mine = plays.filter(
      ({ body }) => body['vhost'] === vhost && String(body['param']).includes('good'),
    );
    assert.ok(mine.length >= 1);
    assert.ok(viewersOf(vhost) >= 1);
    await until(
      'its end',
      () => backEnd.now?.of('on_stop').some(({ body }) => body['client_id'] === mine[0]?.body['client_id']),
      30_000,
    );
  });
});
