import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AudioClock, VideoClock } from '../../../../src/containers/mp4/index.ts';

const RATES = [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];

test('an hour of audio whose times were rounded to ms has no frame of another length, and does not drift', () => {
  const rounding = fc.constantFrom(Math.floor, Math.round, Math.ceil);
  const start = fc.integer({ min: 0, max: 2 ** 33 });
  fc.assert(
    fc.property(fc.constantFrom(...RATES), rounding, start, (rate, round, startMs) => {
      const clock = new AudioClock(rate, 1024);
      const frames = Math.ceil((3600 * rate) / 1024);
      const first = clock.tick(round(startMs));
      let last = first;
      for (let i = 1; i < frames; i++) {
        const tick = clock.tick(round(startMs + (i * 1024 * 1000) / rate));
        if (tick - last !== 1024) assert.fail(`frame ${i} lasts ${tick - last}`);
        last = tick;
      }
    }),
    { numRuns: 12 },
  );
});

test('a sender whose clock is off is followed: never further away than half a frame', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...RATES),
      fc.double({ min: -0.01, max: 0.01, noNaN: true }),
      (rate, drift) => {
        const clock = new AudioClock(rate, 1024);
        let last = -1;
        for (let i = 0; i < 5_000; i++) {
          const ms = Math.floor((i * 1024 * 1000 * (1 + drift)) / rate);
          const tick = clock.tick(ms);
          assert.ok(tick > last);
          assert.ok(Math.abs(tick - (ms * rate) / 1000) <= 513, `frame ${i}`);
          last = tick;
        }
      },
    ),
    { numRuns: 30 },
  );
});

test('a gap in the audio stays a gap; times that stand still grow by a tick at least', () => {
  const clock = new AudioClock(48_000, 1024);
  assert.deepEqual(
    [0, 21, 43, 5_000, 5_021].map((ms) => clock.tick(ms)),
    [0, 1024, 2048, 240_000, 241_024],
  );
  const still = new AudioClock(48_000, 1024);
  assert.deepEqual(
    [100, 100, 100].map((ms) => still.tick(ms)),
    [4800, 4801, 4802],
  );
});

test('video times are exact, beyond 32 bits too, and never fall back', () => {
  const clock = new VideoClock();
  assert.deepEqual(
    [0, 33, 67, 67, 60, 2 ** 40].map((ms) => clock.tick(ms)),
    [0, 2970, 6030, 6031, 6032, 2 ** 40 * 90],
  );
});
