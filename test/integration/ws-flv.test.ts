import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, test } from 'node:test';
import WebSocket from 'ws';
import { startHttp, type TestHttp } from '../support/http-endpoint.ts';
import { RawClient } from '../support/raw-http.ts';

const running: TestHttp[] = [];
const start: typeof startHttp = async (...args) => {
  const http = await startHttp(...args);
  running.push(http);
  return http;
};

afterEach(async () => {
  for (const http of running.splice(0)) await http.endpoint.close();
});

const HANDSHAKE =
  'GET /live/show.flv HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

test('the body comes in binary messages and a close frame ends it', async () => {
  const { hub, port, endpoint } = await start();
  const stream = hub.add('live', 'show');
  const client = new WebSocket(`ws://127.0.0.1:${port}/live/show.flv?video=0`);
  const got: Buffer[] = [];
  client.on('message', (data: Buffer, isBinary) => {
    assert.equal(isBinary, true);
    got.push(data);
  });
  const viewer = await stream.viewer();
  assert.equal(viewer.request.format.key, 'flv:websocket:a');
  assert.equal(viewer.request.session.type, 'ws-flv-play');
  viewer.send(Buffer.from('one'));
  viewer.send(Buffer.alloc(50_000, 1));
  viewer.end();
  const [code] = (await once(client, 'close')) as [number];
  assert.equal(code, 1000);
  assert.deepEqual(
    got.map((data) => data.length),
    [3, 50_000],
  );
  while (endpoint.viewers > 0) await new Promise(setImmediate);
  assert.equal(viewer.closes, 1);
});

test('what the client sends is ignored, pings are answered, too large a message ends it', async () => {
  const { hub, port } = await start();
  const stream = hub.add('live', 'show');
  const client = new WebSocket(`ws://127.0.0.1:${port}/live/show.flv`);
  await once(client, 'open');
  const viewer = await stream.viewer();
  client.send('hello');
  client.ping('are you there');
  const [data] = (await once(client, 'pong')) as [Buffer];
  assert.equal(data.toString(), 'are you there');
  assert.equal(viewer.closes, 0);
  client.send(Buffer.alloc(5_000));
  const [code] = (await once(client, 'close')) as [number];
  assert.equal(code, 1009);
});

test('a client that leaves closes its playback once', async () => {
  const { hub, port, endpoint } = await start();
  const stream = hub.add('live', 'show');
  for (const leave of ['close', 'terminate'] as const) {
    const at: number = stream.playbacks.length;
    const client = new WebSocket(`ws://127.0.0.1:${port}/live/show.flv`);
    await once(client, 'open');
    const viewer = await stream.viewer(at);
    client[leave]();
    while (endpoint.viewers > 0) await new Promise(setImmediate);
    assert.equal(viewer.closes, 1, leave);
  }
});

test('a flood of pings from a peer that reads nothing grows no memory', async () => {
  const { hub, port } = await start();
  const stream = hub.add('live', 'show');
  const client = await RawClient.open(port);
  client.send(HANDSHAKE);
  const viewer = await stream.viewer();
  await client.until('\r\n\r\n');
  client.socket.pause();
  viewer.send(Buffer.alloc(60_000));
  while (viewer.request.sink.pendingBytes < 1_000_000) viewer.send(Buffer.alloc(60_000));
  const before = viewer.request.sink.pendingBytes;
  // RFC 6455, 5.5.2: a masked ping of 125 bytes.
  const ping = Buffer.concat([Buffer.from([0x89, 0x80 | 125, 0, 0, 0, 0]), Buffer.alloc(125)]);
  const many = Buffer.concat(Array.from({ length: 500 }, () => ping));
  for (let i = 0; i < 20; i += 1) {
    if (!client.socket.write(many)) await once(client.socket, 'drain');
  }
  // A close frame after them: its answer shows that the server has read them all.
  client.send(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
  while (viewer.request.sink.pendingBytes === before) await new Promise(setImmediate);
  const grown = viewer.request.sink.pendingBytes - before;
  assert.ok(grown < 1_000, `10000 pings left ${grown} bytes`);
  client.socket.destroy();
});

test('refused handshakes', async () => {
  const { hub, port } = await start();
  hub.add('live', 'show');
  const ask = (path: string, headers = ''): Promise<string> =>
    RawClient.ask(port, HANDSHAKE.replace('/live/show.flv', path).replace('\r\n\r\n', `\r\n${headers}\r\n`));
  assert.match(await ask('/live/none.flv'), /^HTTP\/1\.1 404 Not Found\r\n[^]*no such stream: live\/none\n$/);
  assert.match(await ask('/index.html'), /^HTTP\/1\.1 404 /);
  assert.match(await ask('/live/../show.flv'), /^HTTP\/1\.1 400 /);
  assert.match(await ask('/live/show.flv?audio=0&video=0'), /^HTTP\/1\.1 400 /);
  assert.match(
    await RawClient.ask(port, HANDSHAKE.replace('Version: 13', 'Version: 1')),
    /^HTTP\/1\.1 4(00|26) /,
  );
});
