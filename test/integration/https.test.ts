import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, before, suite, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import { parseConfig } from '../../src/config/index.ts';
import { Server } from '../../src/server/server.ts';
import { makeCertificate, type TestCertificate } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { startHttp } from '../support/http-endpoint.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { RawClient } from '../support/raw-http.ts';
import { ReloadServer } from '../support/reload-server.ts';
import { loadCertificate } from '../../src/net/index.ts';

let one: TestCertificate;
let two: TestCertificate;
const undo: (() => unknown)[] = [];

before(async () => {
  [one, two] = await Promise.all([makeCertificate('one'), makeCertificate('two', 5)]);
});

afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

/** A folder with a copy of `one`, whose files a test may change. */
async function copied(): Promise<TestCertificate> {
  const dir = await mkdtemp(join(tmpdir(), 'srs-https-'));
  const files = { key: join(dir, 'k.pem'), cert: join(dir, 'c.pem') };
  await Promise.all([copyFile(one.key, files.key), copyFile(one.cert, files.cert)]);
  return files;
}

async function put(from: TestCertificate, to: TestCertificate): Promise<void> {
  await Promise.all([copyFile(from.key, to.key), copyFile(from.cert, to.cert)]);
}

async function open(port: number): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  socket.on('error', () => undefined);
  undo.push(() => void socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
}

/** Whose certificate a new connection gets. */
async function nameAt(port: number): Promise<string> {
  const socket = await open(port);
  const name = String(socket.getPeerCertificate().subject.CN);
  socket.destroy();
  return name;
}

