import assert from 'node:assert/strict';
import { test } from 'node:test';
import { growYoungGeneration } from '../../../src/server/young-generation.ts';
import { ManualClock } from '../../support/manual-clock.ts';

test('the young generation may grow while there are many streams and it is small, and at no other time', () => {
  const clock = new ManualClock();
  const told: boolean[] = [];
  let streams = 5;
  let size = 2_000_000;
  const young = { size: () => size, grows: (isAllowed: boolean) => void told.push(isAllowed) };
  const stop = growYoungGeneration(clock, () => streams, young);
  clock.advance(10_000);
  assert.deepEqual(told, []);
  streams = 500;
  clock.advance(10_000);
  assert.deepEqual(told, [true]);
  size = 16_000_000;
  clock.advance(10_000);
  assert.deepEqual(told, [true, false]);
  size = 1_000_000; // V8 has collected an idle heap.
  clock.advance(1_000);
  streams = 99;
  clock.advance(10_000);
  assert.deepEqual(told, [true, false, true, false]);
  stop();
  assert.equal(clock.pending, 0);
});
