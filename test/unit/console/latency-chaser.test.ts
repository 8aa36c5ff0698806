import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LatencyChaser } from '../../../console/src/players/latency-chaser.ts';

suite('keeping near the live edge', () => {
  const cases = [
    { name: 'near: as it is', at: [9.5, 0, 10, false], want: { rate: 1, seekTo: undefined } },
    {
      name: 'a little behind: a little faster',
      at: [8.5, 0, 10, false],
      want: { rate: 1.05, seekTo: undefined },
    },
    { name: 'far behind: jump', at: [6, 0, 10, false], want: { rate: 1, seekTo: 9.2 } },
    { name: 'joining behind a cached GOP: jump', at: [8, 0, 10, true], want: { rate: 1, seekTo: 9.2 } },
    { name: 'before a hole: jump over it', at: [5, 9.6, 10, false], want: { rate: 1, seekTo: 9.6 } },
    { name: 'out of data: wait', at: [10, 0, 10, false], want: { rate: 1, seekTo: undefined } },
  ] as const;
  for (const { name, at, want } of cases) {
    test(name, () => {
      const [position, start, end, joining] = at;
      const step = new LatencyChaser().step(position, start, end, joining);
      assert.equal(step.rate, want.rate);
      if (want.seekTo === undefined) assert.equal(step.seekTo, undefined);
      else assert.ok(Math.abs((step.seekTo ?? 0) - want.seekTo) < 1e-9, String(step.seekTo));
    });
  }

  test('goes on faster until the target is reached, not only until the slack is used up', () => {
    const chaser = new LatencyChaser();
    assert.equal(chaser.step(8.5, 0, 10, false).rate, 1.05);
    assert.equal(chaser.step(9, 0, 10, false).rate, 1.05);
    assert.equal(chaser.step(9.3, 0, 10, false).rate, 1);
    assert.equal(chaser.step(9, 0, 10, false).rate, 1);
  });

  test('keeps more after each stall, to a limit', () => {
    const chaser = new LatencyChaser();
    chaser.stalled();
    assert.equal(chaser.step(8.5, 0, 10, false).rate, 1);
    for (let i = 0; i < 100; i++) chaser.stalled();
    assert.equal(chaser.step(0, 0, 10, false).seekTo, 7);
  });
});
