import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServerError } from '../../src/base/errors.ts';
import { BackEnd } from '../support/back-end.ts';
import { eventually } from '../support/eventually.ts';
import { bare, FileViewers, urisOf, type Verdict } from '../support/file-viewers.ts';
import { until } from '../support/programs.ts';

const HLS = 'hls { enabled on; hls_path ROOT; hls_fragment 1; hls_window 10; MORE }';
const hls = (more = ''): string => HLS.replace('MORE', more);

test('a segment is for viewers of its stream alone', async (context) => {
  const stage = await FileViewers.start(context, { vhost: hls() });
  const show = stage.publish();
  const other = stage.publish('other');
  for (const stream of [show, other]) stream.run(4_000);
  const { uri, text } = await stage.join('show.m3u8?token=good');
  const theirs = await stage.join('other.m3u8?token=good');
  const segment = urisOf(text)[0] ?? '';
  assert.equal(await stage.status('show.m3u8'), 403);
  assert.equal(await stage.status('show.m3u8?token=bad'), 403);
  const got = await stage.get(segment);
  assert.deepEqual([got.status, got.text.length > 188], [200, true]);
  assert.equal(await stage.status(bare(segment)), 403, 'no context');
  assert.equal(await stage.status(`${bare(segment)}?hls_ctx=AAAAAAAAAAAAAAAAAAAAAA`), 403, 'an unknown one');
  assert.equal(await stage.status(`${bare(segment)}?token=good`), 403, 'the token is for the playlist');
  const foreign = /hls_ctx=[\w-]+/.exec(theirs.text)?.[0] ?? '';
  assert.equal(await stage.status(`${bare(segment)}?${foreign}`), 403, 'one of another stream');
  assert.deepEqual([stage.viewers(), stage.viewers('other')], [1, 1]);
  const session = stage.sessions.find(({ ip }) => ip === '127.0.0.1');
  session?.close(new ServerError('SESSION_KICKED', 'kicked by the API'));
  assert.deepEqual([await stage.status(segment), await stage.status(uri)], [403, 403]);
  assert.deepEqual([stage.viewers(), stage.viewers('other')], [0, 1]);
  assert.equal(await stage.status(urisOf(theirs.text)[0] ?? ''), 200, 'nobody else was kicked');
});

test('what left memory is given out by the same right', async (context) => {
  const stage = await FileViewers.start(context, { vhost: hls(), http: 'live_memory 1;' });
  const show = stage.publish();
  show.run(4_000);
  const { text } = await stage.join('show.m3u8?token=good');
  const segment = urisOf(text)[0] ?? '';
  await until('the segment is on the disk', async () => (await stage.status(segment)) === 200);
  assert.equal(await stage.status(bare(segment)), 403);
  assert.equal(await stage.status(`${bare(segment)}?hls_ctx=AAAAAAAAAAAAAAAAAAAAAA`), 403);
  stage.sessions[0]?.close(new ServerError('SESSION_KICKED', 'kicked by the API'));
  assert.equal(await stage.status(segment), 403);
});

test('init segments, parts and keys need a context too, and the playlist gives it', async (context) => {
  const keys = 'hls_keys on; hls_fragments_per_key 2; hls_key_file_path ROOT/keys; hls_key_url /keys/;';
  for (const more of ['hls_use_fmp4 on;', 'hls_ll on; hls_ll_part 200ms;', keys]) {
    const stage = await FileViewers.start(context, { vhost: hls(more) });
    const show = stage.publish();
    show.run(3_280);
    const { text } = await stage.join('show.m3u8?token=good');
    const hint = /PRELOAD-HINT:TYPE=PART,URI="([^"]*)"/.exec(text)?.[1];
    const there = urisOf(text).filter((uri) => uri !== hint);
    assert.ok(/EXT-X-MAP|EXT-X-KEY/.test(text), text);
    for (const uri of there) {
      assert.match(uri, /hls_ctx=/, uri);
      await until(uri, async () => (await stage.status(uri)) === 200);
      assert.equal(await stage.status(bare(uri)), 403, uri);
    }
    if (hint !== undefined) {
      assert.equal(await stage.status(bare(hint)), 403, 'who waits for nothing does not wait');
      const waiting = stage.get(hint);
      await stage.get(there[0] ?? ''); // Answered, while the one before waits.
      stage.sessions[0]?.close(new ServerError('SESSION_KICKED', 'kicked by the API'));
      show.run(400);
      assert.equal((await waiting).status, 403, 'kicked while it waited for a part');
    }
    show.end();
  }
});

