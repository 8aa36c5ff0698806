import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerError } from '../../src/base/errors.ts';
import { readMpd } from '../../src/containers/mpd/index.ts';
import { eventually } from '../support/eventually.ts';
import { bare, FileViewers, type Verdict } from '../support/file-viewers.ts';
import { until } from '../support/programs.ts';

const dash = (more = ''): string => `dash { enabled on; dash_path ROOT; dash_fragment 1; ${more} }`;

/** The init segments and the first segments that a manifest names, as a player asks for them. */
function urlsOf(manifest: string): readonly string[] {
  const urls: string[] = [];
  for (const { adaptationSets } of readMpd(manifest).periods) {
    for (const { template, representations } of adaptationSets) {
      const id = representations[0]?.id ?? '';
      const time = String(template.timeline[0]?.time);
      urls.push(template.initialization ?? '');
      urls.push(template.media.replace('$RepresentationID$', id).replace('$Time$', time));
    }
  }
  assert.equal(urls.length, 4, manifest);
  return urls;
}

/** Where the manifest says that it is from now on. */
function locationOf(manifest: string): string {
  const location = /<Location>([^<]*)<\/Location>/.exec(manifest)?.[1] ?? '';
  return location.replaceAll('&#38;', '&');
}

test('a viewer of DASH is a session: counted, with its bytes, kicked, gone when it is silent', async (context) => {
  const stage = await FileViewers.start(context, { vhost: dash(), verdict: 'open' });
  const show = stage.publish();
  show.run(5_000);
  const manifest = await stage.text('show.mpd?x=1&y=%26', /SegmentTemplate/);
  const location = locationOf(manifest);
  assert.match(location, /^show\.mpd\?dash_ctx=[\w-]{22}&x=1&y=%26$/);
  assert.deepEqual([stage.seen, stage.viewers()], [['+dash-play'], 1]);
  assert.equal(stage.sessions[0]?.details?.params, '?x=1&y=%26');
  const again = await stage.get('show.mpd?x=1&y=%26');
  assert.equal(again.text, manifest, 'who does not go by Location is known all the same');
  assert.equal(again.cacheControl, 'private, no-store');
  const before = stage.sentBytes();
  let bytes = 0;
  for (const url of urlsOf(manifest)) {
    const got = await fetch(`http://127.0.0.1:${stage.server.httpPort}/live/${url}`);
    assert.equal(got.status, 200, url);
    bytes += (await got.arrayBuffer()).byteLength;
    assert.equal(await stage.status(bare(url)), 200, 'without rules segments are for everybody');
  }
  await eventually(() => stage.sentBytes() === before + bytes, 'the bytes of its segments are counted');
  assert.equal((await stage.get(location)).status, 200);
  assert.equal(stage.viewers(), 1);
  // It goes by Location: who looks the same is another viewer.
  const second = locationOf((await stage.get('show.mpd?x=1&y=%26')).text);
  assert.notEqual(second, location);
  assert.equal(stage.viewers(), 2);
  stage.sessions[0].close(new ServerError('SESSION_KICKED', 'kicked by the API'));
  assert.deepEqual([await stage.status(location), await stage.status(urlsOf(manifest)[1] ?? '')], [403, 403]);
  assert.deepEqual([await stage.status(second), stage.viewers()], [200, 1]);
  show.end();
  await eventually(() => stage.viewers() === undefined, 'the stream is over');
  assert.deepEqual(stage.seen, ['+dash-play', '+dash-play', '-dash-play', '-dash-play']);
});

test('the API lists a viewer of DASH with its kind and its bytes, and ends it', async (context) => {
  const head = 'http_api { enabled on; listen 127.0.0.1:0; }';
  const stage = await FileViewers.start(context, { vhost: dash(), verdict: 'open', head });
  stage.publish().run(5_000);
  const manifest = await stage.text('show.mpd', /SegmentTemplate/);
  await stage.get(urlsOf(manifest)[1] ?? '');
  const base = `http://127.0.0.1:${stage.server.apiPort}/api/v1/clients`;
  const clients = async (): Promise<readonly Record<string, unknown>[]> =>
    ((await (await fetch(`${base}/`)).json()) as { clients: Record<string, unknown>[] }).clients;
  const viewer = (await clients()).find(({ type }) => type === 'dash-play');
  assert.ok(viewer);
  assert.deepEqual([viewer['publish'], viewer['name'], viewer['ip']], [false, 'show', '127.0.0.1']);
  await until('its bytes', async () => {
    const now = (await clients()).find(({ id }) => id === viewer['id']);
    return Number(now?.['send_bytes']) > manifest.length;
  });
  await (await fetch(`${base}/${String(viewer['id'])}`, { method: 'DELETE' })).text();
  await until('its end', async () => (await stage.status(urlsOf(manifest)[1] ?? '')) === 403);
  assert.equal(stage.viewers(), 0);
});

test('a HEAD begins nothing', async (context) => {
  const stage = await FileViewers.start(context, { vhost: dash(), verdict: 'open' });
  stage.publish().run(5_000);
  await until('the manifest', async () => (await stage.get('show.mpd', { method: 'HEAD' })).status === 200);
  assert.equal(stage.viewers(), 0);
});

