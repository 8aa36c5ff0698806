import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import {
  LiveResources,
  type LiveResource,
  type ResourceAnswer,
  type ResourceBody,
  type ResourceRequest,
} from '../../src/storage/live-resources.ts';
import { MemoryFile } from '../../src/storage/memory-file.ts';
import { MountTable } from '../../src/endpoints/http/index.ts';
import { eventually } from '../support/eventually.ts';
import { startHttp, type TestHttp } from '../support/http-endpoint.ts';
import { RawClient } from '../support/raw-http.ts';

let http: TestHttp;
let dir: string;
const resources = new LiveResources(1 << 30);
const OLD_MS = Date.parse('2026-01-02T03:04:05Z');
const OLD = new Date(OLD_MS).toUTCString();
const TEN = Buffer.from('0123456789');
const PLAYLIST = Buffer.from(`#EXTM3U\n${'#EXTINF:10.000,\nlive-1.ts\n'.repeat(40)}`);

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'srs-resources-'));
  await mkdir(join(dir, 'b'));
  http = await startHttp(
    {
      dir,
      statics: [{ vhost: 'b.com', template: '[vhost]/files', dir: join(dir, 'b') }],
      mounts: new MountTable({
        mounts: [{ vhost: '__defaultVhost__', template: '[vhost]/[app]/[stream].flv' }],
        resolveVhost: () => '__defaultVhost__',
      }),
    },
    { resources },
  );
});

