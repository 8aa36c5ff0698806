import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { assertDecodes, makeClip, probe, publishFile, record, type Media } from '../support/ffmpeg.ts';
import { curl, rtmpdump, waitForStream } from '../support/players.ts';
import { temporaryFolder } from '../support/programs.ts';
import { assertMonotonic, assertRecording } from '../support/recording.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';

/** How a publisher and a player write one and the same stream. */
interface Form {
  /** Name that the API gives to the stream. */
  readonly stream: string;
  readonly publish: { readonly url: string; readonly args?: readonly string[] };
  readonly play: { readonly url: string; readonly args?: readonly string[] };
  /** Path and query of HTTP-FLV. */
  readonly http: string;
  readonly gop?: 'long';
}

const forms = (rtmp: string, rtmp6: string): Readonly<Record<string, Form>> => ({
  'options instead of a URL': {
    stream: 'options',
    publish: { url: `${rtmp}/any/thing`, args: ['-rtmp_app', 'live', '-rtmp_playpath', 'options'] },
    play: {
      url: `${rtmp}/other/thing`,
      args: [
        '-rtmp_live',
        'live',
        '-rtmp_app',
        'live',
        '-rtmp_playpath',
        'options',
        '-rtmp_tcurl',
        `${rtmp}/live`,
      ],
    },
    http: 'live/options.flv',
  },
  'an older encoder': {
    stream: 'older',
    publish: {
      url: `${rtmp}/live/older`,
      args: ['-flvflags', 'no_sequence_end+no_metadata', '-rtmp_flashver', 'FMLE/3.0', '-rtmp_live', 'live'],
    },
    play: { url: `${rtmp}/live/older`, args: ['-rtmp_live', 'any', '-rtmp_flashver', 'WIN 9,0,124,2'] },
    http: 'live/older.flv',
  },
  'vhost in the query of the app': {
    stream: 'vhost-in-app',
    publish: { url: `${rtmp}/live?vhost=other.example/vhost-in-app` },
    play: { url: `${rtmp}/live/vhost-in-app?vhost=other.example` },
    http: 'live/vhost-in-app.flv?vhost=other.example',
  },
  'vhost in the query of the stream': {
    stream: 'vhost-in-stream',
    publish: { url: `${rtmp}/live/vhost-in-stream?vhost=other.example&token=ab==` },
    play: { url: `${rtmp}/live?vhost=other.example/vhost-in-stream` },
    http: 'live/vhost-in-stream.flv?vhost=other.example',
  },
  'slashes and a query': {
    // ffmpeg takes two segments for the app and the rest for the stream; HTTP looks for the whole path.
    stream: 'folder/slashes',
    publish: { url: `${rtmp}/live/some/folder/slashes?token=1` },
    play: { url: `${rtmp}/live/some/folder/slashes?token=2&other` },
    http: 'live/some/folder/slashes.flv?token=3',
  },
  'a _definst_ instance': {
    stream: 'instance',
    publish: { url: `${rtmp}/live/_definst_/instance` },
    play: { url: `${rtmp}/live/instance` },
    http: 'live/instance.flv',
  },
  'timestamps of the second day': {
    stream: 'second-day',
    publish: { url: `${rtmp}/live/second-day`, args: ['-output_ts_offset', '86400'] },
    play: { url: `${rtmp}/live/second-day` },
    http: 'live/second-day.flv',
  },
  'timestamps that pass 24 bits': {
    stream: 'past-24-bits',
    publish: { url: `${rtmp}/live/past-24-bits`, args: ['-output_ts_offset', '16774'] },
    play: { url: `${rtmp}/live/past-24-bits` },
    http: 'live/past-24-bits.flv',
  },
  'a long group of pictures': {
    stream: 'long',
    publish: { url: `${rtmp}/live/long` },
    play: { url: `${rtmp}/live/long` },
    http: 'live/long.flv',
    gop: 'long',
  },
  // A machine without ::1 fails here, and is told so by the server.
  IPv6: {
    stream: 'six',
    publish: { url: `${rtmp6}/live/six` },
    play: { url: `${rtmp6}/live/six` },
    http: 'live/six.flv',
  },
});

suite('old and odd clients', { concurrency: true }, () => {
  const folder = temporaryFolder();
  const clips = { short: join(folder, 'short.flv'), long: join(folder, 'long.flv') };
  let sources: { short: Media; long: Media };
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess({
      alsoListen: ['[::1]:rtmp'],
      vhost: () => 'publish { hold_time 1s; }',
      top: `vhost other.example {
        publish { hold_time 1s; }
        http_remux { enabled on; mount [vhost]/[app]/[stream].flv; }
      }`,
    });
    await makeClip(clips.short, { seconds: 7 });
    await makeClip(clips.long, { seconds: 12, gop: 250 });
    sources = { short: await probe(clips.short), long: await probe(clips.long) };
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
  });

  for (const name of Object.keys(forms('', ''))) {
    test(name, async () => {
      const form = forms(server.rtmpUrl, `rtmp://[::1]:${server.ports.rtmp}`)[name];
      assert.ok(form);
      const clip = form.gop === 'long' ? 'long' : 'short';
      const file = (how: string): string => join(folder, `${form.stream.replace('/', '-')}-${how}.flv`);
      const publisher = publishFile(clips[clip], form.publish.url, form.publish.args);
      await waitForStream(server, form.stream, 'live');
      const players = {
        ffmpeg: record(form.play.url, file('ffmpeg'), form.play.args),
        curl: curl(`${server.pageUrl}${form.http}`, file('curl')),
      };
      const published = await publisher.ended;
      assert.equal(published.code, 0, published.stderr);
      for (const [how, player] of Object.entries(players)) {
        const end = await player.ended;
        assert.equal(end.code, 0, end.stderr);
        assertMonotonic(how, await assertRecording(file(how), sources[clip]));
        await assertDecodes(file(how));
      }
    });
  }

  test('rtmpdump with app and playpath of its own', async () => {
    const publisher = publishFile(clips.short, `${server.rtmpUrl}/live/dump`);
    await waitForStream(server, 'dump', 'live');
    const file = join(folder, 'dump.flv');
    const args = ['--app', 'live', '--playpath', 'dump', '--tcUrl', `${server.rtmpUrl}/live`, '--live'];
    const player = rtmpdump(`${server.rtmpUrl}/elsewhere`, file, args);
    assert.equal((await publisher.ended).code, 0);
    const end = await player.ended;
    assert.ok(end.code === 0 || end.code === 2, end.stderr);
    await assertRecording(file, sources.short);
  });
});
