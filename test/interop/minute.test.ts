import assert from 'node:assert/strict';
import { createWriteStream, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, before, suite, test } from 'node:test';
import { makeClip, publishFile } from '../support/ffmpeg.ts';
import { type Program, requireProgram, run, temporaryFolder, until } from '../support/programs.ts';
import { srsHome, type SrsHome } from '../support/srs-home.ts';

const SECONDS = 60;
const FRAME_MS = 40;
/** What viewers of a live body may miss at the beginning, ms: it takes them a moment to see the stream, which has a keyframe a second. */
const LATE_MS = 3_000;
/** Where times are kept in ms, or only some frames have one, ms. */
const ROUNDING_MS = 12;

const HLS = 'hls_fragment 4; hls_window 120; hls_endlist on; hls_m3u8_file [vhost]/[app]/[stream].m3u8;';
const REMUX = 'http_remux { enabled on; } publish { hold_time 500; }';
const dvr = (ending: string, more = ''): string =>
  `dvr { enabled on; ${more} dvr_path ./objs/nginx/html/[vhost]/record.${ending}; }`;

/** A vhost each: of some outputs a stream has only one. */
const VHOSTS: Readonly<Record<string, string>> = {
  'ts.test': `${REMUX} ${dvr('flv')}
    hls { enabled on; ${HLS} hls_ts_file [vhost]/[app]/[stream]-[seq].ts; }`,
  'fmp4.test': `${REMUX} ${dvr('mp4')}
    hls { enabled on; ${HLS} hls_use_fmp4 on; hls_fmp4_file [vhost]/[app]/[stream]-[seq].m4s;
      hls_init_file [vhost]/[app]/[stream]-init.mp4; }`,
  'll.test': `${REMUX} ${dvr('ts')}
    hls { enabled on; ${HLS} hls_use_fmp4 on; hls_ll on; hls_fmp4_file [vhost]/[app]/[stream]-[seq].m4s;
      hls_init_file [vhost]/[app]/[stream]-init.mp4; }`,
  'dash.test': `${REMUX} ${dvr('mp4', 'dvr_fmp4 on;')}
    dash { enabled on; dash_fragment 4; dash_timeshift 120; dash_mpd_file [vhost]/[app]/[stream].mpd; }`,
};

/** Presentation times of all packets of a kind, ms, in order. */
interface Times {
  readonly video: readonly number[];
  readonly audio: readonly number[];
}

/** What a program said. AAC alone has no duration anywhere, whoever wrote it, and ffmpeg says so each time. */
function complaints(stderr: string): string {
  return stderr
    .replace(/\[aac @ \w+\] Estimating duration from bitrate, this may be inaccurate\n/g, '')
    .trim();
}

async function timesOf(url: string): Promise<Times> {
  const { stdout, stderr } = await run(requireProgram('/usr/bin/ffprobe', 'ffmpeg'), [
    ...['-v', 'warning', '-show_entries', 'packet=codec_type,pts_time', '-of', 'csv=p=0', url],
  ]);
  assert.equal(complaints(stderr), '', `${url}: ffprobe complains`);
  const of = (kind: string): number[] =>
    stdout
      .split('\n')
      .map((line) => line.split(','))
      .filter(([type]) => type === kind)
      .map(([, pts]) => Number(pts) * 1000)
      .sort((a, b) => a - b);
  return { video: of('video'), audio: of('audio') };
}

/** Decodes all of it; throws with whatever the decoder said. Returns how many pictures it gave. */
async function decode(url: string): Promise<number> {
  const end = await run(requireProgram('/usr/bin/ffmpeg', 'ffmpeg'), [
    ...['-hide_banner', '-nostdin', '-v', 'warning', '-progress', '-', '-nostats', '-xerror', '-i', url],
    ...['-map', '0:v?', '-map', '0:a?', '-fps_mode', 'passthrough', '-enc_time_base', '-1'],
    ...['-f', 'null', '-'],
  ]);
  assert.equal(complaints(end.stderr), '', `${url} does not decode cleanly`);
  return Number(/frame=(\d+)\n(?![^]*frame=)/.exec(end.stdout)?.[1] ?? 0);
}

interface Expectation {
  /** The first frames may be missing. */
  readonly late?: boolean;
  /** @default true */
  readonly video?: boolean;
}

/** The same frames at the same distances as in the source; tells how far sound and picture moved apart, ms. */
function compare(what: string, source: Times, got: Times, expected: Expectation): string {
  const shifts: number[] = [];
  const notes: string[] = [];
  for (const kind of ['video', 'audio'] as const) {
    if (kind === 'video' && expected.video === false) continue;
    const from = source[kind];
    const to = got[kind];
    const missing = from.length - to.length;
    const frameMs = ((from.at(-1) ?? 0) - (from[0] ?? 0)) / (from.length - 1);
    const allowed = expected.late === true ? LATE_MS / frameMs : 0;
    assert.ok(missing >= 0 && missing <= allowed, `${what}: ${to.length} of ${from.length} ${kind} frames`);
    const moved = to.map((pts, i) => pts - (from[i + missing] ?? NaN));
    const shift = moved[0] ?? NaN;
    const spread = Math.max(...moved.map((one) => Math.abs(one - shift)));
    assert.ok(spread <= ROUNDING_MS, `${what}: ${kind} frames moved by up to ${spread} ms`);
    shifts.push(moved.reduce((sum, one) => sum + one, 0) / moved.length);
    notes.push(`${kind} ${to.length}, spread ${spread.toFixed(1)} ms`);
  }
  const [video = 0, audio = video] = shifts;
  const apart = expected.video === false ? 0 : Math.abs(audio - video);
  assert.ok(apart < FRAME_MS / 2, `${what}: sound and picture are ${apart} ms further apart`);
  return `${notes.join('; ')}; apart ${apart.toFixed(1)} ms`;
}

