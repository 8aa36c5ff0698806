import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GopCache } from '../../../src/hub/gop-cache.ts';
import { Frame } from '../../../src/media/frame.ts';
import { audioFrame, videoFrame } from '../../support/hub-fixtures.ts';

const dtsOf = (cache: GopCache): number[] => cache.frames.map((frame) => frame.dts);

test('keeps what follows the newest keyframe', () => {
  const cache = new GopCache(100);
  for (const frame of [videoFrame(0, true), audioFrame(5), videoFrame(40, false)]) cache.push(frame);
  assert.deepEqual(dtsOf(cache), [0, 5, 40]);
  const before = cache.generation;
  cache.push(videoFrame(80, true));
  assert.deepEqual(dtsOf(cache), [80]);
  assert.notEqual(cache.generation, before);
  assert.equal(cache.bytes, 40);
});

test('keeps nothing before a keyframe and nothing of a stream without video', () => {
  const cache = new GopCache(100);
  for (const frame of [audioFrame(0), videoFrame(0, false), audioFrame(20)]) cache.push(frame);
  assert.deepEqual(dtsOf(cache), []);
});

test('forgets a group over the bound of frames or bytes until the next keyframe', () => {
  for (const cache of [new GopCache(3), new GopCache(100, 130)]) {
    for (let n = 0; n < 4; n += 1) cache.push(videoFrame(n * 40, n === 0));
    assert.deepEqual(dtsOf(cache), []);
    cache.push(videoFrame(160, false));
    assert.deepEqual(dtsOf(cache), []);
    cache.push(videoFrame(200, true));
    assert.deepEqual(dtsOf(cache), [200]);
  }
});

test('forgets the picture when only audio goes on', () => {
  const cache = new GopCache(1_000);
  cache.push(videoFrame(0, true));
  for (let n = 0; n < 115; n += 1) cache.push(audioFrame(n * 23));
  assert.equal(cache.frames.length, 116);
  cache.push(audioFrame(9_999));
  assert.equal(cache.frames.length, 0);
});

test('frames come back as they were, however the cache grew, and stay true when the next group comes', () => {
  const cache = new GopCache(2_500);
  const pushed: Frame[] = [];
  for (let n = 0; n < 400; n += 1) {
    const body = Buffer.alloc(200 + n, n & 0xff);
    const video = n % 3 !== 2;
    pushed.push(
      new Frame(
        video ? 'video' : 'audio',
        video ? 'h264' : 'aac',
        n * 15 + 2 ** 33,
        video ? -40 : 0,
        n === 0,
        false,
        body,
        5,
      ),
    );
  }
  let seen: readonly Frame[] = [];
  for (const [index, frame] of pushed.entries()) {
    cache.push(frame);
    if (index === 7 || index === 200) seen = cache.frames;
  }
  assert.equal(cache.frames, seen, 'the same list');
  assert.deepEqual(cache.frames, pushed);
  const kept = [...cache.frames];
  cache.push(videoFrame(9_000, true));
  for (let n = 0; n < 300; n += 1) cache.push(audioFrame(9_000 + n));
  assert.deepEqual(kept, pushed);
});

test('memory of a group that nobody looked at is written over, and given up after a much larger one', () => {
  const cache = new GopCache(2_500);
  const big = new Frame('video', 'h264', 0, 0, true, false, Buffer.alloc(500_000, 1), 5);
  for (let round = 0; round < 3; round += 1) cache.push(big);
  assert.deepEqual(cache.frames, [big]);
  for (let round = 0; round < 3; round += 1) cache.push(videoFrame(round * 1_000, true));
  assert.deepEqual(dtsOf(cache), [2_000]);
  const parent = cache.frames[0]?.flvBody.buffer.byteLength ?? 0;
  assert.ok(parent <= 16 * 1024, `a small group holds ${parent} bytes`);
});
