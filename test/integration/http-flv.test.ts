import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { afterEach, test } from 'node:test';
import { ServerError } from '../../src/base/errors.ts';
import { ManualClock } from '../support/manual-clock.ts';
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

async function get(port: number, path: string, method = 'GET'): Promise<IncomingMessage> {
  const ask = request({ port, host: '127.0.0.1', path, method, agent: false });
  ask.end();
  const [response] = (await once(ask, 'response')) as [IncomingMessage];
  return response;
}

async function text(response: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return body;
}

test('a live body is chunked, decodable by a plain HTTP client, and ends with the stream', async () => {
  const { hub, port, endpoint } = await start();
  const stream = hub.add('live', 'show');
  const response = await get(port, '/live/show.flv');
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers['content-type'], 'video/x-flv');
  assert.equal(response.headers['transfer-encoding'], 'chunked');
  assert.equal(response.headers['access-control-allow-origin'], '*');
  assert.equal(response.headers['server'], 'srs-ts/1.2.3');
  assert.match(response.headers['cache-control'] ?? '', /no-cache/);
  const viewer = await stream.viewer();
  assert.equal(viewer.request.format.key, 'flv:chunked:av');
  assert.equal(viewer.request.session.ip, '127.0.0.1');
  assert.equal(viewer.request.session.type, 'flv-play');
  assert.equal(viewer.request.afterHold, 'end');
  assert.equal(endpoint.viewers, 1);
  viewer.send(Buffer.from('one'));
  viewer.send(Buffer.from('two'));
  viewer.end();
  assert.equal(await text(response), 'onetwo');
  assert.equal(response.complete, true);
});

test('HTTP/1.0 gets an identity body that ends with the connection', async () => {
  const { hub, port } = await start();
  const stream = hub.add('live', 'show');
  const client = await RawClient.open(port);
  client.send('GET /live/show.flv HTTP/1.0\r\n\r\n');
  const viewer = await stream.viewer();
  assert.equal(viewer.request.format.key, 'flv:identity:av');
  viewer.send(Buffer.from('BODY'));
  viewer.end();
  const [head = '', body] = (await client.end()).split('\r\n\r\n');
  assert.doesNotMatch(head, /transfer-encoding/i);
  assert.match(head, /\r\nConnection: close/);
  assert.equal(body, 'BODY');
});

test('head, missing stream, refused methods, preflight, choice of tracks', async () => {
  const { hub, port } = await start();
  const stream = hub.add('live', 'show');
  const head = await get(port, '/live/show.flv', 'HEAD');
  assert.equal(head.statusCode, 200);
  assert.equal(head.headers['content-type'], 'video/x-flv');
  assert.equal(await text(head), '');
  assert.equal((await get(port, '/live/none.flv', 'HEAD')).statusCode, 404);
  hub.add('live', 'waited-for').state = 'idle';
  assert.equal((await get(port, '/live/waited-for.flv', 'HEAD')).statusCode, 404);
  assert.equal(stream.playbacks.length, 0, 'HEAD plays nothing');

  const missing = await get(port, '/live/none.flv');
  assert.equal(missing.statusCode, 404);
  assert.match(missing.headers['content-type'] ?? '', /^text\/plain/);
  assert.equal(await text(missing), 'no such stream: live/none\n');

  const preflight = await get(port, '/live/show.flv', 'OPTIONS');
  assert.equal(preflight.statusCode, 200);
  assert.match(preflight.headers['access-control-allow-methods'] ?? '', /OPTIONS/);
  assert.equal((await get(port, '/live/show.flv', 'DELETE')).statusCode, 404);

  for (const [query, key] of [
    ['audio=0', 'flv:chunked:v'],
    ['video=0&token=x', 'flv:chunked:a'],
    ['token=x', 'flv:chunked:av'],
  ] as const) {
    const at: number = stream.playbacks.length;
    const response = await get(port, `/live/show.flv?${query}`);
    assert.equal((await stream.viewer(at)).request.format.key, key);
    response.destroy();
  }
  assert.equal((await get(port, '/live/show.flv?audio=0&video=0')).statusCode, 400);
});