suite('a minute of a stream, decoded from every output', { timeout: 230_000, concurrency: 2 }, () => {
  const folder = temporaryFolder();
  let clip = '';
  let source: Times;
  let home: SrsHome;
  let server: Program;
  const bodies = new Map<string, string>();

  const html = (): string => join(home.folder, 'objs/nginx/html');
  const url = (path: string): string => `http://127.0.0.1:${home.ports.http}/${path}`;

  /** Saves a live body from its beginning to its end. */
  async function save(vhost: string, ending: string): Promise<void> {
    const at = url(`live/demo.${ending}?vhost=${vhost}`);
    const response = await until(`${at} plays`, async () => {
      const answer = await fetch(at);
      if (answer.ok) return answer;
      await answer.body?.cancel();
      return undefined;
    });
    const file = join(folder, `body.${ending}`);
    bodies.set(ending, file);
    assert.ok(response.body !== null);
    await pipeline(Readable.fromWeb(response.body as never), createWriteStream(file));
  }

  before(async () => {
    clip = await makeClip(join(folder, 'clip.flv'), { seconds: SECONDS, gop: 25, bFrames: 2 });
    source = await timesOf(clip);
    home = await srsHome(folder, 'server');
    home.configure(
      Object.entries(VHOSTS)
        .map(([name, blocks]) => `vhost ${name} { ${blocks} }`)
        .join('\n'),
    );
    server = await home.up();
    const publishers = Object.keys(VHOSTS).map((vhost) =>
      publishFile(clip, `${home.rtmpUrl}/live/demo?vhost=${vhost}`),
    );
    const saved = Promise.all([save('ts.test', 'ts'), save('fmp4.test', 'flv'), save('ll.test', 'aac')]);
    for (const publisher of publishers) {
      const end = await publisher.ended;
      assert.equal(end.code, 0, end.stderr);
    }
    await saved;
    await until('the recordings are closed', () => recordings().length === 4);
    await until('the playlists are ended', () =>
      ['ts', 'fmp4', 'll'].every((one) =>
        readFileSync(join(html(), `${one}.test/live/demo.m3u8`), 'utf8').endsWith('#EXT-X-ENDLIST\n'),
      ),
    );
  });

  const recordings = (): string[] =>
    Object.keys(VHOSTS).flatMap((vhost) =>
      readdirSync(join(html(), vhost))
        .filter((name) => name.startsWith('record.'))
        .map((name) => join(html(), vhost, name)),
    );

  const CASES: readonly { what: string; of: () => string; expected?: Expectation }[] = [
    { what: 'the source itself', of: () => clip },
    { what: 'HLS of MPEG-TS', of: () => url('ts.test/live/demo.m3u8') },
    { what: 'HLS of fragmented MP4', of: () => url('fmp4.test/live/demo.m3u8') },
    { what: 'Low-Latency HLS', of: () => url('ll.test/live/demo.m3u8') },
    { what: 'DASH', of: () => url('dash.test/live/demo.mpd') },
    { what: 'HTTP-TS', of: () => bodies.get('ts') ?? '', expected: { late: true } },
    { what: 'HTTP-FLV', of: () => bodies.get('flv') ?? '', expected: { late: true } },
    { what: 'AAC over HTTP', of: () => bodies.get('aac') ?? '', expected: { late: true, video: false } },
    { what: 'a recording in FLV', of: () => join(html(), 'ts.test/record.flv') },
    { what: 'a recording in MP4', of: () => join(html(), 'fmp4.test/record.mp4') },
    { what: 'a recording in MPEG-TS', of: () => join(html(), 'll.test/record.ts') },
    { what: 'a recording in fragmented MP4', of: () => join(html(), 'dash.test/record.mp4') },
  ];
  for (const { what, of, expected = {} } of CASES) {
    test(what, async (t) => {
      const got = await timesOf(of());
      const note = compare(what, source, got, expected);
      const pictures = await decode(of());
      assert.equal(pictures, got.video.length, `${what}: pictures decoded`);
      t.diagnostic(note);
    });
  }

  test('mediainfo agrees about the recordings', async () => {
    for (const file of recordings()) {
      const { stdout } = await run(requireProgram('/usr/bin/mediainfo', 'mediainfo'), [
        '--Output=JSON',
        file,
      ]);
      const { media } = JSON.parse(stdout) as {
        media: { track: readonly Record<string, string | undefined>[] };
      };
      const [general = {}, ...tracks] = media.track;
      const formats = tracks.map((track) => track['Format']).sort();
      assert.deepEqual(formats, ['AAC', 'AVC'], file);
      const duration = Number(general['Duration']);
      assert.ok(Math.abs(duration - SECONDS) < 0.2, `${file}: ${duration} s`);
      const container = { '.flv': 'Flash Video', '.mp4': 'MPEG-4', '.ts': 'MPEG-TS' }[extname(file)];
      assert.equal(general['Format'], container, file);
      assert.equal(general['IsTruncated'], undefined, file);
    }
  });

  after(async () => {
    const end = await server.stop('SIGTERM');
    assert.equal(end.code, 0, end.stderr);
  });
});
