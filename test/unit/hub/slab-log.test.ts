import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GrowingBytes, SlabLog } from '../../../src/hub/slab-log.ts';

function append(log: SlabLog | GrowingBytes, size: number, value: number): void {
  const { buffer, offset } = log.reserve(size);
  buffer.fill(value, offset, offset + size);
}

test('any view is the bytes that were written there, within and across blocks', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 40 }),
      fc.nat(),
      fc.nat(),
      (sizes, a, b) => {
        const log = new SlabLog();
        const plain: Buffer[] = [];
        sizes.forEach((size, index) => {
          append(log, size, index & 255);
          plain.push(Buffer.alloc(size, index & 255));
        });
        const all = Buffer.concat(plain);
        assert.equal(log.end, all.length);
        const from = Math.min(a % (all.length + 1), b % (all.length + 1));
        const to = Math.max(a % (all.length + 1), b % (all.length + 1));
        assert.ok(log.view(from, to).equals(all.subarray(from, to)));
      },
    ),
    { numRuns: 200, interruptAfterTimeLimit: 3_000, markInterruptAsFailure: false },
  );
});

test('two views of one window share memory', () => {
  const log = new SlabLog();
  append(log, 100, 1);
  append(log, 100, 2);
  const [one, two] = [log.view(50, 200), log.view(50, 200)];
  assert.equal(one.buffer, two.buffer);
  assert.equal(one.byteOffset, two.byteOffset);
});

test('blocks that all have passed are forgotten; what is outside is an error of ours', () => {
  const log = new SlabLog();
  for (let n = 0; n < 100; n += 1) append(log, 10_000, n);
  const before = log.slabs;
  const kept = log.view(0, 10);
  log.trim(log.end);
  assert.ok(before > 3 && log.slabs === 1);
  assert.equal(kept[0], 0);
  assert.throws(() => log.view(0, 10), RangeError);
  assert.throws(() => log.view(log.end, log.end + 1), RangeError);
  assert.equal(log.view(log.end, log.end).length, 0);
});

test('growing bytes never change a view given out before', () => {
  const bytes = new GrowingBytes(16);
  append(bytes, 10, 1);
  const early = bytes.view();
  append(bytes, 100, 2);
  assert.deepEqual([...early], new Array(10).fill(1));
  assert.equal(bytes.view().length, 110);
  assert.equal(bytes.view()[9], 1);
  assert.equal(bytes.view()[109], 2);
});

test('blocks grow with the rate: a slow stream holds little', () => {
  for (const { kbps, most } of [
    { kbps: 240, most: 64 * 1024 },
    { kbps: 8_000, most: 256 * 1024 },
  ]) {
    const log = new SlabLog();
    for (let ms = 0; ms < 60_000; ms += 40) {
      log.nowMs = ms;
      append(log, kbps * 5, 1);
      log.trim(log.end);
    }
    assert.equal(log.end - log.start <= most, true);
    append(log, most / 2, 1);
    assert.equal(log.view(log.end - 1, log.end).buffer.byteLength, most);
  }
});
