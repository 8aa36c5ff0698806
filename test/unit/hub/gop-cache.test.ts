import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GopCache } from '../../../src/hub/gop-cache.ts';
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
