import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile, readFile } from 'node:fs/promises';
import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { join } from 'node:path';
import { afterEach, before, suite, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { systemClock } from '../../src/base/clock.ts';
import { ConnectionGate, loadCertificate } from '../../src/net/index.ts';
import { LiveResources, type ResourceBody } from '../../src/storage/live-resources.ts';
import { makeCertificate, type TestCertificate } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { startHttp, type TestHttp } from '../support/http-endpoint.ts';
import { MemoryLogger } from '../support/memory-logger.ts';

let certificate: TestCertificate;
let ca: Buffer;
const undo: (() => unknown)[] = [];

before(async () => {
  certificate = await makeCertificate();
  ca = await readFile(certificate.cert);
});

afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

interface Secure extends TestHttp {
  readonly securePort: number;
  readonly resources: LiveResources;
}

async function start(
  options: Parameters<typeof startHttp>[0] = {},
  deps: Parameters<typeof startHttp>[1] = {},
): Promise<Secure> {
  const resources = new LiveResources(1 << 30);
  const http = await startHttp(options, { resources, ...deps });
  undo.push(() => http.endpoint.close());
  await http.endpoint.listenSecure(
    [{ host: '127.0.0.1', port: 0 }],
    await loadCertificate({ directive: 'http_server.https', ...certificate }),
  );
  return { ...http, resources, securePort: http.endpoint.secureAddresses[0]?.port ?? 0 };
}

async function open({ securePort }: Secure): Promise<ClientHttp2Session> {
  const session = connect(`https://127.0.0.1:${securePort}`, { ca });
  session.on('error', () => undefined);
  undo.push(() => {
    session.destroy();
  });
  await once(session, 'remoteSettings');
  return session;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function request(session: ClientHttp2Session, headers: OutgoingHttpHeaders): ClientHttp2Stream {
  const stream = session.request(headers);
  stream.on('error', () => undefined);
  return stream;
}

/** Once it is closed, also by an error. */
async function closed(stream: ClientHttp2Stream | ClientHttp2Session): Promise<void> {
  if (!stream.destroyed) await new Promise((resolve) => stream.once('close', resolve));
}

async function ask(
  session: ClientHttp2Session,
  path: string,
  more: OutgoingHttpHeaders = {},
): Promise<Answer> {
  const stream = request(session, { ':path': path, ...more });
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status'?: number }];
  const body = Buffer.concat((await stream.toArray()) as Buffer[]);
  return { status: headers[':status'], headers, body };
}

suite('HTTP/2', () => {
  test('files, ranges, conditions, redirects and refusals are those of HTTP/1.1', async () => {
    const http = await start();
    await writeFile(join(http.dir, 'a.txt'), 'hello');
    await writeFile(join(http.dir, 'big.bin'), Buffer.alloc(8 * 1024 * 1024, 'x'));
    const text = `#EXTM3U\n${'#EXTINF:10.000,\nlive-1.ts\n'.repeat(40)}`;
    await writeFile(join(http.dir, 'p.m3u8'), text);
    const session = await open(http);
    assert.equal(session.alpnProtocol, 'h2');
    const plain = await ask(session, '/a.txt');
    assert.deepEqual([plain.status, String(plain.body)], [200, 'hello']);
    assert.equal(plain.headers['server'], 'srs-ts/1.2.3');
    assert.equal(plain.headers['access-control-allow-origin'], '*');
    assert.equal(plain.headers['connection'], undefined);
    assert.equal(String((await ask(session, '/a.txt', { range: 'bytes=1-2' })).body), 'el');
    assert.equal((await ask(session, '/a.txt', { 'if-none-match': plain.headers.etag })).status, 304);
    assert.equal((await ask(session, '/a.txt', { ':method': 'HEAD' })).headers['content-length'], '5');
    assert.equal((await ask(session, '/none')).status, 404);
    assert.equal((await ask(session, '/%2e%2e/a')).status, 400);
    assert.equal((await ask(session, '/a.txt', { ':method': 'OPTIONS' })).status, 200);
    assert.equal((await ask(session, '/a.txt', { ':method': 'DELETE' })).status, 404);
    assert.equal(
      (await ask(session, '/a.txt', { ':method': 'CONNECT', ':authority': 'x', ':path': undefined })).status,
      405,
    );
    const packed = await ask(session, '/p.m3u8', { 'accept-encoding': 'gzip' });
    assert.equal(String(gunzipSync(packed.body)), text);
    const many = await Promise.all(Array.from({ length: 5 }, () => ask(session, '/big.bin')));
    for (const { body } of many) assert.equal(body.length, 8 * 1024 * 1024);
  });

  test('live resources, those that wait too, and who asks', async () => {
    const http = await start();
    const session = await open(http);
    const bytes = Buffer.alloc(3_000_000, 'y');
    const sent: number[] = [];
    const body: ResourceBody = { bytes, modifiedMs: 0, onSent: (count) => void sent.push(count) };
    http.resources.add(join(http.dir, 'a.ts'), { respond: () => body });
    const all = await Promise.all(Array.from({ length: 20 }, () => ask(session, '/a.ts')));
    for (const answer of all) assert.ok(answer.body.equals(bytes));
    await eventually(() => sent.length === 20, 'told of each');
    assert.ok(sent.every((count) => count === bytes.length));
    assert.equal((await ask(session, '/a.ts', { range: 'bytes=-3' })).body.toString(), 'yyy');

    let answer: (answer: ResourceBody) => void = () => undefined;
    const asked: { host: string | undefined; ip: string; secure: boolean; signal: AbortSignal }[] = [];
    http.resources.add(join(http.dir, 'p.m3u8'), {
      respond: ({ host, ip, secure, signal }) => {
        asked.push({ host, ip, secure, signal });
        return new Promise((resolve) => (answer = resolve));
      },
    });
    const waiting = ask(session, '/p.m3u8?_HLS_msn=3');
    await eventually(() => asked.length === 1, 'asked');
    const { signal, ...who } = asked[0] ?? {};
    assert.deepEqual(who, { host: `127.0.0.1:${http.securePort}`, ip: '127.0.0.1', secure: true });
    answer({ bytes: Buffer.from('#EXTM3U'), modifiedMs: 0 });
    assert.equal(String((await waiting).body), '#EXTM3U');
    assert.ok(signal !== undefined);

    const leaving = request(session, { ':path': '/p.m3u8' });
    await eventually(() => asked.length === 2, 'asked again');
    leaving.close(constants.NGHTTP2_CANCEL);
    await eventually(() => asked[1]?.signal.aborted, 'aborted');
  });

  test('a live body: identity framing, back-pressure seen by the hub, the end, a peer who leaves', async () => {
    const http = await start();
    const stream = http.hub.add('live', 'show');
    const session = await open(http);
    const live = request(session, { ':path': '/live/show.flv' });
    const [headers] = (await once(live, 'response')) as [IncomingHttpHeaders];
    assert.equal(headers['content-type'], 'video/x-flv');
    assert.equal(headers['cache-control'], 'no-cache, no-store');
    assert.equal(headers['transfer-encoding'], undefined);
    const viewer = await stream.viewer();
    assert.match(viewer.request.format.key, /identity/);
    viewer.send(Buffer.from('FIRST'));
    let got = 0;
    live.on('data', (bytes: Buffer) => (got += bytes.length));
    await eventually(() => got === 5, 'the first bytes');
    live.pause();
    const block = Buffer.alloc(1024 * 1024);
    for (let n = 0; n < 8; n += 1) viewer.send(block);
    await eventually(() => viewer.request.sink.pendingBytes > 4 * 1024 * 1024, 'what waits is seen');
    // Others on the connection are not held up.
    await writeFile(join(http.dir, 'a.txt'), 'hello');
    assert.equal((await ask(session, '/a.txt')).status, 200);
    live.resume();
    await eventually(() => got === 5 + 8 * block.length, 'all of it');
    await eventually(() => viewer.request.sink.pendingBytes === 0 && viewer.drains > 0, 'drained');
    viewer.end();
    await once(live, 'end');
    await eventually(() => http.endpoint.viewers === 0, 'gone');

    const leaving = request(session, { ':path': '/live/show.flv' });
    await once(leaving, 'response');
    assert.equal(http.endpoint.viewers, 1);
    leaving.close();
    await eventually(() => http.endpoint.viewers === 0 && stream.playbacks[1]?.closes === 1, 'left');
    assert.equal((await ask(session, '/live/none.flv')).status, 404);
    const head = await ask(session, '/live/show.flv', { ':method': 'HEAD' });
    assert.equal(head.headers['content-type'], 'video/x-flv');
  });

  test('requests beside the first one of a connection count as connections', async () => {
    const log = new MemoryLogger();
    const gate = new ConnectionGate({ maxConnections: 3, clock: systemClock, logger: log });
    undo.push(() => gate.close());
    const http = await start({}, { gate });
    http.hub.add('live', 'show');
    const session = await open(http);
    const live = (): ClientHttp2Stream => request(session, { ':path': '/live/show.flv' });
    const open3 = [live(), live(), live()];
    for (const one of open3) await once(one, 'response');
    assert.equal(gate.open, 3);
    const refused = live();
    await closed(refused);
    assert.equal(refused.rstCode, constants.NGHTTP2_REFUSED_STREAM);
    open3[2]?.close();
    await eventually(() => gate.open === 2, 'one has left');
    await once(live(), 'response');
    session.destroy();
    await eventually(() => gate.open === 0, 'all have left');
  });

  test('silence ends a connection, and a response that nobody reads', async () => {
    const http = await start({
      timeouts: { headersTimeoutMs: 200, keepAliveTimeoutMs: 200, idleTimeoutMs: 400, requestTimeoutMs: 300 },
    });
    const session = await open(http);
    await closed(session);
    await writeFile(join(http.dir, 'big.bin'), Buffer.alloc(32 * 1024 * 1024));
    const reading = await open(http);
    const unread = request(reading, { ':path': '/big.bin' });
    await closed(unread);
    const posting = await open(http);
    const unfinished = posting.request({ ':path': '/', ':method': 'POST' });
    unfinished.on('error', () => undefined);
    unfinished.write('x');
    await closed(unfinished);
  });

  test('floods end the connection and nobody else: pings, settings, requests that are taken back', async () => {
    const http = await start();
    await writeFile(join(http.dir, 'a.txt'), 'hello');
    const bystander = await open(http);
    const floods: Record<string, (session: ClientHttp2Session, done: () => void) => void> = {
      pings: (session, done) => void session.ping(done),
      settings: (session, done) => session.settings({ initialWindowSize: 70_000 }, done),
      resets: (session, done) => {
        const one = request(session, { ':path': '/a.txt' });
        setImmediate(() => {
          one.close(constants.NGHTTP2_CANCEL);
        });
        one.once('close', done);
      },
    };
    for (const [name, flood] of Object.entries(floods)) {
      const session = await open(http);
      const end = closed(session);
      for (let n = 0; n < 2_000 && !session.closed; n += 1) {
        await Promise.race([end, new Promise<void>((resolve) => flood(session, resolve))]);
      }
      await eventually(() => session.closed, `${name} end it`);
      assert.equal((await ask(bystander, '/a.txt')).status, 200);
    }
  });

  test('too many or too large header fields are refused', async () => {
    const http = await start();
    const session = await open(http);
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`x-${n}`, 'y']));
    const one = request(session, { ':path': '/a.txt', ...many });
    await closed(one);
    assert.notEqual(one.rstCode, constants.NGHTTP2_NO_ERROR);
    const large = request(session, { ':path': '/a.txt', 'x-large': 'x'.repeat(60_000) });
    let status: unknown;
    large.once('response', (headers) => (status = headers[':status']));
    await closed(large);
    assert.notEqual(status, 200);
  });
});
