import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Value } from 'typebox/value';
import { ServerError } from '../../../../src/base/errors.ts';
import {
  EVENT_SCHEMAS,
  EventBody,
  EventLog,
  HELLO_SCHEMA,
  MAX_KEPT_EVENTS,
  ServerEvents,
  type EventFilter,
  type ServerEvent,
} from '../../../../src/control/events/index.ts';
import { HEARTBEAT_MS, MAX_EVENT_BACKLOG_BYTES } from '../../../../src/control/events/event-body.ts';
import type { SessionInfo, StreamState } from '../../../../src/hub/ports.ts';
import { IpRange } from '../../../../src/net/index.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const NAME = { vhost: 'v', app: 'live', stream: 'show' };
const ALL: EventFilter = { types: undefined, stream: undefined };
const SESSION: SessionInfo = { id: 'one', ip: '10.0.0.1', type: 'rtmp-publish', close: () => undefined };
const RELOAD = { ok: true, trigger: 'SIGHUP', applied: [], restart: [], refused: [] };
const HELLO = { type: 'hello', at_ms: 5, server: 'vid-1', service: 'run', version: '1.2.3' } as const;

interface Rig {
  readonly clock: ManualClock;
  readonly events: ServerEvents;
  state: StreamState | undefined;
  readonly body: (filter?: EventFilter, lastId?: string) => EventBody;
}

function rig(): Rig {
  const clock = new ManualClock();
  const began = clock.now();
  const made: Rig = {
    clock,
    state: undefined,
    events: new ServerEvents({
      clock,
      unixTime: () => 1_000 + clock.now() - began,
      find: () => (made.state === undefined ? undefined : { state: made.state }),
    }),
    body: (filter = ALL, lastId?) =>
      new EventBody({ events: made.events, clock, filter, service: 'run', lastId, hello: HELLO }),
  };
  return made;
}

const textOf = (body: EventBody): string => (body.read() as Buffer | null)?.toString() ?? '';

const noted = (stream: string): ServerEvent => ({
  type: 'stream_waiting',
  at_ms: 1,
  vhost: 'v',
  app: 'live',
  stream,
});

test('each event has the shape of its schema, in the order of what happened', async () => {
  const { events, clock } = rig();
  const seen: ServerEvent[] = [];
  const types = new Set(Object.keys(EVENT_SCHEMAS) as (keyof typeof EVENT_SCHEMAS)[]);
  events.log.listen({ types, stream: undefined }, ({ event }) => seen.push(event));
  const viewer = { ...SESSION, id: 'two', type: 'flv-play' };
  events.publishStarted(NAME, SESSION);
  events.playStarted(NAME, viewer);
  clock.advance(1_500);
  const stats = { queuedMs: 0, queuedBytes: 0, sentBytes: 77, drops: 2, droppedBytes: 9 };
  events.playEnded(NAME, viewer, stats);
  const file = { name: NAME, session: SESSION, file: '/x/a.ts', durationMs: 1_999.7 };
  events.segmentDone({ ...file, url: 'a.ts', playlist: 'p', playlistUrl: 'p', sequence: 3 });
  events.recordingDone({ ...file, bytes: 9, problem: new ServerError('LISTEN_FAILED', 'x') });
  const error = new ServerError('LISTEN_FAILED', 'the disk is full');
  events.outputFailed({ output: 'hls', name: NAME, session: SESSION, error, then: 'stops' });
  const warning = {
    name: NAME,
    publisherId: 'one',
    problem: 'no_video',
    message: 'none',
    sinceMs: 5.5,
  } as const;
  events.streamWarned({ ...warning, active: true });
  events.streamWarned({ ...warning, active: false });
  events.banned({
    id: 'b1',
    range: IpRange.parse('10.0.0.0/8'),
    stream: 'v/live/show',
    action: 'play',
    reason: '',
    createdMs: 5,
    expiresMs: undefined,
  });
  events.unbanned({ id: 'b1' });
  events.reloaded({ ...RELOAD, applied: ['listen'], restart: ['daemon'] });
  events.streamGone(NAME); // As the hub does it without a hold time.
  events.publishEnded(NAME, SESSION);
  await Promise.resolve();
  assert.deepEqual(
    seen.map(({ type }) => type),
    [
      'stream_published',
      'session_started',
      'session_ended',
      'segment_done',
      'recording_done',
      'output_failed',
      'warning_began',
      'warning_over',
      'ban_added',
      'ban_removed',
      'server_reloaded',
      'stream_unpublished',
      'stream_gone',
    ],
  );
  for (const event of seen) assert.deepEqual(Value.Errors(EVENT_SCHEMAS[event.type], event), [], event.type);
  const ended = seen.find(({ type }) => type === 'session_ended');
  assert.deepEqual(ended, {
    type: 'session_ended',
    at_ms: 2_500,
    ...NAME,
    client_id: 'two',
    ip: '10.0.0.1',
    kind: 'flv-play',
    lasted_ms: 1_500,
    send_bytes: 77,
    drops: 2,
  });
});

