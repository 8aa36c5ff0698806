import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { readMediaPlaylist, type MediaPlaylist } from '../../src/containers/m3u8/index.ts';
import { ffmpeg, makeClip, publishFile } from '../support/ffmpeg.ts';
import { HlsValidator } from '../support/hls-validator.ts';
import { type Program, requireProgram, run, temporaryFolder, until } from '../support/programs.ts';
import { srsHome, type SrsHome } from '../support/srs-home.ts';

const SECONDS = 5;
const TIMES = 3;

/** A vhost each. */
const KINDS: Readonly<Record<string, string>> = {
  ts: '',
  fmp4: 'hls_use_fmp4 on;',
  keys: 'hls_keys on; hls_fragments_per_key 2; hls_key_file [app]/keys/[stream]-[seq].key;',
};

const hls = (kind: string, more: string): string => `vhost ${kind}.test {
  publish { hold_time 2000ms; }
  hls { enabled on; hls_path ./objs/nginx/html/${kind}; hls_fragment 2; hls_window 60; hls_endlist on; ${more} }
}`;

suite('HLS over a republish and a restart, as others read it', () => {
  const folder = temporaryFolder();
  let home: SrsHome;
  let server: Program;
  let clip = '';
  /** Master playlist of the transport stream, with its first segments. */
  let master = '';
  /** The same with less sound than picture. */
  let short = '';

  const root = (kind: string): string => join(home.folder, 'objs/nginx/html', kind, 'live');
  const url = (kind: string): string => `http://127.0.0.1:${home.ports.http}/${kind}/live/demo.m3u8`;
  const playlist = (kind: string): MediaPlaylist =>
    readMediaPlaylist(readFileSync(join(root(kind), 'demo.m3u8'), 'utf8'));

  /** Publishes the clip once to each vhost. */
  async function publishAll(file: string): Promise<void> {
    const publishers = Object.keys(KINDS).map((kind) =>
      publishFile(file, `${home.rtmpUrl}/live/demo?vhost=${kind}.test`),
    );
    for (const publisher of publishers) {
      const end = await publisher.ended;
      assert.equal(end.code, 0, end.stderr);
    }
  }

  before(async () => {
    clip = await makeClip(join(folder, 'clip.flv'), { seconds: SECONDS, bFrames: 2 });
    short = join(folder, 'short.flv');
    const sound = ['-t', String(SECONDS - 0.1), '-i', clip];
    const cut = await ffmpeg(['-i', clip, ...sound, '-map', '0:v', '-map', '1:a', '-c', 'copy', short]).ended;
    assert.equal(cut.code, 0, cut.stderr);
    home = await srsHome(folder, 'server');
    home.configure(
      Object.entries(KINDS)
        .map(([kind, more]) => hls(kind, more))
        .join('\n'),
    );
    server = await home.up();
    await publishAll(clip);
    // Within the hold time. ffmpeg puts what follows a step back behind the last picture, where no sound may be.
    await publishAll(short);
    assert.equal((await server.stop('SIGTERM')).code, 0);
    server = await home.up();
    const publishing = publishAll(clip);
    master = await until('the facts', async () => {
      const text = await (await fetch(url('ts'))).text();
      return text.includes('FRAME-RATE') ? text : undefined;
    });
    await publishing;
    await until('the playlists are ended', () =>
      Object.keys(KINDS).every((kind) => playlist(kind).endlist === true),
    );
  });
  after(() => server.stop('SIGTERM'));

  test('the master playlist says what ffprobe says', async () => {
    const { stdout } = await run(requireProgram('/usr/bin/ffprobe', 'ffmpeg'), [
      ...[
        '-v',
        'error',
        '-of',
        'json',
        '-show_entries',
        'stream=level,width,height,avg_frame_rate:format=bit_rate',
      ],
      clip,
    ]);
    const { streams, format } = JSON.parse(stdout) as {
      streams: readonly { level?: number; width?: number; height?: number; avg_frame_rate: string }[];
      format: { bit_rate: string };
    };
    const {
      level = 0,
      width,
      height,
      avg_frame_rate: rate,
    } = streams.find((one) => one.width !== undefined) ?? {
      avg_frame_rate: '',
    };
    const attribute = (name: string): string =>
      new RegExp(`[:,]${name}=("[^"]*"|[^,\\n]*)`).exec(master)?.[1] ?? '';
    assert.equal(attribute('RESOLUTION'), `${width}x${height}`);
    const [frames, seconds] = rate.split('/').map(Number);
    assert.equal(Number(attribute('FRAME-RATE')), (frames ?? 0) / (seconds ?? 1));
    const hex = level.toString(16).padStart(2, '0');
    assert.match(attribute('CODECS'), new RegExp(`^"avc1\\.[0-9a-f]{4}${hex},mp4a\\.40\\.2"$`, 'i'));
    const [peak, average] = [Number(attribute('BANDWIDTH')), Number(attribute('AVERAGE-BANDWIDTH'))];
    const sent = Number(format.bit_rate);
    assert.ok(
      peak >= average && average > 0.8 * sent && peak < 1.6 * sent,
      `${average} to ${peak}, not ${sent}`,
    );
  });

  test('GStreamer plays all pictures of the transport stream', async () => {
    const dump = join(folder, 'gst.h264');
    await run(
      requireProgram(
        '/usr/bin/gst-launch-1.0',
        'gstreamer1.0-tools gstreamer1.0-plugins-good gstreamer1.0-plugins-bad',
      ),
      [
        ...[
          '-q',
          'souphttpsrc',
          `location=${url('ts')}`,
          '!',
          'hlsdemux',
          '!',
          'tsdemux',
          '!',
          'h264parse',
          '!',
        ],
        ...['video/x-h264,stream-format=byte-stream,alignment=au', '!', 'filesink', `location=${dump}`],
      ],
    );
    const { stdout } = await run(requireProgram('/usr/bin/ffprobe', 'ffmpeg'), [
      ...['-v', 'error', '-count_packets', '-show_entries', 'stream=nb_read_packets', '-of', 'csv=p=0', dump],
    ]);
    assert.equal(Number(stdout.trim()), TIMES * SECONDS * 25);
  });

  for (const kind of Object.keys(KINDS)) {
    test(`${kind}: numbers go on, breaks are told, ffmpeg decodes all of it without a warning`, async () => {
      const { segments, mediaSequence, discontinuitySequence } = playlist(kind);
      new HlsValidator().take(readFileSync(join(root(kind), 'demo.m3u8'), 'latin1'));
      assert.deepEqual([mediaSequence, discontinuitySequence], [0, 0]);
      const breaks = segments.flatMap(({ discontinuity = false }, n) => (discontinuity ? [n] : []));
      assert.equal(breaks.length, TIMES - 1);
      assert.deepEqual(breaks, [segments.length / TIMES, (2 * segments.length) / TIMES]);
      assert.equal(new Set(segments.map(({ uri }) => uri)).size, segments.length);
      const end = await run(requireProgram('/usr/bin/ffmpeg', 'ffmpeg'), [
        ...[
          '-hide_banner',
          '-nostdin',
          '-v',
          'warning',
          '-progress',
          '-',
          '-nostats',
          '-xerror',
          '-i',
          url(kind),
        ],
        ...[
          '-map',
          '0:v',
          '-map',
          '0:a',
          '-fps_mode',
          'passthrough',
          '-enc_time_base',
          '-1',
          '-f',
          'null',
          '-',
        ],
      ]);
      assert.equal(end.stderr, '');
      const pictures = Number(/frame=(\d+)\n(?![^]*frame=)/.exec(end.stdout)?.[1]);
      // Its reader of MP4 leaves out a segment where times step back, as behind the restart, whatever the playlist says.
      const leftOut = kind === 'fmp4' ? 2 * 25 : 0;
      assert.ok(pictures >= TIMES * SECONDS * 25 - leftOut, `${pictures} pictures`);
    });
  }
});