/** New connections get that certificate, once the server has told that it has another one. */
async function nameBecomes(server: ReloadServer, name: string, changes: number): Promise<void> {
  await eventually(
    () => server.lines.filter((line) => line.includes('a new certificate is in use')).length === changes,
    () => `change ${changes} in\n${server.lines.join('\n')}`,
  );
  assert.equal(await nameAt(portOf(server)), name);
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

async function get(port: number, path: string, ca: string): Promise<Answer> {
  const asked = request({ port, host: '127.0.0.1', path, ca: await readFile(ca), agent: false }).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const body = Buffer.concat((await response.toArray()) as Buffer[]);
  return { status: response.statusCode, headers: response.headers, body };
}

function conf(https: string, api = ''): string {
  return `
    listen 127.0.0.1:0; max_connections 100;
    http_server { enabled on; listen 127.0.0.1:0; page off; ${https} }
    http_api { enabled on; listen 127.0.0.1:0; ${api} }
    vhost __defaultVhost__ { http_remux { enabled on; } }`;
}

const block = ({ key, cert }: TestCertificate): string =>
  `https { enabled on; listen 127.0.0.1:0; key ${key}; cert ${cert}; }`;

async function started(text: string): Promise<ReloadServer> {
  const server = await ReloadServer.start(text);
  undo.push(() => server.stop());
  return server;
}

const portOf = (server: ReloadServer): number => server.server.addresses.https[0]?.port ?? 0;

suite('the HTTP server over TLS', () => {
  test('files, ranges, keep-alive, live bodies and WebSocket are those of the plain port', async () => {
    const http = await startHttp();
    undo.push(() => http.endpoint.close());
    await writeFile(join(http.dir, 'a.txt'), 'hello');
    await writeFile(join(http.dir, 'big.bin'), Buffer.alloc(8 * 1024 * 1024, 'x'));
    await http.endpoint.listenSecure(
      [{ host: '127.0.0.1', port: 0 }],
      await loadCertificate({ directive: 'http_server.https', ...one }),
    );
    const port = http.endpoint.secureAddresses[0]?.port ?? 0;
    assert.equal((await get(port, '/a.txt', one.cert)).body.toString(), 'hello');
    assert.equal((await get(port, '/big.bin', one.cert)).body.length, 8 * 1024 * 1024);
    assert.equal((await get(port, '/none', one.cert)).status, 404);

    const kept = await open(port);
    let text = '';
    kept.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
    for (let n = 1; n < 4; n += 1) {
      kept.write('GET /a.txt HTTP/1.1\r\nHost: x\r\nRange: bytes=1-2\r\n\r\n');
      await eventually(() => text.split('\r\n\r\nel').length === n + 1, `answer ${n}`);
    }

    const stream = http.hub.add('live', 'show');
    const live = await open(port);
    let body = '';
    live.on('data', (bytes: Buffer) => (body += bytes.toString('latin1')));
    live.write('GET /live/show.flv HTTP/1.1\r\nHost: x\r\n\r\n');
    const viewer = await stream.viewer();
    viewer.send(Buffer.from('FIRST'));
    await eventually(() => body.includes('FIRST'), 'the first bytes');
    assert.match(body, /^HTTP\/1\.1 200 OK\r\n[^]*Transfer-Encoding: chunked/);
    live.write('GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n'); // Thrown away.
    viewer.send(Buffer.from('SECOND'));
    await eventually(() => body.includes('SECOND'), 'the next bytes');
    viewer.end();
    await once(live, 'end');
    assert.doesNotMatch(body, /hello/);

    const socket = new WebSocket(`wss://127.0.0.1:${port}/live/show.flv`, { rejectUnauthorized: false });
    undo.push(() => socket.terminate());
    await once(socket, 'open');
    const next = once(socket, 'message');
    (await stream.viewer(1)).send(Buffer.from('hi'));
    assert.equal(String((await next)[0]), 'hi');
  });

  test('a viewer that reads slowly is seen by the sink, and a kick ends it at once', async () => {
    const http = await startHttp();
    undo.push(() => http.endpoint.close());
    await http.endpoint.listenSecure(
      [{ host: '127.0.0.1', port: 0 }],
      await loadCertificate({ directive: 'http_server.https', ...one }),
    );
    const stream = http.hub.add('live', 'show');
    const live = await open(http.endpoint.secureAddresses[0]?.port ?? 0);
    live.write('GET /live/show.flv HTTP/1.1\r\nHost: x\r\n\r\n');
    const viewer = await stream.viewer();
    const chunk = Buffer.alloc(1024 * 1024, 'y');
    for (let n = 0; n < 24; n += 1) viewer.send(chunk);
    assert.ok(viewer.request.sink.pendingBytes > 0, 'the kernel cannot have taken all of it');
    let got = 0;
    live.on('data', (bytes: Buffer) => (got += bytes.length));
    await eventually(() => got > 24 * chunk.length && viewer.request.sink.pendingBytes === 0, 'all of it');
    await eventually(() => viewer.drains > 0, 'told of the drain');
    await http.endpoint.close();
    await eventually(() => live.destroyed || live.readableEnded, 'the end');
  });

  test('what is no TLS, or never shakes hands, is ended and told', async () => {
    const http = await startHttp({ timeouts: { handshakeTimeoutMs: 100 } });
    undo.push(() => http.endpoint.close());
    await http.endpoint.listenSecure(
      [{ host: '127.0.0.1', port: 0 }],
      await loadCertificate({ directive: 'http_server.https', ...one }),
    );
    const port = http.endpoint.secureAddresses[0]?.port ?? 0;
    await (await RawClient.open(port)).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n').end();
    const silent = connectPlain({ port, host: '127.0.0.1' });
    undo.push(() => void silent.destroy());
    silent.on('error', () => undefined);
    silent.resume();
    await once(silent, 'close');
    const socket = await open(port);
    socket.resume();
    socket.write('no http at all\r\n\r\n');
    await once(socket, 'close');
    await eventually(
      () => http.log.lines.some((line) => /http_server\.https listen: \d TLS handshakes? failed/.test(line)),
      'a line in the log',
    );
    assert.equal(await nameAt(port), 'one');
  });
});

suite('https in the configuration', () => {
  test('server and API; off and on, other ports and another certificate by reload; who is connected stays', async () => {
    const server = await started(conf(block(one), block(one)));
    const api = server.server.addresses.apiHttps[0]?.port ?? 0;
    const version = await get(api, '/api/v1/versions', one.cert);
    assert.match(version.body.toString(), /"version":"9\.9\.9"/);
    const kept = await open(portOf(server));
    let text = '';
    kept.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));

    await server.apply(conf(block(two), block(one)));
    assert.equal(await nameAt(portOf(server)), 'two');
    assert.equal(await nameAt(api), 'one');
    assert.ok(
      server.lines.some((line) => /http_server\.https: the certificate .* ends in [45] days/.test(line)),
    );

    await server.apply(conf(''));
    assert.deepEqual(server.server.addresses.https, []);
    await assert.rejects(RawClient.open(api), { code: 'ECONNREFUSED' });
    kept.write('GET /none HTTP/1.1\r\nHost: x\r\n\r\n');
    await eventually(() => text.includes('404 Not Found'), 'an answer on the old connection');
    await server.apply(conf(block(two)));
    assert.equal(await nameAt(portOf(server)), 'two');
  });

  test('a certificate that cannot be used is refused at reload, and nothing changes', async () => {
    const server = await started(conf(block(one)));
    const port = portOf(server);
    for (const [bad, why] of [
      [
        { key: one.key, cert: '/nowhere/c.pem' },
        /http_server\.https\.cert \/nowhere\/c\.pem cannot be read: .*ENOENT/,
      ],
      [{ key: two.key, cert: one.cert }, /the private key is not that of the certificate/],
      [{ key: one.key, cert: one.key }, /must be PEM/],
    ] as const) {
      const report = await server.reload(conf(block(bad)));
      assert.ok(report.entries.length > 0);
      for (const { outcome, why: told } of report.entries) {
        assert.equal(outcome, 'refused');
        assert.match(told ?? '', why);
      }
      assert.equal(portOf(server), port);
      assert.equal(await nameAt(port), 'one');
    }
  });

  test('at the start it is an error with its place, and nothing listens', async () => {
    const { config, origins } = parseConfig(
      conf(block({ key: one.key, cert: './nowhere.crt' })),
      'srs.conf',
      {
        allowPortZero: true,
      },
    );
    const server = new Server(config, {
      logger: new MemoryLogger(),
      version: '1',
      pageDir: undefined,
      placeOf: (key) => `srs.conf:${origins.get(key)?.line ?? 0}`,
    });
    await assert.rejects(server.start(), {
      code: 'TLS_CERTIFICATE_INVALID',
      message: /^http_server\.https\.cert \.\/nowhere\.crt \(srs\.conf:3\) cannot be read: .*ENOENT/,
    });
    assert.deepEqual(server.addresses.http, []);
  });

  test('files that change are read again; a broken one keeps the old certificate and is told', async () => {
    const files = await copied();
    const server = await started(conf(block(files)));
    const port = portOf(server);
    const kept = await open(port);
    assert.equal(await nameAt(port), 'one');
    await put(two, files);
    await nameBecomes(server, 'two', 1);
    await writeFile(files.cert, 'this is no certificate');
    await eventually(
      () => server.lines.some((line) => line.includes('http_server.https: the old certificate stays in use')),
      'a line in the log',
    );
    assert.equal(await nameAt(port), 'two');
    await put(one, files);
    await nameBecomes(server, 'one', 2);
    assert.equal(kept.destroyed, false);
    let text = '';
    kept.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
    kept.write('GET /none HTTP/1.1\r\nHost: x\r\n\r\n');
    await eventually(() => text.includes('404 Not Found'), 'an answer on the first connection');
  });

  test('live.json tells the ports of TLS, as they are now', async () => {
    const text = conf(block(one)).replace('page off;', '');
    const rtmps = (on: 'on' | 'off'): string =>
      `rtmps ${block(one).slice(6).replace('enabled on', `enabled ${on}`)}`;
    const server = await ReloadServer.start(`${text} ${rtmps('on')}`, { pageDir: tmpdir() });
    undo.push(() => server.stop());
    const ports = async (): Promise<unknown> => {
      const list = await get(portOf(server), '/live.json', one.cert);
      const { rtmpsPort, httpsPort } = (
        JSON.parse(list.body.toString()) as { server: Record<string, number> }
      ).server;
      return { rtmpsPort, httpsPort };
    };
    const { rtmps: bound } = server.server.addresses;
    assert.deepEqual(await ports(), { rtmpsPort: bound[0]?.port, httpsPort: portOf(server) });
    await server.apply(`${text} ${rtmps('off')}`);
    assert.deepEqual(await ports(), { rtmpsPort: undefined, httpsPort: portOf(server) });
  });

  test('there is no TLS without the plain server', async () => {
    const off = conf(block(one)).replace('http_server { enabled on', 'http_server { enabled off');
    const server = await started(off);
    assert.deepEqual(server.server.addresses.https, []);
    await server.apply(conf(block(one)));
    assert.equal(await nameAt(portOf(server)), 'one');
    await server.apply(off);
    assert.deepEqual(server.server.addresses.https, []);
  });
});
