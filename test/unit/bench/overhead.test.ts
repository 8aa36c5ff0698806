import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { checkBudgets } from '../../../bench/budgets.ts';
import { computeOverheads, OVERHEAD_LIMITS, overheadStream, percentOver } from '../../../bench/overhead.ts';
import { renderMarkdown, overheadTable } from '../../../bench/report.ts';

suite('what containers add to streams', () => {
  const overheads = computeOverheads();

  test('the generated streams have the bit rates that they are named after', () => {
    for (const { kbps, flvBytes } of overheads) {
      const real = (flvBytes * 8) / 1000 / 120;
      assert.ok(Math.abs(real / kbps - 1) < 0.02, `${real} is not ${kbps}`);
    }
    const frames = overheadStream(860, 96);
    assert.equal(frames.filter(({ isKeyframe }) => isKeyframe).length, 60);
    assert.ok(frames.some(({ cts }) => cts > 0));
  });

  test('MPEG-TS as HLS has it stays within its limit at every bit rate', () => {
    const results = checkBudgets([], overheads);
    assert.equal(results.length, OVERHEAD_LIMITS.length);
    for (const { what, measured, limit, met } of results) {
      assert.ok(met, `${what}: ${measured} of ${limit}`);
      // Tables, clock references and half a packet for each picture cannot be had for nothing.
      assert.ok(measured > 2, what);
    }
  });

  test('fragmented MP4 is no longer than FLV', () => {
    for (const { flvBytes, fmp4Bytes } of overheads) {
      const percent = percentOver(flvBytes, fmp4Bytes);
      assert.ok(percent < 0 && percent > -5, String(percent));
    }
  });

  test('a row over the limit is not met', () => {
    const [row] = checkBudgets([], [{ kbps: 860, flvBytes: 10_000, tsBytes: 10_501, fmp4Bytes: 1 }]);
    assert.equal(row?.met, false);
    const text = renderMarkdown(
      overheadTable([{ kbps: 860, flvBytes: 10_000, tsBytes: 10_450, fmp4Bytes: 9900 }]),
    );
    assert.match(text, /\| 860 kbps \| 10000 \| 10450 \| 4\.50 % \| 5 % \| -1\.00 % \|/);
  });
});
