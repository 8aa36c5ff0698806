import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TimerWheel } from '../../../src/base/timer-wheel.ts';
import { ManualClock } from '../../support/manual-clock.ts';

test('a deadline fires once, up to a tick late and never early', () => {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock, 250);
  const start = clock.now();
  const fired: number[] = [];
  wheel.deadline(1_000, () => fired.push(clock.now() - start));
  clock.advance(999);
  assert.equal(fired.length, 0);
  clock.advance(2_000);
  assert.equal(fired.length, 1);
  const after = Math.max(...fired);
  assert.ok(after >= 1_000 && after <= 1_250, `fired after ${after} ms`);
  assert.equal(clock.pending, 0, 'the interval ends with the last deadline');
});

test('a deadline moved by coarseNow is never early and at most two ticks late', () => {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock, 250);
  let firedAt = 0;
  const deadline = wheel.deadline(1_000, () => (firedAt = clock.now()));
  clock.advance(740);
  const touched = clock.now();
  deadline.at = wheel.coarseNow + 1_000;
  clock.advance(5_000);
  assert.ok(firedAt - touched >= 1_000, `fired ${firedAt - touched} ms after the touch`);
  assert.ok(firedAt - touched <= 1_500, `fired ${firedAt - touched} ms after the touch`);
});

test('a cancelled deadline never fires, also when it is cancelled by another of the same tick', () => {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock, 250);
  const fired: string[] = [];
  const second: { cancel(): void }[] = [];
  wheel.deadline(500, () => {
    fired.push('first');
    for (const deadline of second) deadline.cancel();
  });
  second.push(wheel.deadline(500, () => fired.push('second')));
  clock.advance(2_000);
  assert.deepEqual(fired, ['first']);
  assert.equal(wheel.size, 0);
});
