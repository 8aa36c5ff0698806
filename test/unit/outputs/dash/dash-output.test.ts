import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { FragmentReader } from '../../../../src/containers/mp4/index.ts';
import type { Frame } from '../../../../src/media/frame.ts';
import type { DashOptions } from '../../../../src/outputs/dash/index.ts';
import { DashStage } from '../../../support/dash-stage.ts';
import { DashValidator } from '../../../support/dash-validator.ts';
import { LIVE_DEMO } from '../../../support/hub-fixtures.ts';
import { aacConfig, avcConfig, picture, sound } from '../../../support/mp4-fixtures.ts';

const AUDIO_MS = 1024 / 44.1;

interface Shape {
  readonly fromMs?: number;
  readonly seconds: number;
  readonly video?: boolean;
  readonly audio?: boolean;
  /** Pictures between keyframes, at 25 a second. */
  readonly gop?: number;
  readonly bFrames?: boolean;
}

/** A stream as an encoder sends it, in order of time; audio times in whole ms, as RTMP has them. */
function media(shape: Shape): Frame[] {
  const { fromMs = 0, seconds, video = true, audio = true, gop = 50, bFrames = false } = shape;
  const frames: Frame[] = [];
  if (video) {
    for (let i = 0; i < seconds * 25; i++) {
      const cts = bFrames ? ([80, 160, 40, 40][i % 4] ?? 0) : 0;
      frames.push(
        picture(fromMs + i * 40, i % gop === 0 ? (bFrames ? 80 : 0) : cts, i % gop === 0, 20 + (i % 7)),
      );
    }
  }
  if (audio) {
    for (let i = 0; i * AUDIO_MS < seconds * 1000; i++) {
      frames.push(sound(fromMs + Math.round(i * AUDIO_MS), 9 + (i % 5)));
    }
  }
  return frames.sort((a, b) => a.dts - b.dts);
}