test('vhost= is carried into segments, with a session and without', async (context) => {
  for (const more of ['', 'dash_ctx off;']) {
    const stage = await FileViewers.start(context, { vhost: dash(more), verdict: 'open' });
    stage.publish().run(5_000);
    const manifest = await stage.text('show.mpd?vhost=__defaultVhost__', /SegmentTemplate/);
    for (const url of urlsOf(manifest)) {
      assert.match(
        url,
        more === '' ? /\?dash_ctx=[\w-]+&vhost=__defaultVhost__$/ : /\?vhost=__defaultVhost__$/,
      );
      assert.equal(await stage.status(url), 200);
    }
    assert.equal(stage.viewers(), more === '' ? 1 : 0);
  }
});

test('dash_ctx off: one manifest for all, nobody is asked or counted', async (context) => {
  const stage = await FileViewers.start(context, { vhost: dash('dash_ctx off;'), verdict: 'open' });
  stage.publish().run(5_000);
  const manifest = await stage.text('show.mpd?x=1', /SegmentTemplate/);
  assert.doesNotMatch(manifest, /dash_ctx|Location/);
  assert.deepEqual([stage.viewers(), stage.asked.length], [0, 0]);
});

test('with rules a segment is for viewers of its stream alone, from memory, from the disk and in the end', async (context) => {
  for (const settings of [
    { vhost: dash('dash_dispose 0;') },
    { vhost: dash('dash_dispose 0; dash_ctx off;'), http: 'live_memory 1;' },
  ]) {
    const stage = await FileViewers.start(context, settings);
    const show = stage.publish();
    stage.publish('other').run(5_000);
    show.run(5_000);
    const manifest = await stage.text('show.mpd?token=good', /SegmentTemplate/);
    const other = await stage.text('other.mpd?token=good', /SegmentTemplate/);
    const foreign = /dash_ctx=[\w-]+/.exec(urlsOf(other)[0] ?? '')?.[0] ?? '';
    assert.deepEqual([await stage.status('show.mpd'), await stage.status('show.mpd?token=bad')], [403, 403]);
    const urls = urlsOf(manifest);
    const check = async (): Promise<void> => {
      for (const url of urls) {
        await until(url, async () => (await stage.status(url)) === 200);
        for (const query of ['', '?dash_ctx=AAAAAAAAAAAAAAAAAAAAAA', `?${foreign}`])
          assert.equal(await stage.status(bare(url) + query), 403, url + query);
      }
    };
    await check();
    assert.deepEqual([stage.viewers(), stage.viewers('other')], [1, 1]);
    show.end();
    await eventually(() => stage.viewers() === undefined, 'the stream is over');
    await check();
    const rest = await stage.text('show.mpd?token=good', /type="static"/);
    for (const url of urlsOf(rest)) assert.equal(await stage.status(url), 200, url);
    assert.equal(await stage.status('show.mpd'), 403);
  }
});

test('who waits for the segment that comes next gets nothing of it when it is kicked', async (context) => {
  const stage = await FileViewers.start(context, { vhost: dash() });
  const show = stage.publish();
  show.run(5_000);
  const manifest = await stage.text('show.mpd?token=good', /SegmentTemplate/);
  const { template } = readMpd(manifest).periods[0]?.adaptationSets[0] ?? assert.fail();
  const last = template.timeline.at(-1) ?? assert.fail();
  const time = String(last.time + last.duration * last.count);
  const next = template.media.replace('$RepresentationID$', 'video').replace('$Time$', time);
  assert.equal(await stage.status(bare(next)), 403, 'who has no right does not wait');
  const waiting = stage.get(next);
  await stage.get(urlsOf(manifest)[0] ?? '');
  stage.sessions[0]?.close(new ServerError('SESSION_KICKED', 'kicked by the API'));
  show.run(2_000);
  assert.equal((await waiting).status, 403);
});

test('a granted name, a redirect and a granted time', async (context) => {
  const verdict: Verdict = ({ stream, params }) => {
    if (stream === 'secret') return { stream: 'show', isKey: true };
    if (params.includes('elsewhere')) return { redirect: 'http://example.com/live/show.mpd' };
    return { durationMs: 400 };
  };
  const stage = await FileViewers.start(context, { vhost: dash(), verdict });
  stage.publish().run(5_000);
  const brief = await stage.text('show.mpd?a', /SegmentTemplate/);
  const moved = await stage.get('secret.mpd');
  assert.equal(moved.status, 302);
  assert.match(moved.location, /^\/live\/show\.mpd\?dash_ctx=[\w-]+$/);
  assert.match((await stage.get(moved.location)).text, /SegmentTemplate/);
  const away = await stage.get('show.mpd?elsewhere');
  assert.deepEqual([away.status, away.location], [302, 'http://example.com/live/show.mpd']);
  await until('the end of the time', async () => (await stage.status(urlsOf(brief)[0] ?? '')) === 403);
});
