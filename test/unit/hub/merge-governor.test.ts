import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MergeGovernor } from '../../../src/hub/merge-governor.ts';
import { STREAM_OPTIONS } from '../../support/hub-fixtures.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const ADAPTIVE = { ...STREAM_OPTIONS, minLatency: false };
const MESSAGES_PER_SECOND = 68;

function simulation(loadProbe?: () => number) {
  const clock = new ManualClock();
  const governor = new MergeGovernor(loadProbe === undefined ? { clock } : { clock, loadProbe });
  let epoch = -1;
  const run = (viewers: number, ms: number): number => {
    const end = clock.now() + ms;
    while (clock.now() < end) {
      clock.advance(1000 / MESSAGES_PER_SECOND);
      if (epoch !== governor.epoch) {
        epoch = governor.epoch;
        governor.addViewers(viewers);
      }
      governor.addWrites(viewers, clock.now());
    }
    return governor.windowFor(ADAPTIVE);
  };
  return { governor, run };
}

for (const { viewers, from, to } of [
  { viewers: 1, from: 0, to: 0 },
  { viewers: 100, from: 0, to: 0 },
  { viewers: 170, from: 0, to: 0 },
  { viewers: 1_000, from: 75, to: 92 },
  { viewers: 2_000, from: 150, to: 184 },
  { viewers: 4_200, from: 330, to: 350 },
  { viewers: 8_000, from: 350, to: 350 },
]) {
  test(`${viewers} viewers settle on a window of ${from} to ${to} ms`, () => {
    const window = simulation().run(viewers, 5_000);
    assert.ok(window >= from && window <= to, `window ${window}`);
  });
}

test('a join storm widens the window within half a second, and it is back at 0 seconds after', () => {
  const { run } = simulation();
  run(50, 2_000);
  assert.ok(run(5_000, 500) === 350);
  assert.equal(run(50, 4_000), 0);
});

test('a load around the budget does not flap', () => {
  const { governor, run } = simulation();
  run(192, 3_000);
  let changes = 0;
  let before = governor.windowMs;
  for (let n = 0; n < 40; n += 1) {
    run(n % 2 === 0 ? 168 : 186, 1_500);
    if (governor.windowMs !== before) changes += 1;
    before = governor.windowMs;
  }
  assert.ok(before > 0 && changes <= 4, `${changes} changes`);
});

test('a busy event loop widens the window whatever makes it busy, and it narrows slowly', () => {
  let load = 0.9;
  const { run } = simulation(() => load);
  const busy = run(10, 6_000);
  assert.ok(busy > 50, `window ${busy}`);
  load = 0.6;
  assert.equal(run(10, 3_000), busy, 'between the marks it stays');
  load = 0.1;
  const easing = run(10, 2_000);
  assert.ok(easing < busy && easing > busy / 2);
  assert.equal(run(10, 60_000), 0);
});

test('min_latency pins 0, mw_adaptive off pins mw_latency, mw_latency bounds', () => {
  const { governor, run } = simulation();
  assert.equal(governor.windowFor({ ...ADAPTIVE, mwAdaptive: false, mwLatencyMs: 123 }), 123);
  run(8_000, 3_000);
  assert.equal(governor.windowFor({ ...ADAPTIVE, minLatency: true }), 0);
  assert.equal(governor.windowFor({ ...ADAPTIVE, mwLatencyMs: 80 }), 80);
});
