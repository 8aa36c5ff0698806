import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import {
  readMediaPlaylist,
  readPlaylist,
  SegmentWindow,
  writeMasterPlaylist,
  writeMediaPlaylist,
} from '../../src/containers/m3u8/index.ts';
import { readMpd, TimelineWindow, writeMpd, type TimelineTrack } from '../../src/containers/mpd/index.ts';
import { DashValidator } from '../support/dash-validator.ts';
import { assertDecodes, ffmpeg, makeClip } from '../support/ffmpeg.ts';
import { HlsValidator } from '../support/hls-validator.ts';
import { requireProgram, run, temporaryFolder } from '../support/programs.ts';

const SECONDS = 12;

/** Frames of video and seconds of the whole, as ffprobe counts them; throws when it complains, unless it may. */
async function look(file: string, mayComplain = false): Promise<{ frames: number; seconds: number }> {
  const args = ['-v', 'warning', '-allowed_extensions', 'ALL', '-count_packets', '-of', 'json'];
  const hls = file.endsWith('.m3u8') ? args : args.filter((_, i) => i !== 2 && i !== 3);
  const entries = ['-show_entries', 'stream=codec_type,nb_read_packets:format=duration'];
  const { stdout, stderr } = await run(requireProgram('/usr/bin/ffprobe', 'ffmpeg'), [
    ...hls,
    ...entries,
    file,
  ]);
  if (!mayComplain) assert.equal(stderr.trim(), '', file);
  const probed = JSON.parse(stdout) as {
    streams: { codec_type: string; nb_read_packets: string }[];
    format: { duration: string };
  };
  const video = probed.streams.find(({ codec_type }) => codec_type === 'video');
  return { frames: Number(video?.nb_read_packets), seconds: Number(probed.format.duration) };
}