test('a request that waits for the playlist is refused at once when its viewer is kicked', async (context) => {
  const stage = await FileViewers.start(context, { vhost: hls('hls_ll on; hls_ll_part 200ms;') });
  const show = stage.publish();
  show.run(3_280);
  const { uri, text } = await stage.join('show.m3u8?token=good');
  const sequence = Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]) + text.split('EXTINF').length - 1;
  const waiting = stage.get(`${uri}&_HLS_msn=${sequence + 1}`);
  const session = stage.sessions[0];
  assert.ok(session);
  let isDone = false;
  void waiting.then(() => (isDone = true));
  // The next request of the same viewer is answered: the one before waits.
  await stage.get(uri);
  assert.equal(isDone, false);
  session.close(new ServerError('SESSION_KICKED', 'kicked by the API'));
  await until('the end of the wait, without a change of the playlist', () => isDone, 2_000);
  assert.equal((await waiting).status, 403);
});

test('hls_ctx off: no master playlist, but an id in what the playlist names', async (context) => {
  const stage = await FileViewers.start(context, { vhost: hls('hls_ctx off; hls_ts_ctx off;') });
  const show = stage.publish();
  show.run(4_000);
  const text = await stage.text('show.m3u8?token=good', /EXTINF/);
  assert.equal(await stage.status('show.m3u8?token=bad'), 403);
  assert.equal(await stage.status('show.m3u8'), 403);
  const segment = urisOf(text)[0] ?? '';
  assert.match(segment, /hls_ctx=/);
  assert.equal(await stage.status(segment), 200);
  assert.equal(await stage.status(bare(segment)), 403);
  const before = stage.asked.length;
  assert.equal(await stage.text('show.m3u8?token=good', /EXTINF/), text, 'the same viewer');
  assert.deepEqual([stage.asked.length, stage.viewers()], [before, 1]);
  await stage.get('show.m3u8?token=good', { headers: { 'user-agent': 'another' } });
  assert.equal(stage.viewers(), 2);
  stage.sessions[0]?.close(new ServerError('SESSION_KICKED', 'kicked by the API'));
  assert.deepEqual([await stage.status(segment), await stage.status('show.m3u8?token=good')], [403, 403]);
});

test('hls_ts_ctx off is on where segments need it', async (context) => {
  const stage = await FileViewers.start(context, { vhost: hls('hls_ts_ctx off;') });
  stage.publish().run(4_000);
  const { text } = await stage.join('show.m3u8?token=good');
  assert.match(urisOf(text)[0] ?? '', /hls_ctx=/);
});

test('what is left of a stream on the disk: viewers go on, others need what the policy wants', async (context) => {
  const stage = await FileViewers.start(context, { vhost: hls('hls_dispose 0; hls_endlist on;') });
  const show = stage.publish();
  const other = stage.publish('other');
  for (const stream of [show, other]) stream.run(4_000);
  const { uri, text } = await stage.join('show.m3u8?token=good');
  const foreign = await stage.join('other.m3u8?token=good');
  show.end();
  await eventually(() => stage.viewers() === undefined, 'the stream is over');
  const segment = urisOf(text)[0] ?? '';
  assert.equal(await stage.status(segment), 200, 'who is behind has the rest');
  await stage.text(uri, /ENDLIST/);
  const asked = stage.asked.length;
  const rest = await stage.get(uri);
  assert.match(rest.text, /\.ts\?hls_ctx=/);
  assert.equal(rest.cacheControl, 'private, no-store');
  assert.equal(stage.asked.length, asked);
  assert.equal(await stage.status(bare(segment)), 403);
  assert.equal(await stage.status(bare(uri)), 403);
  assert.equal(await stage.status(`${bare(uri)}?token=bad`), 403);
  const context2 = /hls_ctx=[\w-]+/.exec(foreign.text)?.[0] ?? '';
  assert.equal(await stage.status(`${bare(segment)}?${context2}`), 403, 'a viewer of another stream');
  other.end();
  await eventually(() => stage.viewers('other') === undefined, 'the other stream is over');
  assert.equal(
    await stage.status(`${bare(segment)}?${context2}`),
    403,
    'a viewer of another stream that is over',
  );
  const fresh = await stage.get('show.m3u8?token=good');
  assert.deepEqual([fresh.status, /EXTINF/.test(fresh.text)], [200, true]);
  for (const one of urisOf(fresh.text)) assert.equal(await stage.status(one), 200, one);
  assert.equal(await stage.status(`${bare(segment)}?token=good`), 200);
  const now = stage.asked.length;
  await stage.status(`${bare(segment)}?token=good`);
  assert.equal(stage.asked.length, now, 'the answer is remembered for a moment');
  const { root } = stage;
  await stage.server.stop();
  const next = await FileViewers.start(context, { vhost: hls('hls_dispose 0; hls_endlist on;'), root });
  assert.equal(await next.status(segment), 403, 'ids end with the server');
  assert.equal(await next.status(bare(segment)), 403);
  const again = await next.get('show.m3u8?token=good');
  for (const one of urisOf(again.text)) assert.equal(await next.status(one), 200, one);
  assert.equal(await next.status('nothing.m3u8?token=good'), 404);
  assert.equal(await next.status('nothing.m3u8'), 403);
});