test('a stream that is held is told as waiting; one that was only waited for is not told as gone', async () => {
  const made = rig();
  const seen: string[] = [];
  made.events.log.listen(ALL, ({ event }) => seen.push(event.type));
  made.events.publishStarted(NAME, SESSION);
  made.state = 'waiting';
  made.events.publishEnded(NAME, SESSION);
  made.events.streamGone(NAME);
  await Promise.resolve();
  made.events.streamGone(NAME);
  await Promise.resolve();
  assert.deepEqual(seen, ['stream_published', 'stream_unpublished', 'stream_waiting', 'stream_gone']);
});

test('the log keeps so many, numbers them, and filters by type and stream', () => {
  const log = new EventLog();
  const seen: number[] = [];
  const stop = log.listen({ types: undefined, stream: 'v/live/b' }, ({ id }) => seen.push(id));
  log.add(noted('a'));
  log.add(noted('b'));
  log.add({ type: 'server_reloaded', at_ms: 1, ...RELOAD });
  stop();
  log.add(noted('b'));
  assert.deepEqual(seen, [2]);
  const ids = (after: number, filter = ALL): number[] | undefined =>
    log.since(after, filter)?.map(({ id }) => id);
  assert.deepEqual(ids(0), [1, 2, 3, 4]);
  assert.deepEqual(ids(4), []);
  assert.equal(ids(5), undefined, 'not yet');
  assert.deepEqual(ids(0, { types: new Set(['server_reloaded']), stream: undefined }), [3]);
  for (let index = 0; index < MAX_KEPT_EVENTS; index += 1) log.add(noted('c'));
  assert.equal(ids(3), undefined, 'forgotten');
  assert.equal(ids(4)?.length, MAX_KEPT_EVENTS);
});

test('segments are told to those who name them, and not kept', () => {
  const { events } = rig();
  const all: string[] = [];
  const named: string[] = [];
  events.log.listen(ALL, ({ event }) => all.push(event.type));
  events.log.listen({ types: new Set(['segment_done']), stream: undefined }, ({ event }) =>
    named.push(event.type),
  );
  const file = { name: NAME, session: SESSION, file: '/x/a.ts', durationMs: 2_000 };
  events.segmentDone({ ...file, url: 'a.ts', playlist: 'p', playlistUrl: 'p', sequence: 3 });
  events.reloaded(RELOAD);
  assert.deepEqual([all, named], [['server_reloaded'], ['segment_done']]);
  assert.deepEqual(
    events.log.since(0, ALL)?.map(({ id }) => id),
    [2],
  );
});

test('a body says hello, tells events with ids, keeps the line open and ends with the server', () => {
  const { events, clock, body } = rig();
  const one = body();
  const hello = textOf(one);
  const [, data = ''] = /^retry: 2000\nevent: hello\ndata: (.*)\n\n$/.exec(hello) ?? [];
  assert.deepEqual(Value.Errors(HELLO_SCHEMA, JSON.parse(data)), []);
  events.reloaded({ ...RELOAD, applied: ['listen'] });
  assert.equal(
    textOf(one),
    'id: run-1\nevent: server_reloaded\ndata: {"type":"server_reloaded","at_ms":1000,"ok":true,"trigger":"SIGHUP","applied":["listen"],"restart":[],"refused":[]}\n\n',
  );
  clock.advance(HEARTBEAT_MS);
  assert.equal(textOf(one), ':\n\n');
  events.close();
  assert.equal(one.read(), null);
  assert.equal(events.log.readers, 0);
  clock.advance(HEARTBEAT_MS);
  assert.equal(one.read(), null);
});

test('who comes back gets what it missed, or hears that it is forgotten', () => {
  const { events, body } = rig();
  for (const stream of ['a', 'b', 'c']) events.add(noted(stream));
  const streams = (text: string): string[] =>
    [...text.matchAll(/"stream":"(\w)"/g)].map(([, name]) => name ?? '');
  const isMissed = (text: string): boolean => /"missed":true/.test(text);
  for (const [lastId, want, missed] of [
    [undefined, [], false],
    ['run-1', ['b', 'c'], false],
    ['run-3', [], false],
    ['run-9', [], true],
    ['other-1', [], true],
    ['run-x', [], true],
    ['run-', [], true],
  ] as const) {
    const text = textOf(body(ALL, lastId));
    assert.deepEqual([streams(text), isMissed(text)], [want, missed], lastId);
  }
});

test('a reader that is too slow is ended, and nobody else', () => {
  const { events, body } = rig();
  const slow = body();
  const quick = body();
  let told = 0;
  while (!slow.destroyed) {
    events.add(noted('x'.repeat(60_000)));
    textOf(quick);
    told += 1;
    assert.ok(told < 1_000, 'it was never ended');
  }
  assert.ok(told * 60_000 > MAX_EVENT_BACKLOG_BYTES - 120_000);
  assert.equal(quick.destroyed, false);
});