suite('playlists and ffmpeg', () => {
  const folder = temporaryFolder();
  const at = (name: string): string => join(folder, name);
  before(async () => {
    const clip = await makeClip(at('clip.mp4'), { seconds: SECONDS, gop: 50 });
    const copy = ['-i', clip, '-c', 'copy'];
    const hls = [...copy, '-f', 'hls', '-hls_time', '2', '-hls_list_size', '0'];
    const key = ['k.key', at('k.key'), '000102030405060708090a0b0c0d0e0f'].join('\n');
    writeFileSync(at('k.key'), Buffer.alloc(16, 7));
    writeFileSync(at('k.info'), key);
    const runs = [
      [...hls, '-hls_flags', 'program_date_time+independent_segments', at('ts.m3u8')],
      [...hls, '-hls_segment_type', 'fmp4', '-hls_fmp4_init_filename', 'init.mp4', at('fmp4.m3u8')],
      [...hls, '-hls_key_info_file', at('k.info'), at('aes.m3u8')],
      [...hls, '-hls_flags', 'single_file', at('ranges.m3u8')],
      [...hls, '-master_pl_name', 'master.m3u8', at('variant.m3u8')],
      [
        ...copy,
        '-f',
        'dash',
        '-seg_duration',
        '2',
        '-use_template',
        '1',
        '-use_timeline',
        '1',
        at('vod.mpd'),
      ],
      [...copy, '-f', 'dash', '-seg_duration', '2', '-hls_playlist', '1', at('both.mpd')],
    ];
    for (const args of runs) {
      const end = await ffmpeg(args, { cwd: folder }).ended;
      assert.equal(end.code, 0, end.stderr);
    }
  });

  const media = ['ts', 'fmp4', 'aes', 'ranges', 'variant', 'media_0', 'media_1'];
  for (const name of media) {
    test(`${name}.m3u8 of ffmpeg is read, and what we write of it is played to the same frame`, async () => {
      const theirs = at(`${name}.m3u8`);
      const playlist = readMediaPlaylist(readFileSync(theirs));
      const listedMs = playlist.segments.reduce((sum, { durationMs }) => sum + durationMs, 0);
      assert.ok(Math.abs(listedMs - SECONDS * 1000) < 100, `${listedMs} ms`);
      const ours = at(`ours-${name}.m3u8`);
      writeFileSync(ours, writeMediaPlaylist(playlist));
      const { version, ...model } = playlist;
      assert.ok(version !== undefined);
      const { version: ourVersion, ...again } = readMediaPlaylist(readFileSync(ours));
      assert.deepEqual(again, model);
      assert.ok(ourVersion !== undefined && ourVersion <= Math.max(version, 6));
      assert.deepEqual(await look(ours), await look(theirs));
      // HLS of ffmpeg reads keys and init segments with any name only when it is told so; a decoder then judges each frame.
      if (name === 'ts' || name === 'variant') await assertDecodes(ours);
    });
  }

  test('its master playlists are read, and ours is played', async () => {
    for (const name of ['master', 'both']) {
      const file = at(name === 'both' ? 'master.m3u8' : `${name}.m3u8`);
      const read = readPlaylist(readFileSync(file));
      assert.ok(read.kind === 'master');
      const [variant] = read.playlist.variants;
      assert.match(variant?.codecs ?? '', /^avc1\.[0-9a-f]{6}/i);
      assert.deepEqual(variant?.resolution, { width: 320, height: 180 });
      writeFileSync(at(`ours-${name}.m3u8`), writeMasterPlaylist(read.playlist));
      assert.equal((await look(at(`ours-${name}.m3u8`))).frames, SECONDS * 25);
    }
  });

  test('a window over a republish is played with its discontinuity', async () => {
    const { segments } = readMediaPlaylist(readFileSync(at('ts.m3u8')));
    const options = { fragmentMs: 2000, targetRatio: 1.5, windowMs: 60_000 };
    const validator = new HlsValidator({ uniqueUris: false });
    let window = new SegmentWindow(options);
    for (const round of [0, 1]) {
      for (const { uri, durationMs } of segments) window.add({ uri, durationMs }, 0);
      validator.take(writeMediaPlaylist(window.playlist()));
      if (round === 0) window = SegmentWindow.restore(window.journal(0), options, 0);
    }
    window.end();
    const text = writeMediaPlaylist(window.playlist());
    validator.take(text);
    writeFileSync(at('twice.m3u8'), text);
    // The same files twice: ffmpeg reads on over the step of their clock and continuity counters, but tells of it.
    const { frames, seconds } = await look(at('twice.m3u8'), true);
    assert.equal(frames, 2 * SECONDS * 25);
    assert.ok(Math.abs(seconds - 2 * SECONDS) < 0.3, `${seconds} s`);
  });

  test('its manifests are read, and ours with the same segments are played', async () => {
    const theirs = readMpd(readFileSync(at('vod.mpd')));
    assert.equal(theirs.type, 'static');
    assert.ok(Math.abs((theirs.mediaPresentationDurationMs ?? 0) - SECONDS * 1000) < 100);
    const sets = theirs.periods[0]?.adaptationSets ?? [];
    assert.deepEqual(
      sets.map(({ contentType }) => contentType),
      ['video', 'audio'],
    );
    const window = new TimelineWindow({
      timeShiftBufferDepthMs: 60_000,
      minimumUpdatePeriodMs: 2000,
      minBufferTimeMs: 2000,
    });
    const tracks = sets.map(({ contentType, template, representations: [representation] }): TimelineTrack => {
      assert.ok(representation !== undefined);
      const { timescale, initialization = '', media } = template;
      return { contentType, timescale, initialization, media, representation };
    });
    window.beginPeriod(tracks, 0);
    sets.forEach(({ template }, track) => {
      let nowMs = 1_700_000_000_000;
      for (const { time, duration, count } of template.timeline) {
        for (let i = 0; i < count; i++) window.add(track, time + i * duration, duration, (nowMs += 2000));
      }
    });
    window.end();
    const text = writeMpd(window.mpd());
    new DashValidator(0).take(text);
    writeFileSync(at('ours.mpd'), text);
    const { frames, seconds } = await look(at('ours.mpd'));
    assert.equal(frames, (await look(at('vod.mpd'))).frames);
    assert.ok(Math.abs(seconds - SECONDS) < 0.3, `${seconds} s`);
  });

  test('nothing else of what it wrote is refused', () => {
    const playlists = readdirSync(folder).filter((name) => name.endsWith('.m3u8'));
    assert.ok(playlists.length >= 8, playlists.join());
    for (const name of playlists) {
      const read = readPlaylist(readFileSync(at(name)));
      if (read.kind === 'media') assert.ok(read.playlist.segments.length > 0, name);
    }
  });
});
