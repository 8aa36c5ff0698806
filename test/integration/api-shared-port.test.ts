import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { get } from 'node:https';
import { connect } from 'node:http2';
import { afterEach, before, test } from 'node:test';
import { isOfApi } from '../../src/server/shared-port.ts';
import { makeCertificate, type TestCertificate } from '../support/certificates.ts';
import { EventReader, readEvents } from '../support/event-reader.ts';
import { ReloadServer } from '../support/reload-server.ts';
import { freePorts } from '../support/server-process.ts';

/** Of this file alone: what else runs on this machine must not take a port that was left a moment ago. */
const HOST = '127.83.71.1';

let certificate: TestCertificate;
let ca: Buffer;
/** The certificate is not of that address. */
const TLS = { agent: false, servername: 'localhost', timeout: 5_000 } as const;
const undo: (() => unknown)[] = [];

before(async () => {
  certificate = await makeCertificate();
  ca = await readFile(certificate.cert);
});

afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

interface Ports {
  readonly http?: number;
  readonly api?: number;
  readonly https?: number;
  readonly apiHttps?: number;
  readonly host?: string;
  readonly auth?: string;
}

function text({ http, api, https, apiHttps, host = HOST, auth = '' }: Ports): string {
  const tls = (port: number | undefined): string =>
    port === undefined
      ? ''
      : `https { enabled on; listen ${host}:${port}; key ${certificate.key}; cert ${certificate.cert}; }`;
  const block = (name: string, port: number | undefined, more: string): string =>
    `${name} { ${port === undefined ? 'enabled off;' : `enabled on; listen ${host}:${port};`} ${more} }`;
  return `listen 127.0.0.1:0; ban_file "";
    ${block('http_server', http, tls(https))}
    ${block('http_api', api, tls(apiHttps) + auth)}
    vhost __defaultVhost__ { http_remux { enabled on; } }`;
}

async function start(ports: Ports): Promise<ReloadServer> {
  const server = await ReloadServer.start(text(ports));
  undo.push(() => server.stop());
  return server;
}

/** Status of the API, and of the page of live streams, which are told apart by their answers. */
async function statuses(port: number): Promise<readonly [api: number, file: number]> {
  const ask = async (path: string): Promise<number> => {
    try {
      const response = await fetch(`http://${HOST}:${port}${path}`, {
        headers: { connection: 'close' },
        signal: AbortSignal.timeout(5_000),
      });
      await response.arrayBuffer();
      return response.status;
    } catch {
      return 0;
    }
  };
  return [await ask('/api/v1/versions'), await ask('/crossdomain.xml')];
}

const BOTH = [200, 200] as const;
const HTTP_ONLY = [404, 200] as const;
const API_ONLY = [200, 404] as const;
const NOTHING = [0, 0] as const;

test('one port serves both, and tells of it', async () => {
  const [port = 0] = await freePorts(1);
  const { server } = await start({ http: port, api: port });
  assert.deepEqual(await statuses(port), BOTH);
  assert.deepEqual(server.addresses.api, server.addresses.http);
  const origin = `http://${HOST}:${port}`;
  const unknown = (await (await fetch(`${origin}/api/v1/streams/none`)).json()) as { code: number };
  assert.equal(unknown.code, 2048);
  assert.equal((await fetch(`${origin}/live/none.flv`)).status, 404);
  assert.equal((await fetch(`${origin}/apis`)).status, 404);
  const raw = (await (await fetch(`${origin}/api/v1/raw?rpc=raw`)).json()) as {
    http_api: { listen: string };
  };
  assert.equal(raw.http_api.listen, `${HOST}:${port}`);
});

test('ports that the system chooses are two', async () => {
  const { server } = await start({ http: 0, api: 0 });
  const { api, http } = server.addresses;
  assert.notEqual(api[0]?.port, http[0]?.port);
  assert.deepEqual(await statuses(http[0]?.port ?? 0), HTTP_ONLY);
  assert.deepEqual(await statuses(api[0]?.port ?? 0), API_ONLY);
});

test('what is of the API', () => {
  for (const [url, want] of [
    ['/api', true],
    ['/api/', true],
    ['/api?x', true],
    ['/api/v1/streams/', true],
    ['/console/', true],
    ['/console/x.js?y', true],
    ['/metrics', true],
    ['/metrics?x', true],
    ['/metrics/', false],
    ['/apis/', false],
    ['/', false],
    ['/live/api/', false],
    ['//api/', false],
    [undefined, false],
  ] as const)
    assert.equal(isOfApi(url), want, url);
});

