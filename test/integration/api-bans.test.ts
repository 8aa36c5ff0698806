import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { Playback } from '../../src/hub/ports.ts';
import { MAX_BANS } from '../../src/control/access/bans/ban-list.ts';
import { startTestApi, API_TIME, type TestApi } from '../support/api.ts';

let api: TestApi | undefined;
afterEach(async () => {
  await api?.close();
  api = undefined;
});

interface Answered {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function call(
  path: string,
  method = 'GET',
  body?: string,
  type = 'application/json',
): Promise<Answered> {
  api ??= await startTestApi();
  const content = body === undefined ? {} : { body, headers: { 'content-type': type } };
  const response = await fetch(`${api.origin}/api/v1/${path}`, { method, ...content });
  const text = await response.text();
  return {
    status: response.status,
    body: text.startsWith('{') ? (JSON.parse(text) as Answered['body']) : { text },
  };
}

const BASE = { code: 0, server: 'vid-1', service: 'service-1', pid: '42' };

test('a ban is made by the query or by a body, read one by one or all, and lifted', async () => {
  const first = await call('bans/?ip=192.0.2.0%2F24&action=publish&seconds=60&reason=flood', 'POST');
  const ban = {
    ip: '192.0.2.0/24',
    stream: '',
    action: 'publish',
    reason: 'flood',
    created_ms: API_TIME,
    expires_ms: API_TIME + 60_000,
  };
  const { id } = first.body['ban'] as { id: string };
  assert.match(id, /^ban-[0-9a-f]{10}$/);
  assert.deepEqual(first, { status: 200, body: { ...BASE, ban: { ...ban, id }, kicked: 0 } });
  const second = await call(
    'bans/?ip=10.0.0.1',
    'POST',
    '{"ip":"2001:DB8::1","stream":"/live/a b","seconds":0}',
  );
  const made = second.body['ban'] as { id: string };
  assert.deepEqual(made, {
    id: made.id,
    ip: '2001:db8::1',
    stream: '__defaultVhost__/live/a b',
    action: 'all',
    reason: '',
    created_ms: API_TIME,
    expires_ms: 0,
  });
  assert.deepEqual((await call('bans/')).body, { ...BASE, total: 2, bans: [{ ...ban, id }, made] });
  assert.deepEqual((await call('bans/?start=1&count=1')).body, { ...BASE, total: 2, bans: [made] });
  assert.deepEqual((await call(`bans/${made.id}`)).body, { ...BASE, ban: made });
  assert.deepEqual((await call(`bans/${id}`, 'DELETE')).body, { ...BASE, ban: { ...ban, id } });
  assert.equal((await call(`bans/${id}`, 'DELETE')).body['code'], 1114);
  assert.equal((await call(`bans/${id}`)).body['code'], 1114);
  assert.equal((await call(`bans/${made.id}?method=DELETE&callback=f`)).body['text'] !== undefined, true);
  assert.deepEqual((await call('bans/')).body['bans'], [], 'lifted by JSONP');
});

test('the ban of a client of IPv6 holds for its /64', async () => {
  api ??= await startTestApi();
  const closed: string[] = [];
  const playback = {
    stats: { queuedMs: 0, queuedBytes: 0, sentBytes: 0, drops: 0, droppedBytes: 0 },
  } as Playback;
  for (const [id, ip] of [
    ['one', '2001:db8:0:1::1'],
    ['two', '2001:db8:0:1:ffff::2'],
    ['three', '2001:db8:0:2::1'],
  ] as const) {
    const session = { id, ip, type: 'flv-play', close: () => void closed.push(id) };
    api.sessions.playStarted({ vhost: 'v', app: 'live', stream: 'show' }, session, playback);
  }
  const { body } = await call('clients/one?ban=60', 'DELETE');
  assert.deepEqual([body['code'], body['kicked']], [0, 2]);
  assert.equal((body['ban'] as { ip: string }).ip, '2001:db8:0:1::/64');
  assert.deepEqual(closed, ['one', 'two']);
});

const WRONG: readonly (readonly [path: string, body: string | undefined, code: number])[] = [
  ['bans/', undefined, 1112],
  ['bans/', '{}', 1112],
  ['bans/', '[]', 1112],
  ['bans/', 'null', 1112],
  ['bans/?ip=nobody', undefined, 1112],
  ['bans/?ip=10.0.0.1&ip=10.0.0.2', undefined, 1112],
  ['bans/?ip=10.0.0.1&seconds=-1', undefined, 1112],
  ['bans/?ip=10.0.0.1&seconds=1e3', undefined, 1112],
  ['bans/?ip=10.0.0.1&seconds=', undefined, 1112],
  ['bans/?stream=a', undefined, 1112],
  ['bans/', '{"ip":7}', 1112],
  ['bans/', '{"ip":"10.0.0.1","seconds":1.5}', 1112],
  ['bans/', '{"ip":"10.0.0.1","seconds":null}', 1112],
  ['bans/', '{"ip":"10.0.0.1","action":"stop"}', 1112],
  ['bans/', '{"ip":"10.0.0.1","reason":["x"]}', 1112],
  ['bans/', '{"ip":', 4005],
  ['bans/', `{"reason":"${'x'.repeat(70_000)}"}`, 4005],
];

test('what cannot be banned is refused, and nobody is banned', async () => {
  for (const [path, body, code] of WRONG) {
    const { body: answered } = await call(path, 'POST', body);
    assert.equal(answered['code'], code, `${path} ${body?.slice(0, 60) ?? ''}: ${JSON.stringify(answered)}`);
    assert.equal(typeof answered['msg'], 'string');
  }
  assert.deepEqual((await call('bans/')).body['bans'], []);
  assert.equal((await call('bans/', 'DELETE')).body['code'], 1114);
  for (const [path, method] of [
    ['bans/', 'PUT'],
    ['bans/x', 'PUT'],
    ['bans/x', 'POST'],
  ] as const)
    assert.equal((await call(path, method)).status, 405);
  // A body that is no JSON is not looked at, as elsewhere.
  assert.equal((await call('bans/?ip=10.0.0.1', 'POST', 'ip=10.0.0.2', 'text/plain')).body['code'], 0);
});

test('a list of all the bans that there may be comes at once, and one more is refused', async () => {
  const started = (api ??= await startTestApi());
  for (let index = 0; index < MAX_BANS; index += 1)
    started.bans.add({ ip: `10.${index >> 8}.${index & 255}.0/24` });
  assert.equal((await call('bans/?ip=11.0.0.1', 'POST')).body['code'], 1113);
  const before = performance.now();
  const { body } = await call('bans/');
  const took = performance.now() - before;
  assert.deepEqual([body['total'], (body['bans'] as unknown[]).length], [MAX_BANS, MAX_BANS]);
  assert.ok(took < 2_000, `${took} ms`);
});
