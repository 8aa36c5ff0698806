import assert from 'node:assert/strict';
import { afterEach, suite, test } from 'node:test';
import { TimerWheel } from '../../../../src/base/timer-wheel.ts';
import {
  MAX_OPENING_BYTES,
  MAX_OPENING_FRAMES,
  OpeningQueue,
} from '../../../../src/outputs/hls/opening-queue.ts';
import { MAX_SEGMENT_BYTES } from '../../../../src/outputs/hls/segmenter.ts';
import { WaitingRoom } from '../../../../src/outputs/hls/serving/waiting-room.ts';
import { HlsRig, play } from '../../../support/hls-rig.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { aacFrame, avcConfig, picture } from '../../../support/ts-frames.ts';

suite('Bounds of HLS', () => {
  test('what waits for the disk to be ready: bytes, and frames, but every change of state', () => {
    const queue = new OpeningQueue();
    const large = aacFrame(0, MAX_OPENING_BYTES / 4);
    for (let i = 0; i < 6; i += 1) queue.addFrame(large);
    queue.addState('waiting', 1);
    assert.deepEqual([queue.items.length, queue.overflowed], [4, true]);

    const many = new OpeningQueue();
    const small = aacFrame(0, 8);
    for (let i = 0; i < MAX_OPENING_FRAMES + 10; i += 1) many.addFrame(small);
    for (let i = 0; i < 100; i += 1) many.addState('live', i);
    assert.deepEqual([many.items.length, many.overflowed], [MAX_OPENING_FRAMES + 1, true]);
    assert.deepEqual(many.items.at(-1), { state: 'live', publication: 99 });
  });

  test('requests that wait', async () => {
    const clock = new ManualClock();
    const wheel = new TimerWheel(clock);
    const room = new WaitingRoom(wheel, () => () => undefined, 2);
    const wait = () =>
      room.wait({ isReady: () => false, timeoutMs: 1_000, signal: new AbortController().signal });
    const first = [wait(), wait()];
    assert.equal(await wait(), 'full');
    room.close();
    assert.deepEqual(await Promise.all(first), ['closed', 'closed']);
    wheel.close();
  });
});

suite('Segments of unusual streams', () => {
  let rig: HlsRig;
  afterEach(async () => rig.close());

  test('a segment that is full is cut wherever it is', async () => {
    rig = await HlsRig.start({ expectsAudio: false });
    await rig.publish();
    const frames = [avcConfig(0)];
    const frameBytes = 1024 * 1024;
    const most = MAX_SEGMENT_BYTES / frameBytes;
    for (let i = 0; i < most + 4; i += 1) frames.push(picture(i * 20, 0, i === 0, [frameBytes]));
    play(rig, frames);
    const { segments, independentSegments } = rig.playlist();
    assert.equal(segments.length, 1);
    assert.ok((segments[0]?.durationMs ?? 0) <= most * 20);
    assert.equal(independentSegments, undefined);
  });

  test('a stream that never has a keyframe begins after ten seconds', async () => {
    rig = await HlsRig.start({ expectsAudio: false });
    await rig.publish();
    const frames = [avcConfig(0)];
    for (let i = 0; i < 72 * 25; i += 1) frames.push(picture(i * 40, 0, false, [100]));
    play(rig, frames);
    assert.deepEqual(
      rig.playlist().segments.map(({ durationMs }) => durationMs),
      [60_000],
    );
  });
});
