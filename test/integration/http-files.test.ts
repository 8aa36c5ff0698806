import assert from 'node:assert/strict';
import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { flvHeader, sizeOfTag, writeTag } from '../../src/containers/flv/index.ts';
import { MountTable } from '../../src/endpoints/http/index.ts';
import { startHttp, type TestHttp } from '../support/http-endpoint.ts';
import { RawClient } from '../support/raw-http.ts';

let http: TestHttp;
let origin: string;

function tag(type: number, body: Buffer): Buffer {
  const bytes = Buffer.alloc(sizeOfTag(body.length));
  writeTag(bytes, 0, type, 40, body);
  return bytes;
}

const SCRIPT = tag(18, Buffer.from('metadata'));
const AVC_CONFIG = tag(9, Buffer.from('1700000000aabb', 'hex'));
const AAC_CONFIG = tag(8, Buffer.from('af001210', 'hex'));
const FRAMES = [1, 2, 3].map((n) =>
  tag(9, Buffer.concat([Buffer.from('1701000000', 'hex'), Buffer.alloc(300, n)])),
);
const HEADER = flvHeader({ audio: true, video: true });
const FLV = Buffer.concat([HEADER, SCRIPT, AVC_CONFIG, AAC_CONFIG, ...FRAMES]);
/** Where the last two frames begin. */
const CUT = FLV.length - 2 * (FRAMES[0]?.length ?? 0);

before(async () => {
  const base = await mkdtemp(join(tmpdir(), 'srs-files-'));
  const dir = join(base, 'www');
  const pageDir = join(base, 'page');
  await mkdir(join(dir, 'sub'), { recursive: true });
  await mkdir(join(dir, 'vod'));
  await mkdir(join(dir, 'empty'));
  await mkdir(join(pageDir, 'assets'), { recursive: true });
  await mkdir(join(base, 'www-other'));
  await writeFile(join(base, 'secret.txt'), 'SECRET');
  await writeFile(join(base, 'www-other', 'secret.txt'), 'SECRET');
  await writeFile(join(dir, 'a.txt'), 'hello');
  await writeFile(join(dir, '100%.txt'), 'percent');
  await writeFile(join(dir, '.env'), 'SECRET');
  await writeFile(join(dir, 'sub', 'index.html'), '<p>sub');
  await writeFile(join(dir, 'vod', 'clip.flv'), FLV);
  await writeFile(join(dir, 'vod', 'broken.flv'), 'this is no flv at all, really not');
  await writeFile(join(pageDir, 'index.html'), '<p>page');
  await writeFile(join(pageDir, 'assets', 'app.js'), 'app()');
  await symlink(join(base, 'secret.txt'), join(dir, 'link.txt'));
  await symlink(join(base, 'www-other'), join(dir, 'linked'));
  await symlink(join(dir, 'a.txt'), join(dir, 'inside.txt'));
  http = await startHttp({ dir, pageDir });
  origin = `http://127.0.0.1:${http.port}`;
});

after(() => http.endpoint.close());

test('files, folders, ranges', async () => {
  const file = await fetch(`${origin}/a.txt`);
  assert.equal(await file.text(), 'hello');
  assert.match(file.headers.get('content-type') ?? '', /^text\/plain/);
  assert.equal(file.headers.get('access-control-allow-origin'), '*');
  assert.equal(await (await fetch(`${origin}/100%25.txt`)).text(), 'percent');
  assert.equal(await (await fetch(`${origin}/inside.txt`)).text(), 'hello');
  const part = await fetch(`${origin}/a.txt`, { headers: { Range: 'bytes=1-2' } });
  assert.equal(part.status, 206);
  assert.equal(part.headers.get('content-range'), 'bytes 1-2/5');
  assert.equal(await part.text(), 'el');
  assert.equal((await fetch(`${origin}/a.txt`, { headers: { Range: 'bytes=9-' } })).status, 416);
  assert.equal(await (await fetch(`${origin}/sub/`)).text(), '<p>sub');
  const redirect = await fetch(`${origin}/sub?x=1`, { redirect: 'manual' });
  assert.equal(redirect.status, 302);
  assert.equal(redirect.headers.get('location'), '/sub/?x=1');
  assert.equal((await fetch(`${origin}/empty/`)).status, 404);
  const head = await fetch(`${origin}/a.txt`, { method: 'HEAD' });
  assert.equal(head.headers.get('content-length'), '5');
});

test('the page is served where the document root has nothing', async () => {
  assert.equal(await (await fetch(`${origin}/`)).text(), '<p>page');
  assert.equal(await (await fetch(`${origin}/assets/app.js`)).text(), 'app()');
});

