import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { createFile, MP4BoxBuffer } from 'mp4box';
import { assertDecodes, ffmpeg, makeClip, probe, publishFile, type Media } from '../support/ffmpeg.ts';
import { requireProgram, run, temporaryFolder, until } from '../support/programs.ts';
import { assertMonotonic, assertRecording } from '../support/recording.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';

const folder = temporaryFolder();
const SECONDS = 6;

const FORMATS = ['flv', 'mp4', 'fmp4', 'ts'] as const;
type Format = (typeof FORMATS)[number];

/** A vhost for each format, and for plans. */
function vhosts(root: string): string {
  const vhost = (name: string, dvr: string): string => `vhost ${name} { dvr { enabled on; ${dvr} } }`;
  return [
    vhost('flv', `dvr_path ${root}/flv/[app]/[stream].[timestamp].flv;`),
    vhost('mp4', `dvr_path ${root}/mp4/[app]/[stream].[timestamp].mp4;`),
    vhost('fmp4', `dvr_path ${root}/fmp4/[app]/[stream].[timestamp].mp4; dvr_fmp4 on;`),
    vhost('ts', `dvr_path ${root}/ts/[app]/[stream].[timestamp].ts;`),
    vhost('segment', `dvr_path ${root}/segment/[stream].[timestamp].mp4; dvr_plan segment; dvr_duration 2;`),
    vhost('append', `dvr_path ${root}/append/[stream].flv; dvr_plan append;`),
    vhost('some', `dvr_path ${root}/some; dvr_apply live/wanted;`),
  ].join('\n');
}

/** Files below a folder that have their name, sorted. */
function filesOf(root: string): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

const whole = (root: string): string[] => filesOf(root).filter((file) => !file.endsWith('.recording'));

/** What mp4box.js makes of a file. */
function mp4box(path: string): { fragmented: boolean; counts: number[] } {
  const file = createFile();
  let failure = '';
  file.onError = (module, message) => (failure = `${module}: ${message}`);
  file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(new Uint8Array(readFileSync(path)).buffer, 0));
  file.flush();
  assert.equal(failure, '');
  const { isFragmented, tracks } = file.getInfo();
  return { fragmented: isFragmented, counts: tracks.map(({ id }) => file.getTrackSamplesInfo(id).length) };
}

async function durationOf(file: string): Promise<number> {
  const { stdout, stderr } = await run(requireProgram('/usr/bin/ffprobe', 'ffmpeg'), [
    ...['-v', 'warning', '-of', 'csv=p=0', '-show_entries', 'format=duration', file],
  ]);
  assert.equal(stderr, '', file);
  return Number(stdout);
}

