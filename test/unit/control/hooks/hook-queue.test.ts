import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  HookQueue,
  MAX_WAITING_EVENT_BYTES,
  MAX_WAITING_EVENTS,
  MAX_WAITING_FILE_EVENTS,
  type QueuedEvent,
} from '../../../../src/control/hooks/hook-queue.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Events whose tries answer as `outcomes` say, then `done`. */
class Log {
  readonly lines: string[] = [];

  event(
    name: string,
    outcomes: readonly ('done' | 'again')[] = [],
    more: Partial<QueuedEvent> = {},
  ): QueuedEvent {
    let tries = 0;
    return {
      bytes: 1,
      isFile: false,
      attempt: () => {
        this.lines.push(name);
        tries += 1;
        return Promise.resolve(outcomes[tries - 1] ?? 'done');
      },
      retries: () => 3,
      lost: (why) => this.lines.push(`${name} lost: ${why}`),
      ...more,
    };
  }
}

function queue(): { readonly clock: ManualClock; readonly queue: HookQueue; readonly log: Log } {
  const clock = new ManualClock();
  return { clock, queue: new HookQueue({ clock, random: () => 0.5 }), log: new Log() };
}

test('events of one key wait for each other, those of others do not', async () => {
  const { clock, queue: events, log } = queue();
  events.push('a', log.event('a1', ['again', 'again']));
  events.push('a', log.event('a2'));
  events.push('b', log.event('b1'));
  await settle();
  assert.deepEqual(log.lines, ['a1', 'b1']);
  clock.advance(1_000);
  await settle();
  assert.deepEqual(log.lines, ['a1', 'b1', 'a1']);
  clock.advance(1_999);
  await settle();
  assert.equal(log.lines.length, 3);
  clock.advance(1);
  await settle();
  assert.deepEqual(log.lines, ['a1', 'b1', 'a1', 'a1', 'a2']);
  assert.equal(events.size, 0);
});

test('an event is given up after its retries; the next one has its turn', async () => {
  const { clock, queue: events, log } = queue();
  events.push('a', log.event('a1', ['again', 'again', 'again', 'again']));
  events.push('a', log.event('a2'));
  for (const ms of [1_000, 2_000, 4_000]) {
    await settle();
    clock.advance(ms);
  }
  await settle();
  assert.deepEqual(log.lines, ['a1', 'a1', 'a1', 'a1', 'a1 lost: no answer', 'a2']);
});

test('a back end that is away for a minute misses nothing by the default of seven retries', async () => {
  for (const random of [0, 1]) {
    const clock = new ManualClock();
    const events = new HookQueue({ clock, random: () => random });
    const log = new Log();
    const back = clock.now() + 60_000;
    const attempt = (): Promise<'done' | 'again'> => {
      if (clock.now() < back) return Promise.resolve('again');
      log.lines.push('told');
      return Promise.resolve('done');
    };
    events.push('a', log.event('a', [], { attempt, retries: () => 7 }));
    for (let second = 0; second < 120 && events.size > 0; second += 1) {
      await settle();
      clock.advance(1_000);
    }
    assert.deepEqual(log.lines, ['told']);
  }
});

test('what is too much is lost at once, and files leave room for ends', async () => {
  const { queue: events, log } = queue();
  const stuck = { attempt: () => new Promise<'done'>(() => undefined) };
  const push = (count: number, more: Partial<QueuedEvent>): void => {
    for (let index = 0; index < count; index += 1)
      events.push('k', log.event('x', [], { ...stuck, ...more }));
  };
  push(MAX_WAITING_FILE_EVENTS, { isFile: true });
  assert.deepEqual(log.lines, []);
  push(1, { isFile: true });
  assert.deepEqual(log.lines, ['x lost: full']);
  push(MAX_WAITING_EVENTS - MAX_WAITING_FILE_EVENTS, {});
  assert.equal(log.lines.length, 1);
  push(1, {});
  assert.equal(log.lines.length, 2);
  const other = queue();
  other.queue.push('k', other.log.event('big', [], { ...stuck, bytes: MAX_WAITING_EVENT_BYTES }));
  other.queue.push('k', other.log.event('x'));
  assert.deepEqual(other.log.lines, ['x lost: full']);
  await settle();
});

