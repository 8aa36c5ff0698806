import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TimerWheel } from '../../../../src/base/timer-wheel.ts';
import { RttProbe } from '../../../../src/endpoints/rtmp/rtt-probe.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

function scene(): { clock: ManualClock; wheel: TimerWheel; asked: number[]; probe: RttProbe } {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock);
  const asked: number[] = [];
  return {
    clock,
    wheel,
    asked,
    probe: new RttProbe(clock, wheel, { ping: (timestamp) => asked.push(timestamp) }),
  };
}

test('asks some seconds after the beginning, then each minute, and tells the last round trip', () => {
  const { clock, wheel, asked, probe } = scene();
  clock.advance(10_000);
  assert.deepEqual(asked, []);
  probe.start();
  clock.advance(2_900);
  assert.deepEqual(asked, []);
  clock.advance(500);
  assert.equal(asked.length, 1);
  assert.equal(probe.rttMs, undefined);
  const [question = NaN] = asked;
  clock.advance(37 - (clock.now() - question));
  probe.answered(question);
  assert.equal(probe.rttMs, 37);
  clock.advance(60_500);
  assert.equal(asked.length, 2);
  probe.stop();
  assert.equal(probe.rttMs, undefined);
  assert.equal(wheel.size, 0);
});

test('an answer that was not asked for, or comes twice, says nothing', () => {
  const { clock, asked, probe } = scene();
  probe.start();
  probe.answered(0);
  clock.advance(3_500);
  const [timestamp = 0] = asked;
  probe.answered(timestamp + 1);
  assert.equal(probe.rttMs, undefined);
  probe.answered(timestamp);
  const told = probe.rttMs;
  clock.advance(1_000);
  probe.answered(timestamp);
  assert.equal(probe.rttMs, told);
});

test('while an answer is late the round trip is at least as long, and nobody is asked again', () => {
  const { clock, asked, probe } = scene();
  probe.start();
  clock.advance(3_500);
  probe.answered(asked[0] ?? 0);
  clock.advance(200_000);
  assert.equal(asked.length, 2);
  assert.ok((probe.rttMs ?? 0) > 100_000);
  probe.answered(asked[1] ?? 0);
  assert.ok((probe.rttMs ?? 0) > 100_000);
  clock.advance(60_000);
  assert.equal(asked.length, 3);
});

test('a peer that never answers is asked again, one question a minute', () => {
  const { clock, asked, probe } = scene();
  probe.start();
  clock.advance(180_000);
  assert.equal(asked.length, 3);
  assert.equal(probe.rttMs, undefined);
});
