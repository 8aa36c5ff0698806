import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { ApiServer } from '../../src/control/api/index.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { TestServer } from '../support/test-server.ts';

const hub = new FakeHub();
let api: ApiServer;
let origin: string;

before(async () => {
  api = new ApiServer(
    {
      listen: [{ host: '127.0.0.1', port: 0 }],
      crossdomain: true,
      version: '4.5.6-beta.1',
      serverId: 'vid-1',
      pid: 42,
      now: () => 1_700_000_010_000,
    },
    { hub, logger: silentLogger, clock: systemClock },
  );
  await api.start();
  origin = `http://127.0.0.1:${api.addresses[0]?.port ?? 0}`;
});

after(() => api.close());

async function json(path: string, init?: RequestInit): Promise<Record<string, unknown>> {
  const response = await fetch(origin + path, init);
  assert.equal(response.status, 200, path);
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
  return (await response.json()) as Record<string, unknown>;
}

const BASE = { code: 0, server: 'vid-1', service: 'vid-1', pid: '42' };

test('versions, whatever the method', async () => {
  const want = { ...BASE, data: { major: 4, minor: 5, revision: 6, version: '4.5.6-beta.1' } };
  assert.deepEqual(await json('/api/v1/versions'), want);
  assert.deepEqual(await json('/api/v1/versions?x=1', { method: 'POST', body: 'whatever' }), want);
});

test('index, redirect to the slash form, unknown paths', async () => {
  assert.deepEqual(await json('/api/'), { ...BASE, urls: { v1: 'the api version 1.0' } });
  const index = await json('/api/v1/');
  assert.deepEqual(Object.keys(index['urls'] as object), ['versions', 'streams', 'clients']);
  assert.deepEqual(await json('/api/v1/unknown'), index);
  for (const path of ['/api', '/api/v1', '/api/v1/streams', '/api/v1/clients']) {
    const response = await fetch(`${origin}${path}?a=b`, { redirect: 'manual' });
    assert.equal(response.status, 302);
    assert.equal(response.headers.get('location'), `${path}/?a=b`);
  }
  assert.equal((await fetch(`${origin}/`)).status, 404);
  assert.equal((await fetch(`${origin}/api/v1/streams/`, { method: 'DELETE' })).status, 405);
});

test('streams and clients have the field names of SRS', async () => {
  const stream = hub.add('live', 'show');
  const { streams } = (await json('/api/v1/streams/')) as { streams: { id: string; vhost: string }[] };
  const [first] = streams;
  assert.ok(first);
  assert.deepEqual(first, {
    id: first.id,
    name: 'show',
    vhost: first.vhost,
    app: 'live',
    live_ms: 1_700_000_010_000,
    clients: 1,
    frames: 100,
    send_bytes: 0,
    recv_bytes: 5_000,
    kbps: { recv_30s: 237, send_30s: 0 },
    publish: { active: true, cid: 'pub1' },
    video: { codec: 'H264', profile: 'High', level: '3.1', width: 1280, height: 720 },
    audio: { codec: 'AAC', sample_rate: 44_100, channel: 2, profile: 'LC' },
  });
  assert.deepEqual((await json(`/api/v1/streams/${first.id}`))['stream'], first);
  assert.equal((await json('/api/v1/streams/str-0'))['code'], 2048);
  assert.deepEqual((await json('/api/v1/clients/'))['clients'], [
    {
      id: 'pub1',
      vhost: first.vhost,
      stream: first.id,
      ip: '10.0.0.1',
      pageUrl: '',
      swfUrl: '',
      tcUrl: '',
      url: '/live/show',
      type: 'rtmp-publish',
      publish: true,
      alive: 10,
    },
  ]);
  assert.equal(((await json('/api/v1/clients/pub1'))['client'] as { id: string }).id, 'pub1');
  assert.equal((await json('/api/v1/clients/nobody'))['code'], 2049);
  assert.equal(stream.playbacks.length, 0);
});

test('CORS only for requests with an origin; bad requests say a code', async () => {
  const plain = await fetch(`${origin}/api/v1/versions`);
  assert.equal(plain.headers.get('access-control-allow-origin'), null);
  const cross = await fetch(`${origin}/api/v1/versions`, { headers: { Origin: 'http://x' } });
  assert.equal(cross.headers.get('access-control-allow-origin'), '*');
  const preflight = await fetch(`${origin}/api/v1/streams/`, { method: 'OPTIONS' });
  assert.equal(preflight.status, 200);
  const bad = await fetch(`${origin}/api/v1/versions`, { method: 'POST', body: 'x'.repeat(70_000) });
  assert.equal(bad.status, 413);
  assert.deepEqual(await bad.json(), { code: 4005 });
  const url = await fetch(`${origin}/api/v1/streams/%zz`);
  assert.equal(url.status, 400);
  assert.deepEqual(await url.json(), { code: 4005 });
});

for (const [id, want] of [
  ['', /^vid-[a-z0-9]{9}$/],
  ['server_id studio-2;', /^studio-2$/],
] as const) {
  test(`the server names itself: ${id === '' ? 'nothing written' : id}`, async () => {
    const server = await TestServer.start({ top: `${id} http_api { enabled on; listen 127.0.0.1:0; }` });
    const { port = 0 } = server.server.addresses.api[0] ?? {};
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/versions`);
    const body = (await response.json()) as { readonly server: string };
    await server.stop();
    assert.match(body.server, want);
  });
}