test('nothing outside the root can be named', async () => {
  const paths = [
    '/../secret.txt',
    '/sub/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/%2e%2e%2fsecret.txt',
    '/..%2fsecret.txt',
    '/%252e%252e/secret.txt',
    '/%252e%252e%252fsecret.txt',
    '/..%5csecret.txt',
    '/..\\secret.txt',
    '/sub/%2e%2e/%2e%2e/secret.txt',
    '//secret.txt',
    '/../www-other/secret.txt',
    '/%c0%ae%c0%ae/secret.txt',
    '/a.txt%00.html',
    '/%00',
    '/%zz',
    '/link.txt',
    '/linked/secret.txt',
    '/.env',
    '/sub/../.env',
    '/%2eenv',
    '/./a.txt',
    `/${'a/'.repeat(1_000)}`,
    `/${'a'.repeat(5_000)}`,
    '/a.txt/',
    '/a.txt/x',
    'http://x/../secret.txt',
    '*',
    'secret.txt',
  ];
  for (const path of paths) {
    const answer = await RawClient.ask(
      http.port,
      `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1\.1 (400|403|404) /, path);
    assert.doesNotMatch(answer, /SECRET/, path);
  }
  // The table would pass on a server that refuses everything.
  const fine = await RawClient.ask(
    http.port,
    'GET http://x/a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  );
  assert.match(fine, /^HTTP\/1\.1 200 [^]*hello$/);
});

test('an FLV file plays from a byte: header, config records, then tags', async () => {
  const want = Buffer.concat([HEADER, AVC_CONFIG, AAC_CONFIG, FLV.subarray(CUT)]);
  const ask = async (query: string): Promise<{ status: number; body: Buffer }> => {
    const response = await fetch(`${origin}/vod/clip.flv${query}`);
    return { status: response.status, body: Buffer.from(await response.arrayBuffer()) };
  };
  assert.deepEqual(await ask(`?start=${CUT}`), { status: 200, body: want });
  // Between two tags: from the next one.
  assert.deepEqual(await ask(`?start=${CUT - 20}`), { status: 200, body: want });
  assert.deepEqual(await ask('?start=0'), { status: 200, body: FLV });
  assert.deepEqual(await ask(''), { status: 200, body: FLV });
  assert.equal((await ask(`?start=${FLV.length}`)).status, 416);
  assert.equal((await ask('?start=-1')).status, 400);
  assert.equal((await ask('?start=abc')).status, 400);
  const head = await fetch(`${origin}/vod/clip.flv?start=${CUT}`, { method: 'HEAD' });
  assert.equal(head.headers.get('content-length'), String(want.length));
  assert.equal((await fetch(`${origin}/vod/broken.flv?start=9`)).status, 200);
});

test('what is live wins over a file of the name, unless start asks for the file', async () => {
  const stream = http.hub.add('vod', 'clip');
  const live = await fetch(`${origin}/vod/clip.flv`);
  assert.equal(live.headers.get('transfer-encoding'), 'chunked');
  (await stream.viewer()).end();
  assert.equal((await live.arrayBuffer()).byteLength, 0);
  const file = await fetch(`${origin}/vod/clip.flv?start=0`);
  assert.equal((await file.arrayBuffer()).byteLength, FLV.length);
  http.hub.streams.clear();
});

test('Flash players of other sites are let in, unless a file says otherwise or crossdomain is off', async () => {
  const policy = await fetch(`${origin}/crossdomain.xml`);
  assert.equal(policy.headers.get('content-type'), 'text/x-cross-domain-policy');
  assert.match(await policy.text(), /<allow-access-from domain="\*" \/>/);
  const other = await startHttp({ crossdomain: false });
  const url = `http://127.0.0.1:${other.port}/crossdomain.xml`;
  assert.equal((await fetch(url)).status, 404);
  await writeFile(join(other.dir, 'crossdomain.xml'), '<none/>');
  assert.equal(await (await fetch(url)).text(), '<none/>');
  other.endpoint.reconfigure({
    ...{ dir: other.dir, statics: [], crossdomain: true, pageDir: undefined },
    ...{ mounts: new MountTable({ mounts: [], resolveVhost: () => undefined }), playlists: () => [] },
    ...{ apiPort: undefined, rtmpPort: undefined },
  });
  assert.equal(await (await fetch(url)).text(), '<none/>');
  await other.endpoint.close();
});

test('live.json tells the page what is live, and no addresses', async () => {
  http.hub.add('live', 'a b');
  const text = await (await fetch(`${origin}/live.json`)).text();
  assert.deepEqual(JSON.parse(text), {
    server: { version: '1.2.3', rtmpPort: 1935, apiPort: 1985 },
    streams: [
      {
        vhost: '__defaultVhost__',
        app: 'live',
        stream: 'a b',
        state: 'live',
        playable: [
          { format: 'flv', url: '/live/a%20b.flv' },
          { format: 'ts', url: '/live/a%20b.ts' },
          { format: 'aac', url: '/live/a%20b.aac' },
        ],
        hasAudio: true,
        hasVideo: true,
        videoCodec: 'h264',
        width: 1280,
        height: 720,
        fps: 25,
        audioCodec: 'aac',
        sampleRate: 44100,
        viewers: 0,
        kbps: 237.4,
        publishedAtMs: 1_700_000_000_000,
      },
    ],
  });
  assert.doesNotMatch(text, /10\.0\.0\.1|pub1/);
  const off = await startHttp();
  assert.equal((await fetch(`http://127.0.0.1:${off.port}/live.json`)).status, 404);
  await off.endpoint.close();
});
