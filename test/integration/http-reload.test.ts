import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { ServerError } from '../../src/base/errors.ts';
import { MAX_API_CONNECTIONS, type ApiServer } from '../../src/control/api/index.ts';
import { MountTable, type HttpEndpointSettings } from '../../src/endpoints/http/index.ts';
import { startTestApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { startHttp, type TestHttp } from '../support/http-endpoint.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { RawClient } from '../support/raw-http.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function start(options: Parameters<typeof startHttp>[0] = {}): Promise<TestHttp> {
  const http = await startHttp(options);
  closing.push(() => http.endpoint.close());
  return http;
}

async function startApi(): Promise<{ api: ApiServer; log: MemoryLogger; port: () => number }> {
  const log = new MemoryLogger();
  const { api, close } = await startTestApi({ logger: log });
  closing.push(close);
  return { api, log, port: () => api.addresses[0]?.port ?? 0 };
}

async function folder(text: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'srs-reload-'));
  await writeFile(join(dir, 'a.txt'), text);
  return dir;
}

function mounts(template: string): MountTable {
  return new MountTable({
    mounts: [{ vhost: '__defaultVhost__', template }],
    resolveVhost: () => '__defaultVhost__',
  });
}

/** The status and the rest of an answer to a GET on a connection of its own. */
async function ask(port: number, path: string, more = ''): Promise<{ status: string; text: string }> {
  const text = await RawClient.ask(
    port,
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${more}\r\n`,
  );
  return { status: text.slice(9, 12), text };
}

test('other addresses: running bodies, kept-alive connections and downloads of the old one go on', async () => {
  const { endpoint, hub, port } = await start();
  const stream = hub.add('live', 'show');
  const client = await RawClient.open(port);
  client.send('GET /live/show.flv HTTP/1.1\r\nHost: x\r\n\r\n');
  const viewer = await stream.viewer();
  const idle = await RawClient.open(port);
  idle.send('GET /none HTTP/1.1\r\nHost: x\r\n\r\n');
  await idle.until('not found\n');

  await endpoint.relisten([{ host: '127.0.0.2', port }]);
  assert.deepEqual(endpoint.addresses, [{ host: '127.0.0.2', port }]);
  viewer.send(Buffer.from('after the change'));
  await client.until('after the change');
  idle.send('GET /none HTTP/1.1\r\nHost: x\r\n\r\n');
  await eventually(() => idle.text.split('404 Not Found').length === 3, 'a second answer');
  await assert.rejects(RawClient.open(port), { code: 'ECONNREFUSED' });
  const next = await RawClient.open(port, '127.0.0.2');
  next.send('GET /live/show.flv HTTP/1.1\r\nHost: x\r\n\r\n');
  await stream.viewer(1);

  const before = endpoint.addresses;
  await assert.rejects(
    endpoint.relisten([{ host: '192.0.2.1', port }]),
    (error) => error instanceof ServerError && error.code === 'LISTEN_FAILED',
  );
  assert.deepEqual(endpoint.addresses, before);
  assert.equal(endpoint.viewers, 2);
  await endpoint.close();
  await client.end();
  await idle.end();
});

test('other settings hold from the next request on, running bodies stay', async () => {
  const [first, second, page] = await Promise.all([folder('first'), folder('second'), folder('page')]);
  await writeFile(join(page, 'only-page.txt'), 'of the page');
  const { endpoint, hub, port } = await start({ dir: first });
  const stream = hub.add('live', 'show');
  const client = await RawClient.open(port);
  client.send('GET /live/show.flv HTTP/1.1\r\nHost: x\r\n\r\n');
  const viewer = await stream.viewer();
  assert.match((await ask(port, '/a.txt')).text, /first$/);
  assert.match((await ask(port, '/a.txt')).text, /Access-Control-Allow-Origin: \*/i);
  assert.equal((await ask(port, '/live.json')).status, '404');

  const settings: HttpEndpointSettings = {
    dir: second,
    statics: [],
    crossdomain: false,
    pageDir: page,
    mounts: mounts('/tv/[app]/[stream].flv'),
    playlists: () => [{ format: 'hls', url: '/tv.m3u8' }],
    apiPort: 4242,
    rtmpPort: 1936,
  };
  endpoint.reconfigure(settings);
  const file = await ask(port, '/a.txt');
  assert.match(file.text, /second$/);
  assert.doesNotMatch(file.text, /Access-Control/i);
  assert.match((await ask(port, '/only-page.txt')).text, /of the page$/);
  assert.equal((await ask(port, '/live/show.flv')).status, '404');
  const list = await ask(port, '/live.json');
  assert.match(list.text, /"rtmpPort":1936,"apiPort":4242/);
  assert.match(
    list.text,
    /\{"format":"flv","url":"\/tv\/live\/show\.flv"\},.*\{"format":"hls","url":"\/tv\.m3u8"\}/,
  );
  const moved = await RawClient.open(port);
  moved.send('GET /tv/live/show.flv HTTP/1.1\r\nHost: x\r\n\r\n');
  await stream.viewer(1);
  const [head = ''] = (await moved.until('\r\n\r\n')).split('\r\n\r\n');
  assert.doesNotMatch(head, /Access-Control/i);

  // The list is not the cached one, though it was made just now.
  endpoint.reconfigure({ ...settings, apiPort: 4343 });
  assert.match((await ask(port, '/live.json')).text, /"apiPort":4343/);
  endpoint.reconfigure({ ...settings, pageDir: undefined });
  assert.equal((await ask(port, '/live.json')).status, '404');
  viewer.send(Buffer.from('still here'));
  await client.until('still here');
  assert.equal(endpoint.viewers, 2);
});

test('who asks for what is not there costs no log line', async () => {
  const { log, port } = await start();
  for (const path of ['/live/none.flv', '/none.txt', '/%zz']) await ask(port, path);
  assert.deepEqual(
    log.lines.filter((line) => !line.startsWith('debug')),
    [],
  );
});

test('the API: other addresses and crossdomain while connections are open', async () => {
  const { api, port } = await startApi();
  const old = port();
  const client = await RawClient.open(old);
  const request = 'GET /api/v1/versions HTTP/1.1\r\nHost: x\r\nOrigin: http://page\r\n\r\n';
  client.send(request);
  await client.until('"version":"4.5.6-beta.1"');
  assert.match(client.text, /Access-Control-Allow-Origin/i);
  await api.relisten([{ host: '127.0.0.2', port: old }]);
  api.reconfigure({ crossdomain: false });
  client.send(request);
  await eventually(() => client.text.split('"version":"4.5.6-beta.1"').length === 3, 'a second answer');
  assert.equal(client.text.match(/Access-Control-Allow-Origin/gi)?.length, 1);
  await assert.rejects(RawClient.open(old), { code: 'ECONNREFUSED' });
  const next = await RawClient.open(old, '127.0.0.2');
  next.send('OPTIONS /api/v1/versions HTTP/1.1\r\nHost: x\r\n\r\n');
  await next.until('method not allowed');
});

test('the API has a bound of its own on connections', async () => {
  const { log, port } = await startApi();
  const clients: RawClient[] = [];
  for (let n = 0; n < MAX_API_CONNECTIONS; n += 128) {
    clients.push(...(await Promise.all(Array.from({ length: 128 }, () => RawClient.open(port())))));
  }
  const refused = await RawClient.open(port());
  await refused.end();
  await eventually(
    () => log.lines.some((line) => line.includes(`MAX_API_CONNECTIONS is ${MAX_API_CONNECTIONS}`)),
    'a log line',
  );
  clients.pop()?.socket.destroy();
  let answer = '';
  for (let tries = 0; tries < 100 && answer === ''; tries += 1) {
    answer = (await ask(port(), '/api/v1/versions')).text;
  }
  assert.match(answer, /4\.5\.6/);
  for (const client of clients) client.socket.destroy();
});