test('recordings below the document root are given out by the same right', async (context) => {
  const dvr = 'dvr { enabled on; dvr_path ROOT/[app]/[stream].[timestamp].flv; dvr_plan session; }';
  const stage = await FileViewers.start(context, { vhost: dvr });
  const show = stage.publish();
  show.run(4_000);
  show.end();
  const file = await until('a recording', async () => {
    const names = await readdir(join(stage.root, 'live')).catch(() => []);
    return names.find((name) => name.endsWith('.flv'));
  });
  assert.equal(await stage.status(file), 403);
  assert.equal(await stage.status(`${file}?token=bad`), 403);
  const got = await stage.get(`${file}?token=good`);
  assert.deepEqual([got.status, got.text.slice(0, 3)], [200, 'FLV']);
  assert.equal(got.cacheControl, 'private, max-age=0');
  const asked = stage.asked.at(-1);
  assert.deepEqual([asked?.app, asked?.stream, asked?.params], ['live', 'show', 'token=good']);
});

test('a granted name, a redirect and a granted time', async (context) => {
  const verdict: Verdict = ({ stream, params }) => {
    if (stream === 'secret' || params.includes('alias')) return { stream: 'show', isKey: true };
    if (params.includes('elsewhere')) return { redirect: 'http://example.com/live/show.m3u8' };
    if (params.includes('short')) return { durationMs: 400 };
    return undefined;
  };
  const stage = await FileViewers.start(context, { vhost: hls(), verdict });
  const show = stage.publish();
  stage.publish('twin').run(4_000);
  show.run(4_000);
  await until('the playlist', async () => (await stage.status('show.m3u8?short')) === 200);
  for (const path of ['secret.m3u8?x=1', 'twin.m3u8?alias']) {
    const moved = await until(path, async () => {
      const got = await stage.get(path);
      return got.status === 302 ? got : undefined;
    });
    assert.match(moved.location, /^\/live\/show\.m3u8\?hls_ctx=[\w-]+$/, 'without what came with the secret');
    const { text } = await stage.get(moved.location);
    assert.match(text, /EXTINF/);
    assert.equal(await stage.status(urisOf(text)[0] ?? ''), 200);
  }
  assert.ok((stage.viewers() ?? 0) >= 2);
  assert.equal(stage.viewers('twin'), 0);
  const away = await stage.get('show.m3u8?elsewhere');
  assert.deepEqual([away.status, away.location], [302, 'http://example.com/live/show.m3u8']);
  const brief = await stage.join('show.m3u8?short');
  const segment = urisOf(brief.text)[0] ?? '';
  await until('the end of the time', async () => (await stage.status(segment)) === 403);
  assert.equal(await stage.status(brief.uri), 403);
});

test('without rules nothing is different: segments are for everybody, hls_ctx off asks and counts nobody', async (context) => {
  const stage = await FileViewers.start(context, { vhost: hls(), verdict: 'open' });
  const show = stage.publish();
  show.run(4_000);
  const { text } = await stage.join('show.m3u8');
  const segment = urisOf(text)[0] ?? '';
  assert.deepEqual([await stage.status(segment), await stage.status(bare(segment))], [200, 200]);
  show.end();
  await eventually(() => stage.viewers() === undefined, 'the stream is over');
  const rest = await stage.get('show.m3u8');
  assert.doesNotMatch(rest.text, /hls_ctx/);
  assert.deepEqual([rest.cacheControl, await stage.status(bare(segment))], ['no-cache', 200]);
  const plain = await FileViewers.start(context, { vhost: hls('hls_ctx off;'), verdict: 'open' });
  plain.publish().run(4_000);
  const playlist = await plain.text('show.m3u8', /EXTINF/);
  assert.doesNotMatch(playlist, /hls_ctx/);
  assert.equal(await plain.status(urisOf(playlist)[0] ?? ''), 200);
  assert.deepEqual([plain.viewers(), plain.asked.length, plain.seen.length], [0, 0, 0]);
});

