import assert from 'node:assert/strict';
import { mkdtemp, rename, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { startHttp, type TestHttp } from '../support/http-endpoint.ts';
import { RawClient } from '../support/raw-http.ts';

let http: TestHttp;
let dir: string;
const PLAYLIST = `#EXTM3U\n${'#EXTINF:10.000,\nlive-1.ts\n'.repeat(40)}`;
const OLD = new Date('2026-01-02T03:04:05Z');

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'srs-caching-'));
  for (const [name, text] of [
    ['live.m3u8', PLAYLIST],
    ['small.m3u8', '#EXTM3U\n'],
    ['big.m3u8', 'x'.repeat(1024 * 1024 + 1)],
    ['seg.ts', '0123456789'],
  ] as const) {
    await writeFile(join(dir, name), text);
    await utimes(join(dir, name), OLD, OLD);
  }
  http = await startHttp({ dir });
});

after(() => http.endpoint.close());

interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

async function ask(path: string, headers: readonly string[] = [], method = 'GET'): Promise<Answer> {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: x', 'Connection: close', ...headers];
  const answer = await RawClient.ask(http.port, `${lines.join('\r\n')}\r\n\r\n`);
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

for (const [name, type, caching] of [
  ['a.m3u8', 'application/vnd.apple.mpegurl', 'no-cache'],
  ['a.mpd', 'application/dash+xml', 'no-cache'],
  ['a.ts', 'video/mp2t', 'public, max-age=3600'],
  ['A.TS', 'video/mp2t', 'public, max-age=3600'],
  ['a.m4s', 'video/iso.segment', 'public, max-age=3600'],
  ['a.mp4', 'video/mp4', 'public, max-age=0'],
  ['a.flv', 'video/x-flv', 'public, max-age=0'],
  ['a.aac', 'audio/aac', 'public, max-age=0'],
  ['a.mp3', 'audio/mpeg', 'public, max-age=0'],
  ['a.vtt', 'text/vtt; charset=utf-8', 'public, max-age=0'],
  ['a.key', 'application/octet-stream', 'no-store'],
  ['a.html', 'text/html; charset=utf-8', 'public, max-age=0'],
] as const) {
  test(`${name} is ${type}, ${caching}; HEAD says the same`, async () => {
    await writeFile(join(dir, name), 'text');
    for (const method of ['GET', 'HEAD']) {
      const { status, headers, body } = await ask(`/${name}`, [], method);
      assert.equal(status, 200);
      assert.equal(headers.get('content-type'), type);
      assert.equal(headers.get('cache-control'), caching);
      assert.equal(headers.get('content-length'), '4');
      assert.equal(body, method === 'GET' ? 'text' : '');
    }
  });
}

test('ranges', async () => {
  const cases: readonly (readonly [string, number, string | undefined, string])[] = [
    ['bytes=2-4', 206, 'bytes 2-4/10', '234'],
    ['bytes=7-', 206, 'bytes 7-9/10', '789'],
    ['bytes=-2', 206, 'bytes 8-9/10', '89'],
    ['bytes=-20', 200, undefined, '0123456789'],
    ['bytes=8-99', 206, 'bytes 8-9/10', '89'],
    // RFC 9110, 14.2: a server may ignore a range; several in one answer are of no use to any player.
    ['bytes=0-1,4-5', 200, undefined, '0123456789'],
    ['lines=1-2', 200, undefined, '0123456789'],
  ];
  for (const [range, status, contentRange, body] of cases) {
    const answer = await ask('/seg.ts', [`Range: ${range}`]);
    assert.deepEqual(
      [range, answer.status, answer.headers.get('content-range'), answer.body],
      [range, status, contentRange, body],
    );
  }
  for (const range of ['bytes=10-', 'bytes=99-100']) {
    const beyond = await ask('/seg.ts', [`Range: ${range}`]);
    assert.equal(beyond.status, 416);
    assert.equal(beyond.headers.get('content-range'), 'bytes */10');
  }
  const head = await ask('/seg.ts', ['Range: bytes=2-4'], 'HEAD');
  assert.equal(head.headers.get('content-length'), '3');
});

for (const path of ['/seg.ts', '/live.m3u8']) {
  test(`conditional requests of ${path}`, async () => {
    const { headers } = await ask(path);
    const etag = headers.get('etag') ?? '';
    const modified = headers.get('last-modified') ?? '';
    assert.match(etag, /^W\/"/);
    assert.equal(modified, OLD.toUTCString());
    const later = 'Sat, 03 Jan 2026 00:00:00 GMT';
    const earlier = 'Thu, 01 Jan 2026 00:00:00 GMT';
    const cases: readonly (readonly [readonly string[], number])[] = [
      [[`If-None-Match: ${etag}`], 304],
      [[`If-None-Match: "x", ${etag}`], 304],
      [[`If-None-Match: ${etag.slice(2)}`], 304],
      [['If-None-Match: *'], 304],
      [['If-None-Match: "x"'], 200],
      [[`If-Modified-Since: ${modified}`], 304],
      [[`If-Modified-Since: ${later}`], 304],
      [[`If-Modified-Since: ${earlier}`], 200],
      [['If-Modified-Since: nonsense'], 200],
      [['If-None-Match: "x"', `If-Modified-Since: ${later}`], 200],
    ];
    for (const [lines, status] of cases) {
      const answer = await ask(path, lines);
      assert.equal(answer.status, status, lines.join());
      if (status === 304) assert.equal(answer.body, '');
    }
  });
}

test('a range of a file that has changed is the whole file', async () => {
  const { headers } = await ask('/seg.ts');
  const ask1 = (validator: string): Promise<Answer> =>
    ask('/seg.ts', ['Range: bytes=0-1', `If-Range: ${validator}`]);
  assert.equal((await ask1(headers.get('last-modified') ?? '')).status, 206);
  assert.equal((await ask1('"x"')).status, 200);
  assert.equal((await ask1('Thu, 01 Jan 2026 00:00:00 GMT')).status, 200);
});

test('playlists are packed for those who can unpack', async () => {
  for (const [accept, packed] of [
    ['gzip', true],
    ['deflate, GZIP;q=0.5', true],
    ['*', true],
    ['gzip;q=0', false],
    ['gzip; q=0.0, *', false],
    ['identity', false],
  ] as const) {
    const { headers, body } = await ask('/live.m3u8', [`Accept-Encoding: ${accept}`]);
    assert.equal(headers.get('content-encoding'), packed ? 'gzip' : undefined, accept);
    assert.equal(headers.get('vary'), 'Accept-Encoding');
    const bytes = Buffer.from(body, 'latin1');
    assert.equal(headers.get('content-length'), String(bytes.length));
    assert.equal((packed ? gunzipSync(bytes) : bytes).toString(), PLAYLIST);
  }
  const small = await ask('/small.m3u8', ['Accept-Encoding: gzip']);
  assert.equal(small.body, '#EXTM3U\n');
  const big = await ask('/big.m3u8', ['Accept-Encoding: gzip']);
  assert.equal(big.headers.get('content-type'), 'application/vnd.apple.mpegurl');
  assert.equal(big.body.length, 1024 * 1024 + 1);
});

test('a playlist that is replaced is whole in every answer, and new at once', async () => {
  const text = (n: number): string => `#EXTM3U\n${`line ${n}\n`.repeat(60 + n * 7)}`;
  const put = async (n: number): Promise<void> => {
    await writeFile(join(dir, 'next'), text(n));
    await rename(join(dir, 'next'), join(dir, 'moving.m3u8'));
  };
  await put(0);
  let etag = '';
  for (let n = 1; n < 40; n += 1) {
    const [answer] = await Promise.all([ask('/moving.m3u8', ['Accept-Encoding: gzip']), put(n)]);
    const got = gunzipSync(Buffer.from(answer.body, 'latin1')).toString();
    assert.ok(got === text(n - 1) || got === text(n), `answer ${n}`);
    const now = await ask('/moving.m3u8', [`If-None-Match: ${etag}`]);
    assert.equal(now.status, 200);
    assert.equal(now.body, text(n));
    // Within a second it may change again, and the time could not tell.
    assert.equal(now.headers.get('last-modified'), undefined);
    etag = now.headers.get('etag') ?? '';
  }
});

test('one connection carries one request after the other; a head above the limit is refused', async () => {
  const client = await RawClient.open(http.port);
  for (let n = 0; n < 3; n += 1) client.send('GET /seg.ts HTTP/1.1\r\nHost: x\r\n\r\n');
  client.send('GET /small.m3u8 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  assert.equal((await client.end()).split('HTTP/1.1 200 OK').length, 5);
  const long = await ask('/seg.ts', [`X-Long: ${'x'.repeat(17_000)}`]);
  assert.equal(long.status, 431);
});