test('credentials are asked for on the shared port as well', async () => {
  const [port = 0] = await freePorts(1);
  await start({ http: port, api: port, auth: 'auth { username admin; password abcdefgh1234; }' });
  assert.deepEqual(await statuses(port), [401, 200]);
  const authorization = `Basic ${Buffer.from('admin:abcdefgh1234').toString('base64')}`;
  const response = await fetch(`http://${HOST}:${port}/api/v1/versions`, { headers: { authorization } });
  assert.equal(response.status, 200);
});

test('the shared port over TLS: HTTP/1.1 and HTTP/2, with events', async () => {
  const [port = 0, https = 0] = await freePorts(2);
  await start({ http: port, api: port, https, apiHttps: https });
  const plain = get(`https://${HOST}:${https}/api/v1/versions`, { ...TLS, ca });
  const [response] = (await once(plain, 'response')) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  response.resume();
  const session = connect(`https://${HOST}:${https}`, { ca, servername: 'localhost' });
  undo.push(() => session.destroy());
  const stream = session.request({ ':path': '/api/v1/events' });
  const reader = new EventReader();
  stream.setEncoding('utf8').on('data', (piece: string) => reader.add(piece));
  await reader.until(1);
  assert.deepEqual(reader.types, ['hello']);
});

test('by reload from two ports to one and back, in both directions, and viewers of events stay', async () => {
  const [one = 0, two = 0] = await freePorts(2);
  const server = await start({ http: one, api: two });
  assert.deepEqual([await statuses(one), await statuses(two)], [HTTP_ONLY, API_ONLY]);
  const reading = await readEvents(`http://${HOST}:${two}/api/v1/events`);
  const { reader } = reading;
  undo.push(() => reading.stop());
  for (const [ports, atOne, atTwo] of [
    [{ http: one, api: one }, BOTH, NOTHING],
    [{ http: one, api: two }, HTTP_ONLY, API_ONLY],
    [{ http: two, api: two }, NOTHING, BOTH],
    [{ http: one, api: one }, BOTH, NOTHING],
    [{ http: two, api: one }, API_ONLY, HTTP_ONLY],
    [{ http: one, api: one }, BOTH, NOTHING],
    [{ api: one }, API_ONLY, NOTHING],
    [{ http: one, api: one }, BOTH, NOTHING],
    [{ http: one }, HTTP_ONLY, NOTHING],
    [{ http: one, api: one }, BOTH, NOTHING],
  ] as const) {
    await server.apply(text(ports));
    assert.deepEqual([await statuses(one), await statuses(two)], [atOne, atTwo], JSON.stringify(ports));
  }
  await reader.until(9);
});

test('TLS of both moves with them', async () => {
  const [one = 0, two = 0, tls = 0, other = 0] = await freePorts(4);
  const server = await start({ http: one, api: two, https: tls, apiHttps: other });
  const ask = async (port: number): Promise<number | undefined> => {
    const request = get(`https://${HOST}:${port}/api/v1/versions`, { ...TLS, ca });
    try {
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      response.resume();
      return response.statusCode;
    } catch {
      return undefined;
    }
  };
  assert.deepEqual([await ask(tls), await ask(other)], [404, 200]);
  await server.apply(text({ http: one, api: one, https: tls, apiHttps: tls }));
  assert.deepEqual([await ask(tls), await ask(other)], [200, undefined]);
  await server.apply(text({ http: one, api: one, https: tls, apiHttps: other }));
  assert.deepEqual([await ask(tls), await ask(other)], [200, 200]);
  await server.apply(text({ http: one, api: two, https: tls, apiHttps: other }));
  assert.deepEqual([await ask(tls), await ask(other)], [404, 200]);
});

test('a move that fails leaves everything as it was', async () => {
  const [one = 0, two = 0] = await freePorts(2);
  const taken = createServer().listen(0, HOST);
  await once(taken, 'listening');
  undo.push(() => taken.close());
  const { port } = taken.address() as { port: number };
  const server = await start({ http: one, api: two });
  const before = await server.reload(text({ http: port, api: port }));
  assert.deepEqual(
    before.entries.map(({ outcome }) => outcome),
    ['refused', 'refused'],
  );
  assert.deepEqual([await statuses(one), await statuses(two)], [HTTP_ONLY, API_ONLY]);
  await server.apply(text({ http: one, api: one }));
  const after = await server.reload(text({ http: one, api: port }));
  assert.deepEqual(
    after.entries.map(({ outcome }) => outcome),
    ['refused'],
  );
  assert.deepEqual(await statuses(one), BOTH);
});