test('links to the folder, and of it, make no difference', async (context) => {
  const root = await mkdtemp(join(tmpdir(), 'srs-files-'));
  context.after(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, 'real'));
  await symlink(join(root, 'real'), join(root, 'way'));
  await mkdir(join(root, 'real', 'live'));
  await symlink(join(root, 'real', 'live'), join(root, 'real', 'alias'));
  const verdict: Verdict = ({ app, params }) =>
    app === 'live' && params.includes('token=good') ? {} : undefined;
  // The HTTP server shows `way`, the files are made in `real`; then the other way round.
  for (const [shown, made] of [
    ['way', 'real'],
    ['real', 'way'],
  ] as const) {
    const vhost = hls('hls_endlist on; hls_dispose 0;').replace('ROOT', join(root, made));
    const stage = await FileViewers.start(context, { vhost, verdict, root: join(root, shown) });
    const show = stage.publish();
    show.run(3_000);
    await until('files', async () => (await readdir(join(root, 'real', 'live'))).includes('show.m3u8'));
    show.end();
    await eventually(() => stage.viewers() === undefined, 'the stream is over');
    for (const folder of ['live', 'alias']) {
      for (const file of ['show.m3u8', 'show-0.ts']) {
        await until(
          `${folder}/${file}`,
          async () => (await stage.status(`/${folder}/${file}?token=good`)) === 200,
        );
        assert.equal(await stage.status(`/${folder}/${file}`), 403, `${shown} ${folder}/${file}`);
      }
    }
    await stage.server.stop();
  }
});

test('HDS is asked about with each request', async (context) => {
  const stage = await FileViewers.start(context, {
    vhost: 'hds { enabled on; hds_path ROOT; hds_fragment 1; }',
  });
  const show = stage.publish();
  show.run(4_000);
  await stage.text('show.f4m?token=good', /bootstrap/);
  for (const file of ['show.f4m', 'show.abst', 'showSeg1-Frag1']) {
    await until(file, async () => (await stage.status(`${file}?token=good`)) === 200);
    assert.equal(await stage.status(file), 403, file);
  }
});

test('dvr_public gives recordings to everybody, and nothing else', async (context) => {
  const dvr = 'dvr { enabled on; dvr_path ROOT/[app]/[stream].[timestamp].flv; dvr_public on; }';
  const stage = await FileViewers.start(context, { vhost: `${dvr} ${hls()}` });
  const show = stage.publish();
  show.run(4_000);
  const { text } = await stage.join('show.m3u8?token=good');
  show.end();
  const file = await until('a recording', async () => {
    const names = await readdir(join(stage.root, 'live')).catch(() => []);
    return names.find((name) => /^[^.].*\.flv$/.test(name));
  });
  assert.equal(await stage.status(file), 200);
  assert.equal(await stage.status(bare(urisOf(text)[0] ?? '')), 403);
});

test('segments of viewers are not for shared caches', async (context) => {
  for (const verdict of [undefined, 'open'] as const) {
    const stage = await FileViewers.start(context, {
      vhost: hls(),
      ...(verdict === undefined ? {} : { verdict }),
    });
    stage.publish().run(4_000);
    const { text } = await stage.join('show.m3u8?token=good');
    const { cacheControl } = await stage.get(urisOf(text)[0] ?? '');
    assert.equal(cacheControl, `${verdict === 'open' ? 'public' : 'private'}, max-age=3600`);
  }
});

test('on_play alone makes a vhost protected, at once by a reload; what is left of a stream is a play that stops at once', async (context) => {
  const backEnd = await BackEnd.start();
  context.after(() => backEnd.stop());
  backEnd.answer = ({ body }, response) => {
    response.end(body['action'] !== 'on_play' || body['param'] === '?token=good' ? '0' : '1');
  };
  const files = hls('hls_endlist on; hls_dispose 0;');
  const hooks = `http_hooks { enabled on; on_play ${backEnd.url('/p')}; on_stop ${backEnd.url('/s')}; }`;
  const settings = { vhost: files, verdict: 'open' } as const;
  const stage = await FileViewers.start(context, settings);
  const show = stage.publish();
  show.run(3_000);
  const { text } = await stage.join('show.m3u8');
  const segment = urisOf(text)[0] ?? '';
  assert.equal(await stage.status(bare(segment)), 200);
  await stage.reload({ ...settings, vhost: `${files} ${hooks}` });
  assert.equal(await stage.status(bare(segment)), 403);
  assert.equal(await stage.status(segment), 200, 'who is there stays');
  show.end();
  await eventually(() => stage.viewers() === undefined, 'the stream is over');
  await stage.text('show.m3u8?token=good', /ENDLIST/);
  const ids = (action: string, param: string): unknown[] =>
    backEnd.of(action).flatMap(({ body }) => (body['param'] === param ? [body['client_id']] : []));
  const granted = ids('on_play', '?token=good');
  assert.ok(granted.length > 0);
  await eventually(() => ids('on_stop', '?token=good').length >= granted.length, 'each yes has its end');
  assert.deepEqual(ids('on_stop', '?token=good'), granted);
  assert.equal(await stage.status('show.m3u8?token=bad'), 403);
  assert.deepEqual(
    [ids('on_play', '?token=bad').length, ids('on_stop', '?token=bad')],
    [1, []],
    'a no has none',
  );
});