test('crossdomain off: no header, preflight refused', async () => {
  const { hub, port } = await start({ crossdomain: false });
  hub.add('live', 'show');
  const response = await get(port, '/live/show.flv');
  assert.equal(response.headers['access-control-allow-origin'], undefined);
  response.destroy();
  assert.equal((await get(port, '/live/show.flv', 'OPTIONS')).statusCode, 405);
});

test('the access policy sees the request and can refuse it', async () => {
  const seen: unknown[] = [];
  const { hub, port } = await start(
    {},
    {
      access: {
        check: ({ action, vhost, app, stream, params }) => {
          seen.push({ action, vhost, app, stream, params });
          return Promise.reject(new ServerError('SESSION_CLOSED', 'secret detail'));
        },
      },
    },
  );
  const stream = hub.add('live', 'show');
  const response = await get(port, '/live/show.flv?token=abc');
  assert.equal(response.statusCode, 403);
  assert.equal(await text(response), 'forbidden: SESSION_CLOSED\n');
  assert.equal(stream.playbacks.length, 0);
  assert.deepEqual(seen, [
    { action: 'play', vhost: '__defaultVhost__', app: 'live', stream: 'show', params: 'token=abc' },
  ]);
});

test('a stream that a resolver brings plays; one that fails to answer is 503', async () => {
  const { hub, port } = await start();
  hub.onMissing = (name) =>
    name.stream === 'edge'
      ? Promise.resolve(hub.add('live', 'edge'))
      : Promise.reject(new ServerError('CONNECT_FAILED', 'origin is down'));
  const response = await get(port, '/live/edge.flv');
  assert.equal(response.statusCode, 200);
  response.destroy();
  assert.equal((await get(port, '/live/down.flv')).statusCode, 503);
});

test('a client that leaves closes its playback once, also when the server kicks it then', async () => {
  const { hub, port, endpoint, log } = await start();
  const stream = hub.add('live', 'show');
  const client = await RawClient.open(port);
  client.send('GET /live/show.flv HTTP/1.1\r\nHost: x\r\n\r\n');
  const viewer = await stream.viewer();
  await client.until('\r\n\r\n');
  client.socket.destroy();
  while (endpoint.viewers > 0) await new Promise(setImmediate);
  assert.equal(viewer.closes, 1);
  assert.equal(log.lines.filter((line) => line.includes('ended: the peer left')).length, 1);
});

test('a kick closes the connection at once', async () => {
  const { hub, port, log } = await start();
  const stream = hub.add('live', 'show');
  const client = await RawClient.open(port);
  client.send('GET /live/show.flv HTTP/1.1\r\nHost: x\r\n\r\n');
  const viewer = await stream.viewer();
  viewer.request.session.close(new ServerError('SESSION_KICKED', 'by the operator'));
  await client.end();
  while (!log.lines.some((line) => line.includes('SESSION_KICKED(1076)'))) await new Promise(setImmediate);
});

test('bytes after the request are thrown away and start no second response', async () => {
  const { hub, port } = await start();
  const stream = hub.add('live', 'show');
  const client = await RawClient.open(port);
  const head = 'GET /live/show.flv HTTP/1.1\r\nHost: x\r\n\r\n';
  // In the same segment, and later: a request, garbage, and a lot of it.
  client.send(`${head}${head}`);
  const viewer = await stream.viewer();
  await client.until('\r\n\r\n');
  client.send(head).send('\0garbage\r\n\r\n');
  for (let i = 0; i < 64; i += 1) {
    if (!client.socket.write(Buffer.alloc(65_536))) await once(client.socket, 'drain');
  }
  viewer.send(Buffer.from('BODY'));
  viewer.end();
  const [, ...parts] = (await client.end()).split('\r\n\r\n');
  assert.equal(parts.join('\r\n\r\n'), '4\r\nBODY\r\n0\r\n\r\n');
  assert.equal(stream.playbacks.length, 1);
});