after(async () => {
  await http.endpoint.close();
  await rm(dir, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

function parse(answer: string): Answer {
  const end = answer.indexOf('\r\n\r\n');
  const [first = '', ...rest] = answer.slice(0, end).split('\r\n');
  return {
    status: Number(first.split(' ')[1]),
    headers: new Map(
      rest.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
    ),
    body: answer.slice(end + 4),
  };
}

async function ask(path: string, headers: readonly string[] = [], method = 'GET'): Promise<Answer> {
  const host = headers.some((line) => line.startsWith('Host:')) ? [] : ['Host: x'];
  const lines = [`${method} ${path} HTTP/1.1`, ...host, 'Connection: close', ...headers];
  return parse(await RawClient.ask(http.port, `${lines.join('\r\n')}\r\n\r\n`));
}

function add(path: string, respond: (request: ResourceRequest) => ReturnType<LiveResource['respond']>): void {
  resources.add(join(dir, path), { respond });
}

function addBody(path: string, bytes: Buffer, more: Partial<ResourceBody> = {}): void {
  const body = { bytes, modifiedMs: OLD_MS, ...more };
  add(path, () => body);
}

test('what is in memory is served as a file of its kind, and wins over the disk', async () => {
  await writeFile(join(dir, 'a.ts'), 'from disk');
  addBody('a.ts', TEN);
  for (const method of ['GET', 'HEAD']) {
    const { status, headers, body } = await ask('/a.ts', [], method);
    assert.equal(status, 200);
    assert.equal(headers.get('content-type'), 'video/mp2t');
    assert.equal(headers.get('cache-control'), 'public, max-age=3600');
    assert.equal(headers.get('content-length'), '10');
    assert.equal(headers.get('accept-ranges'), 'bytes');
    assert.equal(headers.get('last-modified'), OLD);
    assert.equal(headers.get('server'), 'srs-ts/1.2.3');
    assert.equal(headers.get('access-control-allow-origin'), '*');
    assert.equal(body, method === 'GET' ? '0123456789' : '');
  }
  addBody('b.ts', TEN, { cacheControl: 'no-store', contentType: 'x/y' });
  const { headers } = await ask('/b.ts');
  assert.equal(headers.get('content-type'), 'x/y');
  assert.equal(headers.get('cache-control'), 'no-store');
  assert.equal((await ask('/a.ts', [], 'OPTIONS')).body, '');
});

test('a resource that was let go is read from the disk', async () => {
  await writeFile(join(dir, 'gone.ts'), 'from disk');
  const file = new MemoryFile(TEN, OLD_MS);
  const undo = resources.add(join(dir, 'gone.ts'), file, file);
  assert.equal((await ask('/gone.ts')).body, '0123456789');
  file.release();
  assert.equal((await ask('/gone.ts')).body, 'from disk');
  add('late.ts', () => Promise.resolve(undefined));
  assert.equal((await ask('/late.ts')).status, 404);
  undo();
  await writeFile(join(dir, 'late.ts'), 'late from disk');
  assert.equal((await ask('/late.ts')).body, 'late from disk');
});

test('ranges', async () => {
  addBody('range.m4s', TEN);
  const cases: readonly (readonly [string, number, string | undefined, string])[] = [
    ['bytes=2-4', 206, 'bytes 2-4/10', '234'],
    ['bytes=7-', 206, 'bytes 7-9/10', '789'],
    ['bytes=-2', 206, 'bytes 8-9/10', '89'],
    ['bytes=8-99', 206, 'bytes 8-9/10', '89'],
    ['bytes=-20', 206, 'bytes 0-9/10', '0123456789'],
    ['bytes=0-1,4-5', 200, undefined, '0123456789'],
    ['bytes=4-2', 200, undefined, '0123456789'],
    ['bytes=-', 200, undefined, '0123456789'],
    ['lines=1-2', 200, undefined, '0123456789'],
  ];
  for (const [range, status, contentRange, body] of cases) {
    const answer = await ask('/range.m4s', [`Range: ${range}`]);
    assert.deepEqual(
      [range, answer.status, answer.headers.get('content-range'), answer.body],
      [range, status, contentRange, body],
    );
  }
  for (const range of ['bytes=10-', 'bytes=99-100', 'bytes=-0']) {
    const beyond = await ask('/range.m4s', [`Range: ${range}`]);
    assert.equal(beyond.status, 416, range);
    assert.equal(beyond.headers.get('content-range'), 'bytes */10');
  }
  const head = await ask('/range.m4s', ['Range: bytes=2-4'], 'HEAD');
  assert.equal(head.headers.get('content-length'), '3');
  const etag = head.headers.get('etag') ?? '';
  assert.match(etag, /^"/);
  for (const [validator, status] of [
    [etag, 206],
    [OLD, 206],
    ['"x"', 200],
    ['Thu, 01 Jan 2026 00:00:00 GMT', 200],
  ] as const) {
    assert.equal((await ask('/range.m4s', ['Range: bytes=0-1', `If-Range: ${validator}`])).status, status);
  }
});

for (const [path, bytes] of [
  ['/cond.ts', TEN],
  ['/cond.m3u8', PLAYLIST],
] as const) {
  test(`conditional requests of ${path}`, async () => {
    addBody(path, bytes);
    const etag = (await ask(path)).headers.get('etag') ?? '';
    const later = 'Sat, 03 Jan 2026 00:00:00 GMT';
    const cases: readonly (readonly [readonly string[], number])[] = [
      [[`If-None-Match: ${etag}`], 304],
      [[`If-None-Match: "x", ${etag}`], 304],
      [['If-None-Match: *'], 304],
      [['If-None-Match: "x"'], 200],
      [[`If-Modified-Since: ${OLD}`], 304],
      [['If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT'], 200],
      [['If-None-Match: "x"', `If-Modified-Since: ${later}`], 200],
    ];
    for (const [lines, status] of cases) {
      const answer = await ask(path, lines);
      assert.equal(answer.status, status, lines.join());
      if (status === 304) assert.equal(answer.body, '');
    }
    addBody(path, Buffer.from('other'));
    assert.equal((await ask(path, [`If-None-Match: ${etag}`])).status, 200);
  });
}

test('playlists: packed once for a shared text, one tag for the same text, no date while they may change', async () => {
  addBody('p.m3u8', PLAYLIST);
  for (const [accept, packed] of [
    ['gzip', true],
    ['gzip', true],
    ['gzip;q=0', false],
  ] as const) {
    const { headers, body } = await ask('/p.m3u8', [`Accept-Encoding: ${accept}`]);
    assert.equal(headers.get('content-encoding'), packed ? 'gzip' : undefined);
    assert.equal(headers.get('vary'), 'Accept-Encoding');
    assert.equal(headers.get('cache-control'), 'no-cache');
    assert.equal(headers.get('content-type'), 'application/vnd.apple.mpegurl');
    const bytes = Buffer.from(body, 'latin1');
    assert.equal(headers.get('content-length'), String(bytes.length));
    assert.deepEqual(packed ? gunzipSync(bytes) : bytes, PLAYLIST);
  }
  add('fresh.m3u8', () => ({ bytes: Buffer.from(PLAYLIST), modifiedMs: Date.now() }));
  const { headers } = await ask('/fresh.m3u8', ['Accept-Encoding: gzip']);
  assert.equal(headers.get('last-modified'), undefined);
  const again = await ask('/fresh.m3u8', [`If-None-Match: ${headers.get('etag')}`]);
  assert.equal(again.status, 304);
});

test('a resource hears who asks', async () => {
  const seen: ResourceRequest[] = [];
  add('dir name/who.m3u8', (request) => {
    seen.push(request);
    return { bytes: TEN, modifiedMs: OLD_MS };
  });
  await ask('/dir%20name/who.m3u8?hls_ctx=1&x', [
    'Host: b.org:8080',
    'Referer: http://page/',
    'User-Agent: vlc',
  ]);
  await ask('/dir%20name/who.m3u8', [], 'HEAD');
  const [get, head] = seen;
  assert.ok(get !== undefined);
  assert.deepEqual(
    [get.path, get.query, get.host, get.referer, get.userAgent, get.ip, get.secure, get.headOnly],
    ['/dir%20name/who.m3u8', 'hls_ctx=1&x', 'b.org:8080', 'http://page/', 'vlc', '127.0.0.1', false, false],
  );
  assert.equal(head?.headOnly, true);
});

test('refusals', async () => {
  const cases: readonly (readonly [ResourceAnswer, number, string, string | undefined])[] = [
    [{ status: 403, text: 'no' }, 403, 'no\n', undefined],
    [
      { status: 302, text: 'there', location: '/live/a.m3u8?hls_ctx=1' },
      302,
      'there\n',
      '/live/a.m3u8?hls_ctx=1',
    ],
    [{ status: 302, text: 'bad', location: '/a\r\nX: y' }, 500, 'internal error\n', undefined],
    [{ status: 503, text: 'later' }, 503, 'later\n', undefined],
  ];
  for (const [refusal, status, text, location] of cases) {
    add('refused.m3u8', () => refusal);
    const answer = await ask('/refused.m3u8');
    assert.deepEqual([answer.status, answer.body, answer.headers.get('location')], [status, text, location]);
  }
  add('thrown.m3u8', () => {
    throw new Error('oops');
  });
  assert.equal((await ask('/thrown.m3u8')).status, 500);
  add('rejected.m3u8', () => Promise.reject(new Error('oops')));
  assert.equal((await ask('/rejected.m3u8')).status, 500);
});

test('an answer may wait; who goes away is not waited for', async () => {
  let answer: (answer: ResourceBody) => void = () => undefined;
  let signal: AbortSignal | undefined;
  const sent: number[] = [];
  add('wait.m3u8', (request) => {
    signal = request.signal;
    return new Promise((resolve) => (answer = resolve));
  });
  const asked = ask('/wait.m3u8');
  await eventually(() => signal, 'asked');
  const body = { bytes: TEN, modifiedMs: OLD_MS, onSent: (bytes: number) => void sent.push(bytes) };
  answer(body);
  assert.equal((await asked).body, '0123456789');
  await eventually(() => sent.length === [10].length, 'told');
  assert.deepEqual(sent, [10]);

  signal = undefined;
  const client = await RawClient.open(http.port);
  client.send('GET /wait.m3u8 HTTP/1.1\r\nHost: x\r\n\r\n');
  await eventually(() => signal, 'asked');
  client.socket.destroy();
  await eventually(() => signal?.aborted, 'aborted');
  answer(body);
  await eventually(() => sent.length === [10, 0].length, 'told');
  assert.deepEqual(sent, [10, 0]);
});

test('what waits behind another request is refused: memory would fill with such requests', async () => {
  let answer: (answer: ResourceBody) => void = () => undefined;
  const signals: AbortSignal[] = [];
  add('pipe.m3u8', (request) => {
    signals.push(request.signal);
    return new Promise((resolve) => (answer = signals.length === 1 ? resolve : answer));
  });
  const client = await RawClient.open(http.port);
  const request = 'GET /pipe.m3u8 HTTP/1.1\r\nHost: x\r\n\r\n';
  client.send(request + request.replace('Host', 'Connection: close\r\nHost'));
  await eventually(() => signals.length === 2, 'both asked');
  assert.equal(signals[1]?.aborted, true);
  answer({ bytes: TEN, modifiedMs: OLD_MS });
  const [, first = '', second = ''] = (await client.end()).split('HTTP/1.1 ');
  assert.ok(first.startsWith('200 '));
  assert.ok(second.startsWith('503 '));
});

test('each response tells once what of the body went out', async () => {
  const sent: [string, number][] = [];
  const body = (name: string, bytes: Buffer): void => {
    addBody(name, bytes, { onSent: (count) => void sent.push([name, count]) });
  };
  body('sent.ts', TEN);
  body('sent.m3u8', PLAYLIST);
  await ask('/sent.ts');
  await ask('/sent.ts', ['Range: bytes=2-4']);
  await ask('/sent.ts', [], 'HEAD');
  await ask('/sent.ts', ['Range: bytes=99-']);
  await ask('/sent.ts', ['If-None-Match: *']);
  const packed = await ask('/sent.m3u8', ['Accept-Encoding: gzip']);
  const want = [
    ['sent.ts', 10],
    ['sent.ts', 3],
    ['sent.ts', 0],
    ['sent.ts', 0],
    ['sent.ts', 0],
    ['sent.m3u8', packed.body.length],
  ];
  await eventually(() => sent.length === want.length, 'told');
  assert.deepEqual(sent, want);
  // More than fits into the buffers of two sockets.
  sent.length = 0;
  body('large.ts', Buffer.alloc(64 * 1024 * 1024));
  const client = await RawClient.open(http.port);
  client.send('GET /large.ts HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.until('200 OK');
  client.socket.destroy();
  await eventually(() => sent.length === 1, 'told');
});

test('a connection carries many', async () => {
  addBody('many.ts', TEN);
  const client = await RawClient.open(http.port);
  for (let n = 0; n < 50; n += 1) client.send('GET /many.ts HTTP/1.1\r\nHost: x\r\n\r\n');
  client.send('GET /many.ts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  assert.equal((await client.end()).split('\r\n\r\n0123456789').length, 52);
});

test('mounts: each has its own folder; a live stream of the name gives way', async () => {
  addBody('b/m.ts', Buffer.from('of b.com'));
  addBody('live/a.flv', Buffer.from('a file'));
  assert.equal((await ask('/files/m.ts', ['Host: B.com:80'])).body, 'of b.com');
  assert.equal((await ask('/files/m.ts?vhost=b.com')).body, 'of b.com');
  assert.equal((await ask('/b/m.ts')).body, 'of b.com');
  assert.equal((await ask('/files/m.ts')).status, 404);
  assert.equal((await ask('/m.ts', ['Host: b.com'])).status, 404);
  http.hub.add('live', 'a');
  assert.equal((await ask('/live/a.flv')).body, 'a file');
});

test('hostile paths reach neither files nor resources', async () => {
  const base = await mkdtemp(join(tmpdir(), 'srs-outside-'));
  await writeFile(join(base, 'secret.ts'), 'secret');
  resources.add(join(base, 'live.ts'), new MemoryFile(Buffer.from('secret'), OLD_MS));
  await symlink(base, join(dir, 'link'));
  addBody('.hidden/a.ts', Buffer.from('secret'));
  addBody('x.ts', TEN);
  const name = base.slice(tmpdir().length + 1);
  for (const path of [
    `/../${name}/live.ts`,
    `/%2e%2e/${name}/live.ts`,
    `/%2e%2e%2f${name}%2flive.ts`,
    `/%252e%252e/${name}/live.ts`,
    `/..%5c${name}%5clive.ts`,
    `/..\\${name}\\live.ts`,
    `/b/../../${name}/live.ts`,
    `/b/%2e%2e/%2e%2e/${name}/live.ts`,
    `/files/../../${name}/live.ts`,
    '/link/live.ts',
    '/link/secret.ts',
    '/.hidden/a.ts',
    '/%2ehidden/a.ts',
    '/x.ts%00',
    '/x.ts%00.m3u8',
    '/x.ts/',
    '//x.ts',
    '/./x.ts',
    '/b//../x.ts',
    '/%78.ts%20',
    '/x.ts%2f',
    '/X.ts',
  ]) {
    for (const host of ['x', 'b.com']) {
      const { status, body } = await ask(path, [`Host: ${host}`]);
      assert.ok(status === 400 || status === 404, `${path} ${status}`);
      assert.doesNotMatch(body, /secret|0123/, path);
    }
  }
  assert.equal((await ask('/%78.ts')).body, '0123456789');
  await rm(base, { recursive: true });
});
