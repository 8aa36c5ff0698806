import assert from 'node:assert/strict';
import { test } from 'node:test';
import { returnMemory } from '../../../src/server/memory-return.ts';
import { ManualClock } from '../../support/manual-clock.ts';

interface Watch {
  readonly clock: ManualClock;
  readonly set: (count: number) => void;
  readonly collections: () => number;
  readonly stop: () => void;
}

function watch(): Watch {
  const clock = new ManualClock();
  let count = 0;
  let collections = 0;
  const stop = returnMemory(
    clock,
    () => count,
    () => (collections += 1),
  );
  return { clock, set: (value) => (count = value), collections: () => collections, stop };
}

test('memory is given back in two collections after a crowd has left, and only once', () => {
  const { clock, set, collections, stop } = watch();
  set(8_000);
  clock.advance(60_000);
  assert.equal(collections(), 0);
  set(3);
  clock.advance(5_000);
  assert.equal(collections(), 0, 'not while it may come back');
  clock.advance(20_000);
  assert.equal(collections(), 2);
  clock.advance(600_000);
  assert.equal(collections(), 2);
  stop();
  assert.equal(clock.pending, 0);
});

test('the garbage of the start is collected, unless clients are there at once', () => {
  const idle = watch();
  idle.clock.advance(60_000);
  assert.equal(idle.collections(), 2);
  const busy = watch();
  busy.set(50);
  busy.clock.advance(60_000);
  assert.equal(busy.collections(), 0);
});

test('a crowd that reconnects, or that was small, costs nothing', () => {
  const { clock, set, collections } = watch();
  set(8_000);
  clock.advance(10_000);
  set(0);
  clock.advance(5_000);
  set(7_900);
  clock.advance(60_000);
  set(5_000);
  clock.advance(60_000);
  assert.equal(collections(), 0);
  const small = watch();
  small.set(499);
  small.clock.advance(10_000);
  small.set(0);
  small.clock.advance(60_000);
  assert.equal(small.collections(), 0);
});