suite('recordings', () => {
  const root = join(folder, 'rec');
  let server: ServerProcess;
  let clip: string;
  let source: Media;
  before(async () => {
    clip = await makeClip(join(folder, 'clip.flv'), { seconds: SECONDS, bFrames: 2 });
    source = await probe(clip);
    server = await startServerProcess({ top: vhosts(root) });
  });
  after(() => server.stop());

  const urlOf = (vhost: string, stream = 'cam'): string => `${server.rtmpUrl}/live?vhost=${vhost}/${stream}`;

  test('each format: every packet, no warning of ffmpeg, seekable, and mp4box reads it too', async () => {
    const ends = await Promise.all(FORMATS.map((format) => publishFile(clip, urlOf(format)).ended));
    for (const end of ends) assert.equal(end.code, 0, end.stderr);
    for (const format of FORMATS) {
      const [file = ''] = await until(`a file of ${format}`, () => {
        const files = whole(join(root, format));
        return files.length > 0 ? files : undefined;
      });
      assert.match(file, new RegExp(`/${format}/live/cam\\.\\d{13}\\.`));
      await assertDecodes(file);
      assert.ok(Math.abs((await durationOf(file)) - SECONDS) < 0.2, file);
      if (format === 'flv') await assertRecording(file, source, { fromStart: true });
      const media = await probe(file);
      assert.equal(media.video?.packets.length, source.video?.packets.length, format);
      assert.ok(
        Math.abs((media.audio?.packets.length ?? 0) - (source.audio?.packets.length ?? 0)) <= 1,
        format,
      );
      if (format === 'flv') assertMonotonic(file, media);
      if (format !== 'ts') {
        // From the last second on: by the index, without reading all before.
        const seek = await ffmpeg(['-ss', '5', '-i', file, '-frames:v', '1', '-f', 'null', '-']).ended;
        assert.equal(seek.stderr + String(seek.code), '0', file);
      }
    }
    const [mp4 = ''] = whole(join(root, 'mp4'));
    const [fmp4 = ''] = whole(join(root, 'fmp4'));
    assert.deepEqual(mp4box(mp4), {
      fragmented: false,
      counts: [source.video?.packets.length, source.audio?.packets.length],
    });
    assert.equal(mp4box(fmp4).fragmented, true);
    assert.deepEqual(
      filesOf(root).filter((file) => file.endsWith('.recording')),
      [],
    );
  });

  test('segments decode one by one and have every picture; dvr_apply; a folder as dvr_path', async () => {
    const ends = [
      publishFile(clip, urlOf('segment')),
      publishFile(clip, urlOf('some', 'wanted')),
      publishFile(clip, urlOf('some', 'other')),
    ].map(({ ended }) => ended);
    for (const end of await Promise.all(ends)) assert.equal(end.code, 0, end.stderr);
    const files = await until('three segments', () => {
      const some = whole(join(root, 'segment'));
      return some.length >= 3 && filesOf(join(root, 'segment')).length === some.length ? some : undefined;
    });
    let pictures = 0;
    for (const file of files) {
      await assertDecodes(file);
      pictures += mp4box(file).counts[0] ?? 0;
    }
    assert.equal(pictures, source.video?.packets.length);
    assert.match(whole(join(root, 'some')).join(' '), /^\S+\/some\/wanted\.\d{13}\.flv$/);
  });

  test('append: one file over two publishes, decoded without a warning', async () => {
    const file = join(root, 'append/cam.flv');
    for (let publish = 1; publish <= 2; publish += 1) {
      assert.equal((await publishFile(clip, urlOf('append')).ended).code, 0);
      await until('the file', () => existsSync(file));
      assert.ok(Math.abs((await durationOf(file)) - publish * SECONDS) < 0.3);
    }
    await assertDecodes(file);
    assert.deepEqual(filesOf(join(root, 'append')), [file]);
  });
});

test('kill -9 in the middle of all formats: the next start has them playable, and leaves nothing open', async () => {
  const root = join(folder, 'killed');
  const clip = await makeClip(join(folder, 'long.flv'), { seconds: 30 });
  const killed = await startServerProcess({ top: vhosts(root) });
  const publishers = FORMATS.map((format) => publishFile(clip, `${killed.rtmpUrl}/live?vhost=${format}/cam`));
  const begun = Date.now();
  await until('four recordings', () => filesOf(root).length === FORMATS.length);
  await until('some seconds', () => Date.now() - begun > 4_500);
  process.kill(killed.pid, 'SIGKILL');
  const mediaSeconds = (Date.now() - begun) / 1000;
  await killed.stop();
  for (const publisher of publishers) await publisher.stop();
  assert.equal(whole(root).length, 0);
  const next = await startServerProcess({ top: vhosts(root) });
  try {
    const files = await until('all mended', () => {
      const all = filesOf(root);
      return whole(root).length === FORMATS.length && all.length === FORMATS.length ? all : undefined;
    });
    for (const file of files) {
      await assertDecodes(file);
      const seconds = await durationOf(file);
      assert.ok(seconds > mediaSeconds - 2.2, `${file}: ${seconds} of about ${mediaSeconds} s`);
    }
    const ofFormat = (format: Format): string => files.find((file) => file.includes(`/${format}/`)) ?? '';
    assert.equal(mp4box(ofFormat('mp4')).fragmented, false);
    assert.equal(mp4box(ofFormat('fmp4')).fragmented, true);
  } finally {
    await next.stop();
  }
});