test('live requests in a row ask and pull once: all but the first are refused at once', async () => {
  let asked = 0;
  const check = (): Promise<undefined> => {
    asked += 1;
    return Promise.resolve(undefined);
  };
  const { hub, port } = await start({}, { access: { check } });
  let giveUp: (() => void) | undefined;
  let pulls = 0;
  hub.onMissing = () => {
    pulls += 1;
    return new Promise((resolve) => (giveUp = () => resolve(undefined)));
  };
  const client = await RawClient.open(port);
  client.send('GET /live/slow.flv HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(50));
  while (pulls === 0) await new Promise(setImmediate);
  await fetch(`http://127.0.0.1:${port}/live/show.flv`, { method: 'OPTIONS' }); // All 50 have been read by now.
  giveUp?.();
  await client.until('own\n');
  assert.equal(asked, 1);
  assert.equal(pulls, 1);
  assert.match(client.text, /^HTTP\/1\.1 404 [^]*no such stream: live\/slow\n/);
  client.socket.destroy();
});

test('a request for a live stream after another one on the same connection works', async () => {
  const { hub, port } = await start();
  const stream = hub.add('live', 'show');
  const client = await RawClient.open(port);
  client.send('GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.until('not found\n');
  client.send('GET /live/show.flv HTTP/1.1\r\nHost: x\r\n\r\n');
  (await stream.viewer()).send(Buffer.from('BODY'));
  await client.until('4\r\nBODY\r\n');
  client.socket.destroy();
});

test('a request that only offers an upgrade to h2c is served', async () => {
  const { hub, port } = await start();
  const stream = hub.add('live', 'show');
  const client = await RawClient.open(port);
  client.send(
    'GET /live/show.flv HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
  );
  const viewer = await stream.viewer();
  viewer.send(Buffer.from('BODY'));
  viewer.end();
  assert.match(await client.end(), /^HTTP\/1\.1 200 OK[^]*4\r\nBODY\r\n0\r\n\r\n$/);
});

test('a reader that takes nothing is seen by the sink, hears of its drain, and cannot delay the end', async () => {
  const clock = new ManualClock();
  const { hub, port, log } = await start({}, { clock });
  const stream = hub.add('live', 'show');
  const client = await RawClient.open(port);
  client.send('GET /live/show.flv HTTP/1.1\r\nHost: x\r\n\r\n');
  const viewer = await stream.viewer();
  await client.until('\r\n\r\n');
  client.socket.pause();
  const block = Buffer.alloc(60_000, 0x61);
  for (let i = 0; i < 400; i += 1) viewer.send(block);
  assert.ok(viewer.request.sink.pendingBytes > 1_000_000);
  const drainsBefore = viewer.drains; // The head of the response may have been told of.
  client.socket.resume();
  while (viewer.drains === drainsBefore) await new Promise(setImmediate);
  assert.equal(viewer.request.sink.pendingBytes, 0);

  client.socket.pause();
  for (let i = 0; i < 400; i += 1) viewer.send(block);
  viewer.end();
  clock.advance(11_000);
  while (!log.lines.some((line) => line.includes('VIEWER_STALLED(1078)'))) await new Promise(setImmediate);
  assert.equal(viewer.closes, 1);
  client.socket.destroy();
});

test('what is no HTTP gets 400 and a line in the log; a head that never ends gets 408', async () => {
  const clock = new ManualClock();
  const { port, log } = await start(
    { timeouts: { headersTimeoutMs: 100, requestTimeoutMs: 200, timeoutCheckMs: 50 } },
    { clock },
  );
  assert.match(await RawClient.ask(port, 'hello\r\n\r\n'), /^HTTP\/1\.1 400 /);
  assert.match(
    await RawClient.ask(port, `GET / HTTP/1.1\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`),
    /^HTTP\/1\.1 431 /,
  );
  assert.match(await RawClient.ask(port, 'GET / HTTP/1.1\r\nHost: x\r\n'), /^HTTP\/1\.1 408 /);
  assert.match(await RawClient.ask(port, 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n'), /^HTTP\/1\.1 400 /);
  clock.advance(1_000);
  const told = log.lines.filter((line) => line.includes('no proper HTTP request'));
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /^warn \[\] 3 connections/);
});

test('closing the endpoint ends its viewers and frees the port', async () => {
  const http = await startHttp();
  const stream = http.hub.add('live', 'show');
  const client = await RawClient.open(http.port);
  client.send('GET /live/show.flv HTTP/1.1\r\nHost: x\r\n\r\n');
  const viewer = await stream.viewer();
  await Promise.all([http.endpoint.close(), http.endpoint.close()]);
  await client.end();
  assert.equal(viewer.closes > 0, true);
  await assert.rejects(RawClient.open(http.port));
});
