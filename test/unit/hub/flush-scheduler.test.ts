import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FlushScheduler, type Flushable } from '../../../src/hub/flush-scheduler.ts';
import { MessagePacer } from '../../../src/hub/message-pacer.ts';
import { ManualClock } from '../../support/manual-clock.ts';

function setUp(count: number) {
  const clock = new ManualClock();
  const scheduler = new FlushScheduler(clock);
  const times: number[][] = [];
  const groups = Array.from({ length: count }, (): Flushable => {
    const mine: number[] = [];
    times.push(mine);
    return { scheduled: false, offset: scheduler.nextOffset(), flush: () => void mine.push(clock.now()) };
  });
  return { clock, scheduler, groups, times };
}

test('window 0: all groups are flushed at the end of this turn, once', () => {
  const { clock, scheduler, groups, times } = setUp(3);
  for (const group of groups) scheduler.schedule(group, 0, clock.now());
  assert.deepEqual(times, [[], [], []]);
  clock.runSoon();
  assert.deepEqual(
    times.map((mine) => mine.length),
    [1, 1, 1],
  );
  assert.ok(groups.every((group) => !group.scheduled));
  clock.advance(1_000);
  assert.deepEqual(
    times.map((mine) => mine.length),
    [1, 1, 1],
  );
});

test('groups are spread over the window, each comes once a window', () => {
  const { clock, scheduler, groups, times } = setUp(32);
  for (let ms = 0; ms < 3_500; ms += 5) {
    for (const group of groups) if (!group.scheduled) scheduler.schedule(group, 350, clock.now());
    clock.advance(5);
  }
  for (const mine of times) {
    assert.ok(mine.length >= 9 && mine.length <= 11, `${mine.length} flushes`);
    for (let n = 2; n < mine.length; n += 1) {
      assert.ok(Math.abs((mine[n] ?? 0) - (mine[n - 1] ?? 0) - 350) <= 4);
    }
  }
  const moments = new Map<number, number>();
  for (const at of times.flat()) moments.set(at, (moments.get(at) ?? 0) + 1);
  assert.ok(Math.max(...moments.values()) <= 2, 'never many groups at once');
});

test('no timer is left when nothing is due', () => {
  const { clock, scheduler, groups } = setUp(4);
  for (const group of groups) scheduler.schedule(group, 100, clock.now());
  assert.equal(clock.pending, 1, 'one timer for all');
  clock.advance(110);
  assert.equal(clock.pending, 0);
  for (const group of groups) scheduler.schedule(group, 100, clock.now());
  scheduler.close();
  assert.equal(clock.pending, 0);
});

test('send_min_interval: messages go one at a time, never closer than the interval', () => {
  const clock = new ManualClock();
  const released: [number, number][] = [];
  const begin = clock.now();
  const pacer: MessagePacer = new MessagePacer(clock, 10, 1_000, () => {
    released.push([clock.now() - begin, pacer.released]);
  });
  for (let end = 100; end <= 500; end += 100) pacer.add(end, clock.now());
  clock.advance(100);
  assert.deepEqual(released, [
    [0, 100],
    [10, 200],
    [20, 300],
    [30, 400],
    [40, 500],
  ]);
  assert.equal(clock.pending, 0);
});

test('send_min_interval: what waited too long goes at once', () => {
  const clock = new ManualClock();
  const pacer: MessagePacer = new MessagePacer(clock, 100, 300, () => undefined);
  for (let n = 1; n <= 100; n += 1) {
    pacer.add(n, clock.now());
    clock.advance(10);
  }
  assert.ok(pacer.released >= 65, `${pacer.released} released`);
  pacer.release(100);
  assert.equal(pacer.released, 100);
  assert.equal(clock.pending, 0);
});
