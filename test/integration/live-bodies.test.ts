import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { startHttp, type TestHttp } from '../support/http-endpoint.ts';
import { RawClient } from '../support/raw-http.ts';

let http: TestHttp;
let origin: string;

before(async () => {
  http = await startHttp();
  origin = `http://127.0.0.1:${http.port}`;
  await mkdir(join(http.dir, 'live'));
  await writeFile(join(http.dir, 'live', 'show-12.ts'), 'segment');
  http.hub.add('live', 'show');
  http.hub.add('live', 'show-12');
});

after(async () => {
  await http.endpoint.close();
  await rm(http.dir, { recursive: true });
});

const TYPES = [
  ['ts', 'video/MP2T'],
  ['aac', 'audio/aac'],
] as const;

for (const [ending, type] of TYPES) {
  test(`HEAD and GET of .${ending}: type, CORS, no caching`, async () => {
    const head = await fetch(`${origin}/live/show.${ending}`, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(head.headers.get('content-type'), type);
    assert.equal(head.headers.get('access-control-allow-origin'), '*');
    assert.equal(head.headers.get('cache-control'), 'no-cache, no-store');
    const stream = http.hub.add('live', `get-${ending}`);
    const client = await RawClient.open(http.port);
    client.send(`GET /live/get-${ending}.${ending} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const viewer = await stream.viewer();
    assert.equal(viewer.request.session.type, `${ending}-play`);
    assert.equal(viewer.request.format.key, `${ending}:chunked:${ending === 'ts' ? 'av' : 'a'}`);
    await client.until('\r\n\r\n');
    assert.match(client.text, new RegExp(`^HTTP/1.1 200 OK\r\n[^]*Content-Type: ${type}\r\n`));
  });
}

test('a codec that the ending does not carry is refused, by GET, HEAD and WebSocket', async () => {
  const get = await fetch(`${origin}/live/show.mp3`);
  assert.equal(get.status, 404);
  assert.equal(await get.text(), 'not playable: .mp3 cannot carry aac\n');
  assert.equal((await fetch(`${origin}/live/show.mp3`, { method: 'HEAD' })).status, 404);
  const socket = new WebSocket(`ws://127.0.0.1:${http.port}/live/show.mp3`);
  socket.on('error', () => undefined);
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
  assert.equal(response.statusCode, 404);
});

test('a file wins behind .ts, even over a live stream; a missing one is a plain 404 that asks nobody', async () => {
  assert.equal(await (await fetch(`${origin}/live/show-12.ts`)).text(), 'segment');
  let asked = 0;
  const resolve = http.hub.resolve.bind(http.hub);
  http.hub.resolve = (...args) => {
    asked += 1;
    return resolve(...args);
  };
  const missing = await fetch(`${origin}/live/show-13.ts`);
  assert.equal(missing.status, 404);
  assert.equal(await missing.text(), 'not found\n');
  assert.equal(asked, 0);
  assert.equal((await fetch(`${origin}/live/show-13.flv`)).status, 404);
  assert.equal(asked, 1, 'the mount’s own ending may bring a stream');
});

test('.ts over WebSocket', async () => {
  const stream = http.hub.add('live', 'ws');
  const client = new WebSocket(`ws://127.0.0.1:${http.port}/live/ws.ts`);
  await once(client, 'open');
  const viewer = await stream.viewer();
  assert.equal(viewer.request.format.key, 'ts:websocket:av');
  assert.equal(viewer.request.session.type, 'ws-ts-play');
  client.terminate();
});
