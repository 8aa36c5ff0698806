import assert from 'node:assert/strict';
import { test } from 'node:test';
import { growHeap } from '../../../src/server/heap-growth.ts';
import { ManualClock } from '../../support/manual-clock.ts';

test('the heap has room while there are many streams, and the young generation only as long as it is small', () => {
  const clock = new ManualClock();
  const told: string[] = [];
  let streams = 5;
  let bytes = 2_000_000;
  const stop = growHeap(clock, () => streams, {
    youngBytes: () => bytes,
    growYoung: (isAllowed) => void told.push(`young ${isAllowed}`),
    growOld: (isAllowed) => void told.push(`old ${isAllowed}`),
  });
  const within = (ms: number): readonly string[] => {
    clock.advance(ms);
    return told.splice(0);
  };
  assert.deepEqual(within(10_000), []);
  streams = 500;
  assert.deepEqual(within(10_000), ['old true', 'young true']);
  bytes = 16_000_000;
  assert.deepEqual(within(10_000), ['young false']);
  bytes = 1_000_000; // V8 has collected an idle heap.
  assert.deepEqual(within(1_000), ['young true']);
  streams = 99;
  assert.deepEqual(within(10_000), ['old false', 'young false']);
  stop();
  assert.equal(clock.pending, 0);
});
