import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ServerError } from '../../../src/base/errors.ts';
import { TimerWheel } from '../../../src/base/timer-wheel.ts';
import { limitSession, RATE_LOOK_MS, RATE_LOOKS } from '../../../src/hub/session-limits.ts';
import type { AccessGrant } from '../../../src/hub/ports.ts';
import { ManualClock } from '../../support/manual-clock.ts';

function rig(grant: AccessGrant | undefined) {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock);
  const ends: ServerError[] = [];
  const made = { clock, wheel, ends, bytes: 0, stop: (): void => undefined };
  made.stop = limitSession(grant, {
    wheel,
    bytes: () => made.bytes,
    end: (reason) => void ends.push(reason),
  });
  return made;
}

test('no limits cost no timer', () => {
  for (const grant of [undefined, {}, { stream: 'other', isKey: true }]) {
    const { wheel, clock, stop } = rig(grant);
    assert.equal(wheel.size, 0);
    assert.equal(clock.pending, 0);
    stop();
  }
});

test('a session ends once when its time is over, and not before', () => {
  const { clock, wheel, ends } = rig({ durationMs: 60_000, maxKbps: 1_000 });
  clock.advance(59_999);
  assert.deepEqual(ends, []);
  clock.advance(1_000);
  assert.deepEqual(
    ends.map(({ code, message }) => [code, message]),
    [['SESSION_EXPIRED', 'the granted 60 s are over']],
  );
  clock.advance(120_000);
  assert.equal(ends.length, 1);
  assert.equal(wheel.size, 0);
  assert.equal(clock.pending, 0);
});

const MBIT = 125_000; // bytes of 1,000 kbit

const RATES: readonly { name: string; seconds: readonly number[]; endsAfter: number | undefined }[] = [
  { name: 'at the limit', seconds: Array<number>(60).fill(MBIT), endsAfter: undefined },
  { name: 'far above it', seconds: Array<number>(60).fill(4 * MBIT), endsAfter: 10 },
  {
    name: 'a burst at the beginning',
    seconds: [60 * MBIT, ...Array<number>(30).fill(0)],
    endsAfter: undefined,
  },
  {
    name: 'bursts with pauses between them',
    seconds: Array.from({ length: 60 }, (_, index) => (index % 10 === 0 ? 9 * MBIT : 0)),
    endsAfter: undefined,
  },
  {
    name: 'first below and then above',
    seconds: [...Array<number>(20).fill(MBIT / 2), ...Array<number>(20).fill(1.2 * MBIT)],
    endsAfter: 30,
  },
];

for (const { name, seconds, endsAfter } of RATES) {
  test(`a rate limit and a session that is ${name}`, () => {
    const made = rig({ maxKbps: 1_000 });
    let ended: number | undefined;
    for (const [index, bytes] of seconds.entries()) {
      made.bytes += bytes;
      made.clock.advance(1_000);
      if (made.ends.length > 0) ended ??= index + 1;
    }
    assert.equal(ended, endsAfter);
    assert.equal(made.ends.length, endsAfter === undefined ? 0 : 1);
    assert.equal(made.ends[0]?.code, endsAfter === undefined ? undefined : 'BITRATE_EXCEEDED');
    made.stop();
    assert.equal(made.wheel.size, 0);
  });
}

test('property: after the undo nothing ends, and nobody is ended twice', () => {
  fc.assert(
    fc.property(
      fc.record({
        durationMs: fc.integer({ min: 1, max: 60_000 }),
        maxKbps: fc.integer({ min: 1, max: 100 }),
      }),
      fc.array(fc.nat(200_000), { maxLength: 60 }),
      fc.nat(60),
      (grant, seconds, stopAfter) => {
        const made = rig(grant);
        let before: number | undefined;
        for (const [index, bytes] of seconds.entries()) {
          if (index === stopAfter) {
            made.stop();
            before = made.ends.length;
          }
          made.bytes += bytes;
          made.clock.advance(1_000);
        }
        assert.ok(made.ends.length <= 1);
        if (before === undefined) {
          const isOver = seconds.length * 1_000 >= grant.durationMs + 250;
          if (isOver) assert.equal(made.ends.length, 1);
        } else assert.equal(made.ends.length, before);
        const [end] = made.ends;
        if (end?.code === 'BITRATE_EXCEEDED') assert.ok(seconds.length * 1_000 >= RATE_LOOKS * RATE_LOOK_MS);
      },
    ),
  );
});
