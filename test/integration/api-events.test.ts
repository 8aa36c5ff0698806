import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { afterEach, test } from 'node:test';
import { Value } from 'typebox/value';
import { EVENT_SCHEMAS, HELLO_SCHEMA } from '../../src/control/events/index.ts';
import { loadCertificate } from '../../src/net/index.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { makeCertificate } from '../support/certificates.ts';
import { EventReader, readEvents } from '../support/event-reader.ts';
import { eventually } from '../support/eventually.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { ReloadServer } from '../support/reload-server.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { TestServer } from '../support/test-server.ts';

const undo: (() => unknown)[] = [];

afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

async function start(...args: Parameters<typeof startTestApi>): Promise<TestApi> {
  const api = await startTestApi(...args);
  undo.push(() => api.close());
  return api;
}

async function listen(url: string, headers?: Record<string, string>): Promise<ReturnType<typeof readEvents>> {
  const reading = await readEvents(url, headers);
  undo.push(() => reading.stop());
  return reading;
}

const RELOAD = { ok: true, trigger: 'SIGHUP', applied: [], restart: [], refused: [] };
const NAME = { vhost: '__defaultVhost__', app: 'live', stream: 'show' };

test('a server tells of publishers, viewers, kicks and reloads as they happen', async () => {
  const server = await TestServer.start({
    top: 'http_api { enabled on; listen 127.0.0.1:0; }',
    vhost: 'publish { hold_time 0; }',
  });
  undo.push(() => server.stop());
  const origin = `http://127.0.0.1:${server.server.addresses.api[0]?.port ?? 0}`;
  const { reader, ended } = await listen(`${origin}/api/v1/events`);
  const publisher = await RtmpPeer.publish(server.rtmpPort, 'show?token=secret');
  undo.push(() => publisher.destroy());
  await reader.until(2);
  const player = await RtmpPeer.play(server.rtmpPort, 'show?token=secret');
  undo.push(() => player.destroy());
  await reader.until(3);
  player.destroy();
  await reader.until(4);
  await fetch(`${origin}/api/v1/streams/live/show?ban=60`, { method: 'DELETE' });
  const all = await reader.until(7);
  assert.deepEqual(reader.types.slice(0, 4), [
    'hello',
    'stream_published',
    'session_started',
    'session_ended',
  ]);
  assert.deepEqual(reader.types.slice(4).toSorted(), ['ban_added', 'stream_gone', 'stream_unpublished']);
  assert.deepEqual(Value.Errors(HELLO_SCHEMA, all[0]?.data), []);
  for (const { event, data } of all.slice(1)) {
    assert.deepEqual(Value.Errors(EVENT_SCHEMAS[event as keyof typeof EVENT_SCHEMAS], data), [], event);
  }
  assert.doesNotMatch(JSON.stringify(all), /secret/);
  const published = all[1]?.data;
  assert.deepEqual([published?.['stream'], published?.['kind']], ['show', 'rtmp-publish']);
  const closing = server.stop();
  await ended;
  await closing;
});

test('a reload tells what became of it, also of a file that cannot be used', async () => {
  const text = 'listen 127.0.0.1:0; http_api { enabled on; listen 127.0.0.1:0; }';
  const server = await ReloadServer.start(text);
  undo.push(() => server.stop());
  const { reader } = await listen(`http://127.0.0.1:${server.apiPort}/api/v1/events`);
  await reader.until(1);
  await server.reload(
    `${text} chunk_size 4096; work_dir /tmp; http_server { enabled on; listen 192.0.2.1:1; }`,
  );
  await server.reload(`${text} chunk_size what;`);
  const [, applied, unusable] = await reader.until(3);
  const lists = (data: Record<string, unknown> = {}): unknown[] => [
    data['ok'],
    data['trigger'],
    data['applied'],
    data['restart'],
    data['refused'],
  ];
  assert.deepEqual(lists(applied?.data), [
    true,
    'test',
    ['chunk_size'],
    ['work_dir'],
    ['http_server.enabled', 'http_server.listen'],
  ]);
  assert.deepEqual(lists(unusable?.data), [false, 'test', [], [], []]);
  assert.deepEqual(Value.Errors(EVENT_SCHEMAS.server_reloaded, applied?.data), []);
});

