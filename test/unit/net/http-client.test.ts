import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, test } from 'node:test';
import { describeError } from '../../../src/base/errors.ts';
import { HttpClient, type HttpClientAnswer, type HttpClientRequest } from '../../../src/net/index.ts';
import { BackEnd } from '../../support/back-end.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

function client(clock?: ManualClock): HttpClient {
  const made = new HttpClient(clock);
  undo.push(() => made.close());
  return made;
}

async function backEnd(): Promise<BackEnd> {
  const made = await BackEnd.start();
  undo.push(() => made.stop());
  return made;
}

function post(
  one: HttpClient,
  url: string,
  more: Partial<HttpClientRequest> = {},
): Promise<HttpClientAnswer> {
  return one.request({
    method: 'POST',
    url: new URL(url),
    headers: { 'Content-Type': 'application/json' },
    body: Buffer.from('{}'),
    timeoutMs: 5_000,
    maxAnswerBytes: 100,
    ...more,
  });
}

test('connections are kept, and one is opened for each call at a time', async () => {
  const back = await backEnd();
  const one = client();
  for (let index = 0; index < 5; index += 1)
    assert.deepEqual(await post(one, back.url('/a')), { status: 200, body: Buffer.from('0') });
  assert.equal(back.sockets.size, 1);
  await Promise.all([post(one, back.url('/a')), post(one, back.url('/b')), post(one, back.url('/c'))]);
  assert.equal(back.sockets.size, 3);
  one.close();
  await eventually(() => back.sockets.size === 0, 'the connections are closed');
});

test('a kept connection that the server closes at that moment costs no answer', async () => {
  // Answers the first request of a connection and resets it at the second.
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => {
    sockets.push(socket);
    let requests = 0;
    socket.on('error', () => undefined);
    socket.on('data', () => {
      requests += 1;
      if (requests === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n0');
      else socket.resetAndDestroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  undo.push(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const one = client();
  for (let index = 0; index < 4; index += 1) assert.equal((await post(one, url)).status, 200);
  assert.ok(sockets.length >= 3, String(sockets.length));
});

test('a redirect is an answer', async () => {
  const back = await backEnd();
  back.answer = (_call, response) => {
    response.writeHead(302, { Location: back.url('/other') });
    response.end();
  };
  assert.equal((await post(client(), back.url('/a'))).status, 302);
  assert.equal(back.calls.length, 1);
});

test('an answer that is too long is an error, or is cut', async () => {
  const back = await backEnd();
  back.answer = (_call, response) => void response.end('x'.repeat(101));
  await assert.rejects(post(client(), back.url('/a?token=1')), {
    code: 'HTTP_REQUEST_FAILED',
    message: `${back.url('/a')} gave no answer: it is longer than 100 bytes`,
  });
  const { body } = await post(client(), back.url('/a'), { cutAnswer: true });
  assert.equal(body.toString(), 'x'.repeat(100));
});

test('nobody who listens, an unknown name, a name and password that stay out of the message', async () => {
  const back = await backEnd();
  const url = back.url('/a?token=abc').replace('//', '//name:hunter2@');
  await back.die();
  const failed = post(client(), url);
  await assert.rejects(failed, {
    code: 'HTTP_REQUEST_FAILED',
    message: /\/a gave no answer: .*ECONNREFUSED/,
  });
  assert.doesNotMatch(await failed.then(() => '', describeError), /hunter2|abc/);
});

test('a server that is silent is given up when the time is over, and when it is aborted', async () => {
  const back = await backEnd();
  back.answer = () => undefined;
  const clock = new ManualClock();
  const late = post(client(clock), back.url('/a'));
  await eventually(() => back.calls.length === 1, 'the call');
  clock.advance(5_000);
  await assert.rejects(late, { code: 'HTTP_REQUEST_FAILED', message: /within 5000 ms/ });
  const abort = new AbortController();
  const aborted = post(client(), back.url('/a'), { signal: abort.signal });
  await eventually(() => back.calls.length === 2, 'the call');
  abort.abort();
  await assert.rejects(aborted, { code: 'SESSION_CLOSED' });
  await assert.rejects(post(client(), back.url('/a'), { signal: abort.signal }), { code: 'SESSION_CLOSED' });
  assert.equal(back.calls.length, 2);
  await eventually(() => back.sockets.size === 0, 'no connection is left');
});

test('a body that is cut, and a head that is none', async () => {
  const back = await backEnd();
  for (const bytes of [
    'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n0',
    'hello\r\n\r\n',
    'HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
    '',
  ]) {
    back.answer = (_call, _response, socket) => void socket.end(bytes);
    await assert.rejects(post(client(), back.url('/a')), { code: 'HTTP_REQUEST_FAILED' }, bytes);
  }
});
