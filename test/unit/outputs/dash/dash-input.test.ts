import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Frame } from '../../../../src/media/frame.ts';
import type { DashOptions } from '../../../../src/outputs/dash/index.ts';
import { DashStage } from '../../../support/dash-stage.ts';
import { DashValidator } from '../../../support/dash-validator.ts';
import { aacConfig, avcConfig, picture, sound } from '../../../support/mp4-fixtures.ts';

/** H.264 at 25 a second, with a keyframe each second, and sound. */
function media(fromMs: number, seconds: number, kinds: 'av' | 'a' | 'v' = 'av'): Frame[] {
  const frames: Frame[] = [];
  for (let i = 0; i < seconds * 25; i++) {
    if (kinds !== 'a') frames.push(picture(fromMs + i * 40, 0, i % 25 === 0));
    if (kinds !== 'v') frames.push(sound(fromMs + i * 40));
  }
  return frames;
}

function empty(kind: 'video' | 'audio', dts: number): Frame {
  const codec = kind === 'video' ? 'h264' : 'aac';
  return new Frame(kind, codec, dts, 0, kind === 'video', false, Buffer.alloc(5), 5);
}

function strange(dts: number): Frame {
  return new Frame('video', 'h265', dts, 0, true, false, Buffer.alloc(40), 5);
}

