import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, suite, test } from 'node:test';
import { eventually } from '../../../support/eventually.ts';
import { HlsRig, play, source } from '../../../support/hls-rig.ts';

suite('Low-Latency HLS of a stream with gaps', () => {
  let rig: HlsRig;
  afterEach(async () => rig.close());

  for (const gapMs of [500, 3_000, 9_000, 40_000]) {
    test(`a gap of ${gapMs} ms makes no part longer than the target, which stays`, async () => {
      rig = await HlsRig.start({ fmp4: true, lowLatency: true });
      await rig.publish();
      await eventually(() => rig.resources.size > 0, 'the playlist is served');
      play(rig, source(0, 5_000));
      const before = rig.playlist();
      play(rig, source(5_000 + gapMs, 10_000 + gapMs));
      const after = rig.playlist();
      assert.equal(after.partTargetMs, before.partTargetMs);
      assert.equal(after.targetDurationSec, before.targetDurationSec);
      assert.equal(after.segments.filter(({ discontinuity }) => discontinuity === true).length, 1);
    });
  }

  test('a publisher who is slower than time: every part that is listed is there, old ones go', async () => {
    rig = await HlsRig.start({ fmp4: true, lowLatency: true });
    await rig.publish();
    await eventually(() => rig.resources.size > 0, 'the playlist is served');
    let last = 0;
    let most = 0;
    for (const frame of source(0, 60_000)) {
      rig.clock.advance(Math.max(0, frame.dts - last) * 6);
      last = Math.max(last, frame.dts);
      rig.give(frame);
      most = Math.max(most, rig.resources.size);
      if (frame.kind === 'audio' || !frame.isKeyframe || frame.dts < 3_000) continue;
      const { segments, partial } = rig.playlist();
      const parts = [...segments, partial].flatMap((one) => one?.parts ?? []);
      for (const { uri } of parts)
        assert.notEqual(rig.memory(join(rig.dir, 'live', uri)), undefined, `${uri} at ${frame.dts}`);
    }
    assert.ok(most < 100, `${most} files are served`);
  });

  test('pictures that are always further apart than a part raise the target once', async () => {
    rig = await HlsRig.start({ fmp4: true, lowLatency: true, partMs: 100, expectsAudio: false });
    await rig.publish();
    await eventually(() => rig.resources.size > 0, 'the playlist is served');
    play(rig, source(0, 20_000, { fps: 2.5, gopMs: 2_000, audio: false }));
    const { segments, partTargetMs } = rig.playlist();
    assert.ok((partTargetMs ?? 0) >= 400, String(partTargetMs));
    assert.ok(segments.every(({ discontinuity }) => discontinuity !== true));
  });
});