test('what was told or given up makes room for others: of number, of files and of bytes', async () => {
  const { queue: events, log } = queue();
  const kinds = [
    { count: MAX_WAITING_EVENTS, more: {} },
    { count: MAX_WAITING_FILE_EVENTS, more: { isFile: true } },
    { count: 4, more: { bytes: MAX_WAITING_EVENT_BYTES / 4 } },
  ];
  for (const { count, more } of kinds) {
    const held: ((outcome: 'done' | 'again') => void)[] = [];
    const attempt = (): Promise<'done' | 'again'> => new Promise((resolve) => held.push(resolve));
    for (let index = 0; index < count; index += 1)
      events.push(String(index), log.event('x', [], { attempt, retries: () => 0, ...more }));
    assert.equal(events.isHalfEmpty, false);
    assert.deepEqual(log.lines, []);
    // Half of them, some told and some given up.
    for (let index = 0; index < count / 2; index += 1) held[index]?.(index % 2 === 0 ? 'done' : 'again');
    await settle();
    assert.equal(events.isHalfEmpty, true);
    for (const answer of held) answer('done');
    await settle();
    assert.equal(events.size, 0);
    assert.equal(new Set(log.lines.splice(0)).size, 1);
  }
});

test('pauses grow to half a minute and no further', async () => {
  const { clock, queue: events, log } = queue();
  const times: number[] = [];
  const attempt = (): Promise<'again'> => {
    times.push(clock.now());
    return Promise.resolve('again');
  };
  events.push('a', log.event('a', [], { attempt, retries: () => 8 }));
  for (let second = 0; second < 300; second += 1) {
    await settle();
    clock.advance(1_000);
  }
  const pauses = times.slice(1).map((time, index) => (time - (times[index] ?? 0)) / 1_000);
  assert.deepEqual(pauses, [1, 2, 4, 8, 16, 30, 30, 30]);
  assert.deepEqual(log.lines, ['a lost: no answer']);
});

test('at the end all that waits has one more try, at once', async () => {
  const { queue: events, log } = queue();
  events.push('a', log.event('a1', ['again']));
  events.push('a', log.event('a2', ['again']));
  events.push('b', log.event('b1', ['again', 'again']));
  await settle();
  await events.close(3_000);
  assert.deepEqual(log.lines, [
    ...['a1', 'b1', 'a1', 'b1'],
    ...['b1 lost: stopping', 'a2', 'a2 lost: stopping'],
  ]);
  events.push('c', log.event('c1'));
  assert.equal(log.lines.at(-1), 'c1 lost: stopping');
});

test('the end does not wait for who does not answer', async () => {
  const { clock, queue: events, log } = queue();
  const attempt = (signal: AbortSignal): Promise<'again'> =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve('again')));
  events.push('a', log.event('a1', [], { attempt }));
  events.push('a', log.event('a2'));
  const closed = events.close(3_000);
  await settle();
  clock.advance(3_000);
  await closed;
  assert.deepEqual(log.lines, ['a1 lost: stopping', 'a2 lost: stopping']);
});

test('a question waits for the events before it, but not for ever', async () => {
  const { clock, queue: events, log } = queue();
  await events.emptied('a', 5_000);
  events.push('a', log.event('a1', ['again']));
  const order: string[] = [];
  const waited = events.emptied('a', 5_000).then(() => order.push('asked'));
  await settle();
  assert.deepEqual(order, []);
  clock.advance(1_000);
  await waited;
  assert.deepEqual(log.lines, ['a1', 'a1']);
  events.push('a', log.event('a2', [], { attempt: () => new Promise(() => undefined) }));
  const late = events.emptied('a', 5_000);
  clock.advance(5_000);
  await late;
});