suite('what publishers should not send', () => {
  const begin = async (options: Partial<DashOptions> = {}): Promise<DashStage> => {
    const stage = new DashStage(options);
    await stage.settle();
    stage.publish();
    return stage;
  };
  const told = (stage: DashStage): string[] =>
    stage.failures.map(({ error, then }) => `${error.code} ${then} ${error.message}`);
  const kindsOf = (stage: DashStage): string[] => stage.read().map(({ kind }) => kind);

  test('a codec that is not carried is left out, and that is said once', async () => {
    const stage = await begin();
    stage.play([aacConfig(), ...media(0, 20, 'a').flatMap((frame) => [strange(frame.dts), frame])]);
    await stage.settle();
    assert.deepEqual(kindsOf(stage), ['audio']);
    assert.equal(told(stage).length, 1);
    assert.match(told(stage)[0] ?? '', /^MP4_CODEC_UNSUPPORTED continues .*h265/);
  });

  test('pictures without a config record are left out until it comes', async () => {
    const stage = await begin();
    stage.play([aacConfig(), ...media(0, 10), avcConfig(), ...media(10_000, 10)], 0);
    await stage.settle();
    assert.deepEqual(kindsOf(stage), ['audio', 'video', 'audio']);
    assert.deepEqual(told(stage), ['CODEC_INVALID continues video without a config record is left out']);
  });

  test('a record that cannot be read ends its track, a good one begins it again', async () => {
    const stage = await begin();
    const validator = new DashValidator(1_000);
    stage.play([avcConfig(), aacConfig(), ...media(0, 9)]);
    const broken = new Frame(
      'video',
      'h264',
      9_000,
      0,
      false,
      true,
      Buffer.from([0x17, 0, 0, 0, 0, 1, 2]),
      5,
    );
    stage.play([broken, ...media(9_000, 6)], 9_000);
    await stage.settle();
    validator.take(stage.text());
    stage.play([avcConfig().at(15_000), ...media(15_000, 9)], 15_000);
    await stage.settle();
    validator.take(stage.text());
    assert.deepEqual(kindsOf(stage), ['video', 'audio', 'audio', 'video', 'audio']);
    assert.match(told(stage)[0] ?? '', /^CODEC_INVALID/);
  });

  test('frames without bytes are passed over', async () => {
    const stage = await begin();
    const frames = media(0, 9).flatMap((frame) => [
      empty('video', frame.dts),
      empty('audio', frame.dts),
      frame,
    ]);
    stage.play([avcConfig(), aacConfig(), empty('video', 0), ...frames]);
    await stage.settle();
    assert.deepEqual(kindsOf(stage), ['video', 'audio']);
    assert.deepEqual(told(stage), []);
  });

  test('an hour without a keyframe: segments of bounded length, still whole', async () => {
    const stage = await begin();
    stage.play([avcConfig(), picture(0, 0, true, 5)]);
    for (let i = 1; i < 3_600 * 5; i++) stage.play([picture(i * 200, 0, false, 5)], (i - 1) * 200);
    await stage.settle();
    const mpd = stage.mpd();
    assert.equal(mpd.periods.length, 1);
    assert.ok((mpd.maxSegmentDurationMs ?? 0) <= 20_200, String(mpd.maxSegmentDurationMs));
    assert.deepEqual(kindsOf(stage), ['video']);
  });

  test('pictures of many bytes are cut before a keyframe comes', async () => {
    const stage = await begin();
    stage.play([avcConfig(), picture(0, 0, true)]);
    for (let i = 1; i < 40; i++) stage.play([picture(i * 40, 0, false, 4_000_000)], (i - 1) * 40);
    await stage.settle();
    const sizes = [...stage.disk.files]
      .filter(([path]) => path.endsWith('.m4s'))
      .map(([, bytes]) => bytes.length);
    assert.ok(sizes.length >= 2, String(sizes.length));
    assert.ok(Math.max(...sizes) <= 65 * 1024 * 1024, String(Math.max(...sizes)));
  });

  test('times that are all equal: few segments, and a manifest that holds', async () => {
    const stage = await begin();
    stage.play([avcConfig(), aacConfig()]);
    for (let i = 0; i < 40_000; i++) {
      if (i % 100 === 0) await stage.settle();
      stage.output.onFrame(picture(0, 0, i % 25 === 0, 5));
      stage.output.onFrame(sound(0, 3));
    }
    await stage.settle();
    new DashValidator(10_000).take(stage.text());
    assert.deepEqual(kindsOf(stage), ['video', 'audio']);
    assert.ok(stage.disk.files.size < 10, String(stage.disk.files.size));
  });

  test('codecs that change with each frame fill no disk', async () => {
    const stage = await begin();
    stage.play([avcConfig(), aacConfig()]);
    for (let i = 0; i < 5_000; i++) {
      stage.play(
        [avcConfig(4, i & 0xff).at(i * 2), picture(i * 2, 0, true), aacConfig(3 + (i % 2)), sound(i * 2)],
        i * 2,
      );
    }
    stage.play([avcConfig(), aacConfig(), ...media(10_000, 9)], 10_000);
    await stage.settle();
    assert.equal(stage.mpd().periods.length, 1);
    assert.deepEqual(kindsOf(stage), ['video', 'audio']);
  });

  test('a jump of a day, there and back', async () => {
    const stage = await begin({ timeshiftMs: 200_000 });
    const day = 86_400_000;
    const validator = new DashValidator(3_000);
    let from = 0;
    for (const start of [0, day, 30_000, 60_000 + day]) {
      stage.play([...(from === 0 ? [avcConfig(), aacConfig()] : []), ...media(start, 9)], start);
      await stage.settle();
      validator.take(stage.text(), stage.wall);
      from += 9_000;
    }
    assert.equal(stage.mpd().periods.length, 4);
    assert.equal(kindsOf(stage).length, 8);
  });

  test('names of clients lead nowhere else and survive as URLs', async () => {
    for (const stream of ['../../etc/passwd', 'a b&<"$Number$%2e%', '.hidden', 'ünï/码', '$']) {
      const stage = new DashStage({}, { vhost: 'v', app: 'live', stream });
      await stage.settle();
      stage.publish();
      stage.play([avcConfig(), aacConfig(), ...media(0, 9)]);
      await stage.settle();
      const files = [...stage.disk.files.keys()];
      assert.ok(
        files.every((file) => file.startsWith('/srs/html/live/')),
        files.join(' '),
      );
      assert.equal(stage.read().length, 2, stream);
    }
  });

  test('a path that no file can have refuses the output', () => {
    assert.throws(() => new DashStage({ mpdFile: '../[stream].mpd' }), { code: 'STREAM_NAME_INVALID' });
  });

  test('a disk that fails is told once for a publisher; memory serves, and writing goes on with the disk', async () => {
    const stage = await begin();
    stage.disk.broken = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    stage.play([avcConfig(), aacConfig(), ...media(0, 20)]);
    await stage.settle();
    assert.equal(told(stage).length, 1);
    assert.match(told(stage)[0] ?? '', /^FILE_WRITE_FAILED continues/);
    assert.equal(stage.mpd().periods[0]?.adaptationSets[0]?.template.timeline[0]?.count, 4);
    assert.ok(stage.resources.find(stage.path('live/demo/video-1-0.m4s')) !== undefined);
    assert.equal(stage.written.length, 0);
    stage.disk.broken = undefined;
    stage.play(media(20_000, 9));
    await stage.settle();
    assert.equal(stage.written.length, 3);
    assert.ok(stage.disk.files.has(stage.path('live/demo/video-1-1440000.m4s')));
    assert.ok(stage.disk.files.has(stage.path('live/demo.mpd')));
  });

  test('a disk that hangs bounds what waits; the stream does not', async () => {
    const stage = await begin();
    let release = (): void => undefined;
    stage.disk.blocked = new Promise((resolve) => (release = resolve));
    stage.play([avcConfig()]);
    for (let i = 0; i < 400; i++)
      stage.play([picture(i * 1_000, 0, true, 1_000_000)], Math.max(0, i - 1) * 1_000);
    await stage.settle();
    assert.deepEqual(told(stage), ['FILE_TOO_SLOW continues segments wait for the disk']);
    assert.ok(stage.resources.bytes < 200 * 1024 * 1024, String(stage.resources.bytes));
    release();
    stage.disk.blocked = undefined;
    await stage.settle();
    stage.play(
      [...Array(20).keys()].map((i) => picture(400_000 + i * 1_000, 0, true, 1_000_000)),
      399_000,
    );
    await stage.settle();
    new DashValidator(60_000).take(stage.text());
    assert.equal(kindsOf(stage).length, 1);
    const last = stage.mpd().periods.at(-1)?.adaptationSets[0]?.template.timeline.at(-1);
    assert.ok(last !== undefined);
    const lastS = (last.time + (last.count - 1) * last.duration) / 90_000;
    assert.ok(lastS > 405, 'what the disk took makes room again');
  });
});
