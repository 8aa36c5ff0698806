import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteRate, SAMPLE_MS, SampleTimes } from '../../../../src/control/sessions/byte-rate.ts';

/** 1 kB per ms are 8000 kbit/s: what so many bytes a sample make. */
const kbpsOf = (bytes: number): number => Math.round((bytes * 8) / SAMPLE_MS);

/** A rate that began at 0, after others had been sampled so often, and what takes its samples. */
function sampled(before = 0): { rate: ByteRate; sample: (now: number, bytes: number) => void } {
  const times = new SampleTimes();
  for (let index = before; index > 0; index -= 1) times.add(-index * SAMPLE_MS);
  const rate = new ByteRate(times, 0, 0);
  return {
    rate,
    sample: (now, bytes) => {
      times.add(now);
      rate.sample(bytes);
    },
  };
}

test('a rate is that since the beginning while it is young', () => {
  const rate = new ByteRate(new SampleTimes(), 100, 0);
  assert.equal(rate.kbps30s(100, 0), 0);
  assert.equal(rate.kbps30s(200, 1_000), 8, 'less than a second counts as one');
  assert.equal(rate.kbps30s(2_100, 1_000), 4);
  assert.equal(rate.kbps5m(2_100, 1_000), 4);
});

test('after half a minute the past is forgotten, after five minutes by the long one too', () => {
  const { rate, sample } = sampled();
  let now = 0;
  let bytes = 0;
  const run = (samples: number, perSample: number): void => {
    for (let index = 0; index < samples; index += 1) {
      now += SAMPLE_MS;
      bytes += perSample;
      sample(now, bytes);
    }
  };
  run(60, 100_000);
  assert.deepEqual([rate.kbps30s(now, bytes), rate.kbps5m(now, bytes)], [160, 160]);
  run(6, 0);
  assert.equal(rate.kbps30s(now, bytes), 0);
  assert.ok(rate.kbps5m(now, bytes) > 130 && rate.kbps5m(now, bytes) < 160);
  run(60, 0);
  assert.equal(rate.kbps5m(now, bytes), 0);
});

test('the long rate forgets a burst after just five minutes', () => {
  const { rate, sample } = sampled();
  for (let index = 1; index <= 120; index += 1) {
    const now = index * SAMPLE_MS;
    const bytes = 100_000 * Math.min(6, Math.max(0, index - 60));
    sample(now, bytes);
    if (index >= 61) assert.equal(rate.kbps5m(now, bytes) > 0, index < 120, `sample ${index}`);
  }
});

test('a steady flow has its rate at every time', () => {
  fc.assert(
    fc.property(
      fc.nat(70),
      fc.nat(200),
      fc.integer({ min: 0, max: 1_000_000 }),
      (before, samples, perSample) => {
        const { rate, sample } = sampled(before);
        for (let index = 1; index <= samples; index += 1) sample(index * SAMPLE_MS, index * perSample);
        const now = (samples + 1) * SAMPLE_MS;
        const bytes = (samples + 1) * perSample;
        assert.equal(rate.kbps30s(now, bytes), kbpsOf(perSample));
        assert.equal(rate.kbps5m(now, bytes), kbpsOf(perSample));
      },
    ),
  );
});