test('who comes back hears what it missed, by header or query', async () => {
  const { origin, events } = await start();
  const first = await listen(`${origin}/api/v1/events`);
  events.reloaded({ ...RELOAD, applied: ['listen'] });
  const [, seen] = await first.reader.until(2);
  first.stop();
  events.reloaded({ ...RELOAD, applied: ['pid'] });
  for (const [url, headers] of [
    [`${origin}/api/v1/events`, { 'last-event-id': seen?.id ?? '' }],
    [`${origin}/api/v1/events?last_event_id=${seen?.id ?? ''}`, {}],
  ] as const) {
    const { reader } = await listen(url, headers);
    const [hello, missed] = await reader.until(2);
    assert.equal(hello?.data['missed'], false);
    assert.deepEqual(missed?.data['applied'], ['pid']);
  }
  const { reader } = await listen(`${origin}/api/v1/events`, { 'last-event-id': 'other-7' });
  const [hello] = await reader.until(1);
  assert.equal(hello?.data['missed'], true);
});

test('filters: types, groups of them, and one stream', async () => {
  const { origin, events } = await start();
  const named = await listen(`${origin}/api/v1/events?types=server_reloaded`);
  const group = await listen(`${origin}/api/v1/events?types=stream,ban`);
  const one = await listen(`${origin}/api/v1/events?stream=live/show`);
  await one.reader.until(1);
  for (const stream of ['other', 'show'])
    events.publishStarted({ ...NAME, stream }, { id: 'p', ip: '::1', type: 'x', close: () => undefined });
  events.unbanned({ id: 'b' });
  events.reloaded(RELOAD);
  await named.reader.until(2);
  await group.reader.until(4);
  assert.deepEqual(named.reader.types, ['hello', 'server_reloaded']);
  assert.deepEqual(group.reader.types, ['hello', 'stream_published', 'stream_published', 'ban_removed']);
  await one.reader.until(2);
  assert.deepEqual(
    one.reader.events.map(({ data }) => data['stream']),
    [undefined, 'show'],
  );
  const wrong = await fetch(`${origin}/api/v1/events?types=nonsense`);
  assert.equal(wrong.status, 400);
  assert.equal(((await wrong.json()) as { code: number }).code, 4005);
});

test('a comment keeps the line open, and who leaves is forgotten', async () => {
  const clock = new ManualClock();
  const { origin, events } = await start({ clock });
  const reading = await listen(`${origin}/api/v1/events`);
  const { reader } = reading;
  await reader.until(1);
  clock.advance(15_000);
  await eventually(() => reader.comments === 1, 'a comment');
  assert.equal(events.log.readers, 1);
  reading.stop();
  await eventually(() => events.log.readers === 0, 'no reader');
});

test('more than so many readers are sent away', async () => {
  const { origin, events } = await start();
  for (let index = 0; index < 100; index += 1)
    events.log.listen({ types: new Set(), stream: '' }, () => index);
  const response = await fetch(`${origin}/api/v1/events`);
  assert.equal(response.status, 503);
  assert.equal(response.headers.get('retry-after'), '10');
});

test('a reader that takes nothing is ended; the others go on', async () => {
  const { origin, events } = await start();
  const { reader } = await listen(`${origin}/api/v1/events`);
  await reader.until(1);
  const slow = connectTcp(Number(new URL(origin).port), '127.0.0.1');
  undo.push(() => slow.destroy());
  slow.pause();
  slow.write('GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  await eventually(() => events.log.readers === 2, 'two readers');
  let told = 0;
  while (events.log.readers === 2) {
    events.reloaded({ ...RELOAD, applied: ['x'.repeat(50_000)] });
    told += 1;
    await reader.until(told + 1);
    assert.ok(told < 2_000, 'it was never ended');
  }
  assert.equal(events.log.readers, 1);
});

test('events over HTTP/2', async () => {
  const { origin, api, events } = await start();
  assert.ok(origin);
  const certificate = await makeCertificate();
  await api.listenSecure(
    [{ host: '127.0.0.1', port: 0 }],
    await loadCertificate({ directive: 'http_api.https', ...certificate }),
  );
  const session = connect(`https://127.0.0.1:${api.secureAddresses[0]?.port ?? 0}`, {
    ca: await readFile(certificate.cert),
  });
  undo.push(() => session.destroy());
  const stream = session.request({ ':path': '/api/v1/events' });
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  assert.equal(headers[':status'], 200);
  const reader = new EventReader();
  stream.setEncoding('utf8').on('data', (text: string) => reader.add(text));
  await reader.until(1);
  events.reloaded({ ...RELOAD, applied: ['listen'] });
  await reader.until(2);
  stream.close();
  await eventually(() => events.log.readers === 0, 'no reader');
});
