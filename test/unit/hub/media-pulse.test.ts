import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MediaPulse } from '../../../src/hub/media-pulse.ts';
import { RateMeter } from '../../../src/hub/rate-meter.ts';
import { audioFrame, videoFrame } from '../../support/hub-fixtures.ts';

/** Bytes of a picture of the fixtures, without the header of its tag. */
const PICTURE = 35;

test('pictures per second, the last whole group, when what came last, and the bytes of sound', () => {
  const pulse = new MediaPulse();
  pulse.begin(1_000);
  assert.deepEqual(pulse.read(1_000), {
    videoFps: 0,
    gopMs: undefined,
    avOffsetMs: undefined,
    interleaveMs: 0,
    keyframeAt: undefined,
    videoAt: undefined,
    audioAt: undefined,
    audioBytes: 0,
    keyframeBytes: undefined,
    deltaBytes: 0,
    deltaFrames: 0,
  });
  // 25 pictures a second, a keyframe every 2 s, 4 s long; two sounds of 14 bytes.
  for (let n = 0; n < 100; n += 1) pulse.add(videoFrame(n * 40, n % 50 === 0), 1_000 + n * 40);
  pulse.add(audioFrame(3_960), 4_970);
  pulse.add(audioFrame(3_980), 4_980);
  const now = pulse.read(5_000);
  assert.equal(now.videoFps, 25);
  assert.equal(now.gopMs, 2_000);
  assert.equal(now.keyframeAt, 3_000);
  assert.equal(now.videoAt, 4_960);
  assert.equal(now.audioAt, 4_980);
  assert.equal(now.audioBytes, 28);
  assert.deepEqual([now.keyframeBytes, now.deltaBytes, now.deltaFrames], [PICTURE, 98 * PICTURE, 98]);
  pulse.begin(9_000);
  assert.equal(pulse.read(9_000).keyframeAt, undefined, 'of another publisher nothing is left');
  assert.equal(pulse.read(9_000).gopMs, undefined);
});

test('how far sound and picture are apart, over the last 5 to 10 seconds', () => {
  const pulse = new MediaPulse();
  pulse.begin(0);
  const second = (from: number, lead: number): void => {
    for (let n = 0; n < 25; n += 1) {
      const at = from + n * 40;
      pulse.add(videoFrame(at, n === 0), at);
      pulse.add(audioFrame(at + lead), at);
    }
  };
  for (let at = 0; at < 10_000; at += 1_000) second(at, 300);
  // Next to a new picture there is the sound before, next to a new sound its own picture: 300 and 260.
  assert.ok(Math.abs((pulse.read(10_000).avOffsetMs ?? 0) - 280) <= 1, String(pulse.read(10_000).avOffsetMs));
  assert.equal(pulse.read(10_000).interleaveMs, 300);
  for (let at = 10_000; at < 22_000; at += 1_000) second(at, -1_000);
  assert.ok(Math.abs((pulse.read(22_000).avOffsetMs ?? 0) + 1_020) <= 1);
  assert.equal(pulse.read(22_000).interleaveMs, 1_040);
  for (let at = 22_000; at < 34_000; at += 1_000) second(at, 0);
  assert.equal(pulse.read(34_000).interleaveMs, 40, 'what was is forgotten');
});

test('a rate is that of the last seconds, also when nothing comes any more', () => {
  const meter = new RateMeter();
  meter.reset(0);
  for (let at = 0; at < 5_000; at += 100) meter.add(1, at);
  assert.equal(meter.perSecond(5_000), 10);
  assert.equal(meter.kbps(5_000), 0);
  meter.add(1_000_000, 5_000);
  assert.equal(meter.kbps(8_000), 1_000);
  assert.equal(meter.perSecond(20_000), 66_666.67);
  assert.equal(meter.perSecond(60_000), 0);
});
