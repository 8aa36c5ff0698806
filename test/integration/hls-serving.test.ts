import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { Agent, get as httpGet, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { ServerError } from '../../src/base/errors.ts';
import { readMediaPlaylist, readPlaylist } from '../../src/containers/m3u8/index.ts';
import { LiveResources } from '../../src/storage/live-resources.ts';
import { MemoryFile } from '../../src/storage/memory-file.ts';
import { eventually } from '../support/eventually.ts';
import { startHttp } from '../support/http-endpoint.ts';
import { ALL_OFF, guarded, setUpServing, viewersOf, type ServingSettings } from '../support/hls-serving.ts';
import { HlsValidator } from '../support/hls-validator.ts';

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A playlist document behind the real HTTP server; the clock of its sessions is the test's. */
async function serve(context: TestContext, settings: ServingSettings = {}) {
  const serving = setUpServing(settings);
  const resources = new LiveResources(1_000_000);
  const { endpoint, dir, port } = await startHttp({}, { hub: serving.hub, resources });
  const agent = new Agent({ keepAlive: true });
  context.after(async () => {
    serving.document.close();
    agent.destroy();
    await endpoint.close();
    serving.hub.close();
    await rm(dir, { recursive: true });
  });
  resources.add(join(dir, 'live/demo.m3u8'), serving.document);
  const file = (name: string, bytes: Buffer): void => {
    const memory = new MemoryFile(bytes, 0);
    resources.add(join(dir, 'live', name), guarded(serving.document, memory), memory);
  };
  const get = (path: string, headers: Record<string, string> = {}): Promise<Reply> =>
    new Promise((resolve, reject) => {
      httpGet({ host: '127.0.0.1', port, path, agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          const text = response.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: text.toString('latin1'),
          });
        });
      }).on('error', reject);
    });
  return { ...serving, resources, dir, port, file, get };
}

/** The one variant of the master playlist at the path. */
async function variant(get: (path: string) => Promise<Reply>, path: string): Promise<string> {
  const { status, headers, text } = await get(path);
  assert.equal(status, 200, text);
  assert.equal(headers['content-type'], 'application/vnd.apple.mpegurl');
  assert.equal(headers['cache-control'], 'no-store');
  const master = readPlaylist(text);
  assert.ok(master.kind === 'master');
  return master.playlist.variants[0]?.uri ?? '';
}

test('a viewer over HTTP: one session, its bytes, its end in silence', async (context) => {
  const { get, file, clock, hub, seen } = await serve(context);
  for (const name of ['demo-0.ts', 'demo-1.ts', 'demo-2.ts']) file(name, Buffer.alloc(5_000, 7));
  const url = await variant(get, '/live/demo.m3u8?token=x');
  assert.match(url, /^\/live\/demo\.m3u8\?hls_ctx=[^&]+&token=x$/);
  const media = await get(url);
  assert.equal(media.headers['cache-control'], 'private, no-store');
  const { segments } = readMediaPlaylist(media.text);
  assert.equal(segments.length, 3);
  for (const { uri } of segments) {
    const segment = await get(`/live/${uri}`);
    assert.deepEqual([segment.status, segment.text.length], [200, 5_000]);
  }
  const again = await get(url, { 'accept-encoding': 'gzip' });
  assert.equal(again.text, media.text);
  assert.equal(viewersOf(hub), 1);
  clock.advance(12_000);
  assert.equal(viewersOf(hub), 0);
  const total = 15_000 + media.text.length + Number(again.headers['content-length']);
  assert.deepEqual(seen[0], '+hls-play');
  const ended = /^-hls-play (\d+)$/.exec(seen[1] ?? '');
  // The master playlist counts too.
  assert.ok(Number(ended?.[1]) > total && Number(ended?.[1]) < total + 500, `${seen[1]} of ${total}`);
});

test('kicked: 403 for playlist and segments; another one is not touched', async (context) => {
  const { get, file, hub } = await serve(context);
  file('demo-0.ts', Buffer.alloc(100));
  const bad = await variant(get, '/live/demo.m3u8');
  const good = await variant(get, '/live/demo.m3u8');
  assert.equal(viewersOf(hub), 2);
  const id = bad.split('hls_ctx=')[1] ?? '';
  hub.session(id)?.close(new ServerError('SESSION_KICKED', 'kicked'));
  assert.equal(viewersOf(hub), 1);
  assert.equal((await get(bad)).status, 403);
  assert.equal((await get(`/live/demo-0.ts?hls_ctx=${id}`)).status, 403);
  assert.equal((await get(good)).status, 200);
});

test('a client of low latency gets each playlist as soon as its part is there', async (context) => {
  const { get, live, document, clock } = await serve(context, {
    playlist: { partMs: 200, segmentMs: 1_000, windowMs: 8_000 },
  });
  const url = await variant(get, '/live/demo.m3u8');
  const validator = new HlsValidator();
  const delays: number[] = [];
  for (let step = 0; step < 60; step += 1) {
    const [sequence, part] = [3 + Math.floor(step / 5), step % 5];
    const answer = get(`${url}&_HLS_msn=${sequence}&_HLS_part=${part}`);
    let answeredAt = 0;
    void answer.then(() => (answeredAt = performance.now()));
    await eventually(() => document.waiting === 1, 'the request waits');
    assert.equal(answeredAt, 0);
    clock.advance(200);
    const at = performance.now();
    live.addPart();
    if (part === 4) live.addSegment();
    const { status, text } = await answer;
    delays.push(performance.now() - at);
    assert.equal(status, 200);
    assert.match(text, new RegExp(`demo-${sequence}\\.${part}\\.m4s`));
    validator.take(text);
  }
  delays.sort((a, b) => a - b);
  const median = delays[30] ?? Infinity;
  context.diagnostic(
    `answer after the part: median ${median.toFixed(2)} ms, most ${delays.at(-1)?.toFixed(1)} ms`,
  );
  assert.ok(median < 20, `${median} ms`);
  assert.equal(document.viewers, 1);
});

test('an announced part is asked for before it is there, over HTTP', async (context) => {
  const { get, resources, dir, document } = await serve(context, { options: ALL_OFF });
  const announced = document.announced();
  const path = join(dir, 'live/demo-3.0.m4s');
  resources.add(path, announced, announced);
  const answer = get('/live/demo-3.0.m4s');
  await eventually(() => announced.waiting === 1, 'the request waits');
  const part = new MemoryFile(Buffer.from('part'), 0);
  resources.add(path, part, part);
  announced.settle(part);
  const { status, text, headers } = await answer;
  assert.deepEqual([status, text, headers['content-type']], [200, 'part', 'video/iso.segment']);
});

test('a peer that leaves while it waits is forgotten at once; after the end the disk answers', async (context) => {
  const { get, document, live, port } = await serve(context, { playlist: { partMs: 200 }, options: ALL_OFF });
  const path = '/live/demo.m3u8?_HLS_msn=3';
  const leaver = httpGet({ host: '127.0.0.1', port, path, agent: false }).on('error', () => undefined);
  await eventually(() => document.waiting === 1, 'the request waits');
  leaver.destroy();
  await eventually(() => document.waiting === 0, 'it is forgotten');
  assert.equal(live.listeners, 0);
  const waiting = get(path);
  await eventually(() => document.waiting === 1, 'the request waits');
  document.close();
  assert.equal((await waiting).status, 404);
  assert.equal((await get('/live/demo.m3u8')).status, 404);
});
