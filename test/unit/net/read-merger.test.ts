import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReadMerger, type MergedReader } from '../../../src/net/read-merger.ts';
import { ManualClock } from '../../support/manual-clock.ts';

function reader(maxRestMs: number, log: number[], clock: ManualClock): MergedReader {
  return { maxRestMs, sample: -1, readAgain: () => void log.push(clock.now()) };
}

/** Reads of `count` senders, each every 15 ms, for `ms`; says what the last of them was told. */
function run(merger: ReadMerger, clock: ManualClock, count: number, ms: number): number {
  const log: number[] = [];
  const readers = Array.from({ length: count }, () => reader(350, log, clock));
  let rested = 0;
  for (let at = 0; at < ms; at += 15) {
    clock.advance(15);
    for (const one of readers) if (merger.rests(one)) rested += 1;
  }
  return rested;
}

test('up to a hundred senders are read as they send', () => {
  const clock = new ManualClock();
  const merger = new ReadMerger(clock);
  assert.equal(run(merger, clock, 100, 2_000), 0);
  assert.equal(merger.windowMs, 0);
  assert.equal(clock.pending, 0);
});

test('many senders rest for a window that grows with their number, and go on when it is over', () => {
  const clock = new ManualClock();
  const merger = new ReadMerger(clock);
  run(merger, clock, 600, 1_000);
  assert.equal(merger.windowMs, 200);
  const log: number[] = [];
  const one = reader(350, log, clock);
  const asked = clock.now();
  assert.equal(merger.rests(one), true);
  clock.advance(199);
  assert.equal(log.length, 0);
  clock.advance(30);
  assert.equal(log.length, 1);
  const rested = Math.max(...log) - asked;
  assert.ok(rested >= 200 && rested <= 220, `rested ${rested} ms`);
  clock.advance(1_000);
  assert.equal(clock.pending, 0, 'no timer is left when nobody rests');
});

test("a sender's own bound is shorter than the window: mr_latency", () => {
  const clock = new ManualClock();
  const merger = new ReadMerger(clock);
  run(merger, clock, 600, 1_000);
  const log: number[] = [];
  const asked = clock.now();
  assert.equal(merger.rests(reader(20, log, clock)), true);
  clock.advance(40);
  assert.ok(log.length === 1 && Math.max(...log) - asked <= 40, `resumed at ${log.join()}`);
  assert.equal(merger.rests(reader(0, log, clock)), false, 'mr off');
});

test('merging ends when the senders leave', () => {
  const clock = new ManualClock();
  const merger = new ReadMerger(clock);
  run(merger, clock, 600, 1_000);
  run(merger, clock, 50, 1_100);
  assert.equal(merger.windowMs, 0);
});

test('a closed merger resumes nobody', () => {
  const clock = new ManualClock();
  const merger = new ReadMerger(clock);
  run(merger, clock, 600, 1_000);
  const log: number[] = [];
  merger.rests(reader(350, log, clock));
  merger.close();
  clock.advance(1_000);
  assert.deepEqual(log, []);
});