suite('DASH of a stream', () => {
  let stage = new DashStage();
  const begin = async (options: Partial<DashOptions> = {}): Promise<DashStage> => {
    stage = new DashStage(options);
    await stage.settle();
    stage.publish();
    return stage;
  };

  test('what players fetch are the access units and times that came in', async () => {
    const { output } = await begin();
    const frames = media({ seconds: 21, bFrames: true });
    stage.play([avcConfig(), aacConfig(), ...frames]);
    output.onEnd('gone');
    await output.close();
    await stage.settle();
    const tracks = stage.read();
    assert.deepEqual(
      tracks.map(({ kind, codec }) => [kind, codec]),
      [
        ['video', 'h264'],
        ['audio', 'aac'],
      ],
    );
    for (const { kind, timescale, units } of tracks) {
      const sent = frames.filter((frame) => frame.kind === kind);
      assert.equal(units.length, sent.length);
      units.forEach((unit, i) => {
        const frame = sent[i];
        assert.ok(frame !== undefined && frame.payload.equals(unit.payload), `${kind} ${i}`);
        const ms = (unit.dts * 1000) / timescale;
        assert.ok(Math.abs(ms - frame.dts) <= (kind === 'video' ? 0 : AUDIO_MS / 2), `${kind} ${i} at ${ms}`);
        if (kind === 'video') assert.equal(unit.cts / 90, frame.cts);
      });
    }
    const mpd = stage.mpd();
    assert.equal(mpd.type, 'static');
    assert.ok(
      Math.abs((mpd.mediaPresentationDurationMs ?? 0) - 21_000) < 100,
      String(mpd.mediaPresentationDurationMs),
    );
  });

  test('a live manifest says when, how often and what', async () => {
    await begin();
    stage.play([avcConfig(), aacConfig(), ...media({ seconds: 13 })]);
    await stage.settle();
    const mpd = new DashValidator(50).take(stage.text(), undefined);
    assert.equal(mpd.type, 'dynamic');
    assert.equal(mpd.minimumUpdatePeriodMs, 2_000);
    assert.equal(mpd.timeShiftBufferDepthMs, 40_000);
    assert.equal(mpd.suggestedPresentationDelayMs, 10_036);
    assert.deepEqual(mpd.utcTiming, { schemeIdUri: 'urn:mpeg:dash:utc:http-head:2014', value: 'demo.mpd' });
    const [video, audio] = mpd.periods[0]?.adaptationSets ?? [];
    assert.ok(video !== undefined && audio !== undefined);
    assert.equal(video.representations[0]?.codecs, 'avc1.64000C');
    assert.equal(video.template.media, 'demo/$RepresentationID$-1-$Time$.m4s');
    assert.deepEqual(video.template.timeline, [{ time: 0, duration: 4 * 90_000, count: 3 }]);
    assert.equal(audio.representations[0]?.codecs, 'mp4a.40.2');
    assert.equal(audio.representations[0].channels, 2);
    assert.ok(stage.disk.files.has(stage.path('live/demo/video-1-720000.m4s')));
  });

  test('a segment has its name before a manifest names it', async () => {
    await begin();
    stage.play([avcConfig(), aacConfig(), ...media({ seconds: 5 })]);
    await stage.settle();
    const order = stage.disk.renamed.map((path) => path.slice(stage.root.length + 1));
    assert.deepEqual(order.slice(-2), ['live/.demo.mpd.journal', 'live/demo.mpd']);
    assert.equal(order.length, 6, order.join(' '));
    assert.deepEqual(stage.written, [{ output: 'dash', name: LIVE_DEMO }], 'one for both tracks');
  });

  for (const [name, shape, kinds] of [
    ['sound alone', { seconds: 13, video: false }, ['audio']],
    ['pictures alone', { seconds: 13, audio: false }, ['video']],
  ] as const) {
    test(name, async () => {
      await begin();
      stage.play([...(kinds[0] === 'audio' ? [aacConfig()] : [avcConfig()]), ...media(shape)]);
      await stage.settle();
      assert.deepEqual(
        stage.read().map(({ kind }) => kind),
        kinds,
      );
      assert.equal(stage.mpd().periods.length, 1);
    });
  }

  test('segments that left the window go, after players are done with them', async () => {
    await begin();
    stage.play([avcConfig(), aacConfig(), ...media({ seconds: 120 })]);
    await stage.settle();
    const first = stage.mpd().periods[0]?.adaptationSets[0]?.template.timeline[0]?.time ?? 0;
    const kept = [...stage.disk.files.keys()].filter(
      (path) => path.includes('/video-') && path.endsWith('.m4s'),
    );
    assert.ok(first > 15 * 360_000, `starts with ${first}`);
    assert.ok(kept.length <= 29 - first / 360_000 + 3, `${kept.length} files`);
    assert.ok(stage.disk.files.has(stage.path(`live/demo/video-1-${first}.m4s`)));
    assert.ok(
      stage.disk.files.has(stage.path(`live/demo/video-1-${first - 360_000}.m4s`)),
      'the last that left is still there',
    );
    assert.equal(
      stage.resources.size,
      kept.length * 2 + 5,
      'segments, those to come, init segments and the manifest',
    );
  });

  test('dash_cleanup off leaves the files, not the memory', async () => {
    await begin({ cleanup: false });
    stage.play([avcConfig(), ...media({ seconds: 120, audio: false })]);
    await stage.settle();
    assert.ok(stage.disk.files.has(stage.path('live/demo/video-1-0.m4s')));
    assert.ok(stage.resources.size < 20, String(stage.resources.size));
  });

  test('another codec and another publisher begin a period', async () => {
    await begin();
    const validator = new DashValidator(50);
    stage.play([avcConfig(), aacConfig(), ...media({ seconds: 9 })]);
    await stage.settle();
    validator.take(stage.text());
    stage.play([avcConfig(4, 0xca), ...media({ fromMs: 9_000, seconds: 9 })], 9_000);
    await stage.settle();
    validator.take(stage.text());
    stage.output.onState('waiting', 1);
    stage.clock.advance(3_000);
    stage.publish();
    stage.play([avcConfig(4, 0xca), aacConfig(), ...media({ fromMs: 21_000, seconds: 9 })], 21_000);
    await stage.settle();
    const mpd = validator.take(stage.text());
    assert.equal(mpd.periods.length, 3);
    const inits = mpd.periods.map(({ adaptationSets: [video] }) => video?.template.initialization);
    assert.notEqual(inits[0], inits[1]);
    assert.equal(inits[1], inits[2]);
    assert.equal(stage.read().length, 6);
    const [, second, third] = mpd.periods;
    assert.ok(Math.abs((third?.startMs ?? 0) - (second?.startMs ?? 0) - 12_000) < 100);
  });

  test('an init segment stays for players with an older manifest, and goes then', async () => {
    await begin();
    stage.play([avcConfig(), aacConfig(), ...media({ seconds: 9 })]);
    await stage.settle();
    const old = stage.mpd().periods[0]?.adaptationSets[0]?.template.initialization ?? '';
    const file = stage.path(`live/${old}`);
    const isNamed = (): boolean => stage.text().includes(old);
    stage.play([avcConfig(4, 0xca), ...media({ fromMs: 9_000, seconds: 30 })], 9_000);
    await stage.settle();
    let at = 39_000;
    for (; isNamed() && at < 120_000; at += 1_000) {
      stage.play(media({ fromMs: at, seconds: 1 }), at);
      await stage.settle();
    }
    assert.ok(!isNamed(), 'it left the manifest');
    assert.ok(stage.disk.files.has(file), 'it is there still');
    stage.play(media({ fromMs: at, seconds: 12 }), at);
    await stage.settle();
    assert.ok(!stage.disk.files.has(file), 'it is gone');
  });

  for (const close of [true, false]) {
    test(`a restart of the server ${close ? '' : 'after a crash '}goes on with numbers and zero`, async () => {
      await begin();
      const validator = new DashValidator(50);
      stage.play([avcConfig(), aacConfig(), ...media({ seconds: 9 })]);
      await stage.settle();
      const before = validator.take(stage.text());
      await stage.restart(close);
      stage.clock.advance(2_000);
      stage.publish();
      stage.play([avcConfig(), aacConfig(), ...media({ seconds: 9 })]);
      await stage.settle();
      const after = validator.take(stage.text(), undefined);
      assert.equal(after.type, 'dynamic');
      assert.equal(after.availabilityStartTimeMs, before.availabilityStartTimeMs);
      assert.equal(after.periods.length, 2);
      assert.equal(
        after.periods[1]?.adaptationSets[0]?.template.media,
        `demo/$RepresentationID$-${close ? 4 : 3}-$Time$.m4s`,
      );
      assert.equal(stage.read().length, 4);
    });
  }

  test('a journal that is not whole is left aside, with a warning', async () => {
    await begin();
    stage.play([avcConfig(), ...media({ seconds: 9, audio: false })]);
    await stage.settle();
    stage.disk.files.set(stage.path('live/.demo.mpd.journal'), Buffer.from('{"version":1'));
    await stage.restart(false);
    assert.match(stage.logger.lines.join('\n'), /begins anew/);
    stage.publish();
    stage.play([avcConfig(), ...media({ seconds: 9, audio: false })]);
    await stage.settle();
    assert.equal(stage.mpd().periods.length, 1);
  });

  test('dash_dispose: everything goes after the silence, not when the publisher is back in time', async () => {
    await begin({ disposeMs: 20_000 });
    stage.play([avcConfig(), aacConfig(), ...media({ seconds: 9 })]);
    stage.output.onState('waiting', 1);
    stage.clock.advance(5_000);
    stage.output.onEnd('gone');
    await stage.output.close();
    assert.equal(stage.mpd().type, 'static');
    stage.clock.advance(10_000);
    await stage.restart(false);
    stage.publish();
    stage.play([avcConfig(), aacConfig(), ...media({ seconds: 9 })]);
    await stage.settle();
    assert.equal(stage.mpd().type, 'dynamic');
    assert.equal(stage.read().length, 4, 'what was there is there');
    stage.output.onState('waiting', 1);
    stage.clock.advance(21_000);
    await stage.settle();
    assert.deepEqual([...stage.disk.files.keys()], []);
    assert.equal(stage.resources.size, 0);
    stage.output.onEnd('gone');
    await stage.output.close();
    assert.deepEqual([...stage.disk.files.keys()], []);
  });

  test('the end of the server is not the end of the stream', async () => {
    await begin();
    stage.play([avcConfig(), ...media({ seconds: 7, audio: false })]);
    await stage.output.close();
    assert.equal(stage.mpd().type, 'dynamic');
    assert.equal(stage.resources.size, 0);
    assert.equal(stage.read()[0]?.units.length, 7 * 25, 'what was begun is finished');
  });

  test('the segment that comes next may be asked for: the answer waits', async () => {
    await begin();
    const ask = (
      time: number,
      signal = new AbortController().signal,
      userAgent?: string,
    ): Promise<unknown> => {
      const path = stage.path(`live/demo/video-1-${time * 90}.m4s`);
      return Promise.resolve(
        stage.resources.find(path)?.respond({ query: '', signal, userAgent, headOnly: false } as never),
      );
    };
    stage.play([avcConfig(), aacConfig(), ...media({ seconds: 6 })]);
    assert.equal(await ask(8_000), undefined, 'not the one after it');
    const gone = new AbortController();
    const left = ask(4_000, gone.signal);
    const waits = ask(4_000);
    const ffmpeg = ask(4_000, undefined, 'Lavf/59.27.100');
    gone.abort();
    assert.equal(await left, undefined);
    stage.play(media({ fromMs: 6_000, seconds: 4 }));
    const got = (await waits) as { bytes: Buffer };
    await stage.settle();
    assert.deepEqual(got.bytes, stage.disk.files.get(stage.path('live/demo/video-1-360000.m4s')));
    const init = [...stage.disk.files].find(([path]) => path.includes('/video-init-'))?.[1];
    const { bytes } = (await ffmpeg) as { bytes: Buffer };
    const units = new FragmentReader().push(Buffer.concat([init ?? Buffer.alloc(0), bytes]));
    assert.deepEqual(units, [], 'whole boxes without a sample: ffmpeg is to look at the manifest again');
    const vain = ask(8_000);
    stage.output.onState('waiting', 1);
    const cut = (await vain) as { bytes: Buffer };
    assert.ok(cut.bytes.length > 0, 'what was begun is finished');
    assert.equal(await ask(10_000), undefined, 'nothing comes');
  });
});
