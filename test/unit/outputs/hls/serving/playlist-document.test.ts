import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerError } from '../../../../../src/base/errors.ts';
import { readMediaPlaylist } from '../../../../../src/containers/m3u8/index.ts';
import type { AccessRequest } from '../../../../../src/hub/ports.ts';
import { MemoryFile } from '../../../../../src/storage/memory-file.ts';
import { isBody, resourceRequest, textOf } from '../../../../support/fake-live-playlist.ts';
import {
  ALL_OFF,
  contextIn,
  guarded,
  setUpServing as setUp,
  viewersOf,
} from '../../../../support/hls-serving.ts';
import { LIVE_DEMO, sessionOf, STREAM_OPTIONS } from '../../../../support/hub-fixtures.ts';

test('a request without an id gets a master playlist with true facts and an id for its one variant', async () => {
  const { get, asked, hub, seen } = setUp();
  const answer = await get('token=a%20b&x=1', { referer: 'http://site/page' });
  assert.ok(isBody(answer));
  assert.equal(answer.cacheControl, 'no-store');
  const text = textOf(answer);
  const context = contextIn(text);
  assert.equal(
    text,
    '#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-INDEPENDENT-SEGMENTS\n' +
      '#EXT-X-STREAM-INF:BANDWIDTH=300000,AVERAGE-BANDWIDTH=250000,CODECS="avc1.4d401f,mp4a.40.2",' +
      'RESOLUTION=1280x720,FRAME-RATE=25.000\n' +
      `/live/demo.m3u8?hls_ctx=${context}&token=a%20b&x=1\n`,
  );
  assert.equal(context.length, 22);
  const [{ action, stream, params, pageUrl, session }] = asked as [AccessRequest];
  assert.deepEqual(
    [action, stream, params, pageUrl, session.type, session.ip],
    ['play', 'demo', 'token=a%20b&x=1', 'http://site/page', 'hls-play', '127.0.0.1'],
  );
  assert.equal(viewersOf(hub), 1);
  assert.equal(hub.session(context), session);
  assert.deepEqual(seen, ['+hls-play']);
});

test('the media playlist of an id has it on every segment and map; the viewer is one, and asked for once', async () => {
  const { get, asked, seen, live, hub } = setUp({ playlist: { maps: true } });
  const context = contextIn(textOf(await get()));
  for (let i = 0; i < 3; i += 1) {
    const answer = await get(`hls_ctx=${context}&token=1`);
    assert.ok(isBody(answer));
    assert.equal(answer.cacheControl, 'private, no-store');
    const playlist = readMediaPlaylist(textOf(answer));
    assert.deepEqual(
      playlist.segments.map(({ uri }) => uri),
      live.playlist?.segments.map(({ uri }) => `${uri}?hls_ctx=${context}`),
    );
    assert.equal(playlist.segments[0]?.map?.uri, `demo-init.mp4?hls_ctx=${context}`);
    live.addSegment();
  }
  assert.equal(asked.length, 1);
  assert.deepEqual(seen, ['+hls-play']);
  assert.equal(viewersOf(hub), 1);
});

for (const { title, options, query, expected } of [
  { title: 'a session', options: {}, query: 'hls_ctx=me&vhost=a.b&t=1', expected: 'hls_ctx=me&vhost=a.b' },
  {
    title: 'hls_ts_ctx off',
    options: { segmentSessions: false },
    query: 'hls_ctx=me&vhost=a%2Bb',
    expected: 'vhost=a%2Bb',
  },
  { title: 'hls_ctx off', options: ALL_OFF, query: 'vhost=a.b', expected: 'vhost=a.b' },
  { title: 'no name', options: ALL_OFF, query: 'vhost=a"b', expected: undefined },
]) {
  test(`who found the playlist by ?vhost= finds segments, maps and keys by it: ${title}`, async () => {
    const { get, live } = setUp({ options, playlist: { maps: true } });
    live.setKeys(['demo.key', 'https://keys/demo.key', '/demo.key']);
    const { segments } = readMediaPlaylist(textOf(await get(query)));
    const suffix = expected === undefined ? '' : `?${expected}`;
    assert.deepEqual(
      segments.slice(0, 3).map(({ uri, key }) => [uri, key?.uri]),
      [
        [`demo-0.ts${suffix}`, `demo.key${suffix}`],
        [`demo-1.ts${suffix}`, 'https://keys/demo.key'],
        [`demo-2.ts${suffix}`, '/demo.key'],
      ],
    );
    assert.equal(segments[0]?.map?.uri, `demo-init.mp4${suffix}`);
  });
}

test('hls_master_m3u8_path_relative leaves out the folder', async () => {
  const { get } = setUp({ options: { relativeMaster: true } });
  assert.match(textOf(await get('a=1')), /\ndemo\.m3u8\?hls_ctx=[^&]+&a=1\n$/);
  assert.match(textOf(await get('', { path: '/live/a:b.m3u8' })), /\n\.\/a:b\.m3u8\?/);
});

test('a path cannot name another host', async () => {
  const { get } = setUp();
  assert.match(
    textOf(await get('', { path: '//evil.example/demo.m3u8' })),
    /\n\/evil\.example\/demo\.m3u8\?/,
  );
});

test('hls_ts_ctx off: segments are the same for all, and shared', async () => {
  const { get } = setUp({ options: { segmentSessions: false } });
  const context = contextIn(textOf(await get()));
  const one = await get(`hls_ctx=${context}`);
  const other = await get(`hls_ctx=${contextIn(textOf(await get()))}`);
  assert.ok(isBody(one) && isBody(other));
  assert.equal(one.bytes, other.bytes);
  assert.doesNotMatch(textOf(one), /hls_ctx/);
});

test('hls_ctx off: the plain media playlist, one Buffer for all, nobody is asked or counted', async () => {
  const { get, asked, seen, live } = setUp({ options: ALL_OFF });
  const [one, other] = [await get(), await get('hls_ctx=abc&x=1')];
  assert.ok(isBody(one) && isBody(other));
  assert.equal(one.bytes, other.bytes);
  assert.equal(one.cacheControl, undefined);
  assert.deepEqual([asked.length, seen.length], [0, 0]);
  live.addSegment();
  assert.notEqual(textOf(await get()), textOf(one));
});

test('a viewer who asks for nothing any more ends after three target durations, and begins anew with its id', async () => {
  const { get, clock, hub, seen, asked, logger } = setUp({ playlist: { segmentMs: 4_000 } });
  const context = contextIn(textOf(await get()));
  for (let i = 0; i < 5; i += 1) {
    await get(`hls_ctx=${context}`);
    clock.advance(11_000);
  }
  await get(`hls_ctx=${context}`);
  assert.deepEqual(seen, ['+hls-play']);
  clock.advance(11_900);
  assert.equal(viewersOf(hub), 1);
  clock.advance(1_500);
  assert.equal(viewersOf(hub), 0);
  assert.deepEqual(seen, ['+hls-play', '-hls-play 0']);
  assert.match(logger.lines.join('\n'), /hls-play ended: it asked for nothing any more; sent 0 bytes/);
  assert.match(textOf(await get(`hls_ctx=${context}`)), /EXTINF/);
  assert.deepEqual([seen.length, asked.length, viewersOf(hub)], [3, 2, 1]);
});

test('who only looked at the master playlist is gone sooner than who plays', async () => {
  const { get, clock, hub } = setUp({ playlist: { segmentMs: 10_000 } });
  const player = contextIn(textOf(await get()));
  await get(`hls_ctx=${player}`);
  await get();
  await get('hls_ctx=known');
  assert.equal(viewersOf(hub), 3);
  clock.advance(11_500);
  assert.equal(viewersOf(hub), 2);
  clock.advance(18_000);
  assert.equal(viewersOf(hub), 2);
  clock.advance(2_000);
  assert.equal(viewersOf(hub), 0);
});

test('an id of before a restart goes on, once for requests that come together; its session id is a new one', async () => {
  const { get, hub, seen, asked } = setUp();
  const answers = await Promise.all([get('hls_ctx=pub'), get('hls_ctx=pub'), get('hls_ctx=pub')]);
  for (const answer of answers) assert.match(textOf(answer), /demo-0\.ts\?hls_ctx=pub\n/);
  assert.deepEqual([seen, asked.length, viewersOf(hub)], [['+hls-play'], 1, 1]);
  assert.equal(hub.session('pub')?.type, 'test', 'the publisher with the same name is not touched');
});

test('kicked: refused from then on, playlists and segments, for as long as it asks', async () => {
  const { get, clock, hub, seen, document } = setUp();
  const context = contextIn(textOf(await get()));
  const segment = guarded(document, new MemoryFile(Buffer.from('media'), 0));
  assert.ok(isBody(await segment.respond(resourceRequest(`hls_ctx=${context}`))));
  hub.session(context)?.close(new ServerError('SESSION_KICKED', 'kicked by the API'));
  assert.deepEqual([seen, viewersOf(hub)], [['+hls-play', '-hls-play 0'], 0]);
  for (let i = 0; i < 4; i += 1) {
    const answer = await get(`hls_ctx=${context}`);
    assert.ok(answer !== undefined && 'status' in answer);
    assert.equal(answer.status, 403);
    const part = await segment.respond(resourceRequest(`hls_ctx=${context}`));
    assert.ok(part !== undefined && 'status' in part && part.status === 403);
    clock.advance(50_000);
  }
  clock.advance(61_000);
  assert.match(textOf(await get(`hls_ctx=${context}`)), /EXTINF/, 'forgotten in the end');
});

test('bytes of playlists and of segments are counted, once each', async () => {
  const { get, hub, document, seen, live } = setUp();
  const context = contextIn(textOf(await get()));
  const playlist = await get(`hls_ctx=${context}`);
  assert.ok(isBody(playlist));
  playlist.onSent?.(playlist.bytes.length);
  const file = new MemoryFile(Buffer.alloc(1_000), 0);
  const segment = guarded(document, file);
  const body = await segment.respond(resourceRequest(`hls_ctx=${context}`));
  assert.ok(isBody(body));
  body.onSent?.(700);
  const plain = await segment.respond(resourceRequest());
  assert.ok(isBody(plain) && plain.onSent === undefined);
  file.release();
  assert.equal(await segment.respond(resourceRequest(`hls_ctx=${context}`)), undefined, 'the disk has it');
  hub.session(context)?.close(new ServerError('SESSION_KICKED', 'bye'));
  assert.deepEqual(seen, ['+hls-play', `-hls-play ${playlist.bytes.length + 700}`]);
  assert.equal(live.listeners, 0);
});

test('the access policy is asked before the first answer; who is refused is not counted', async () => {
  const { get, seen, hub, logger } = setUp({
    check: ({ params }) =>
      params === 'token=good'
        ? Promise.resolve()
        : Promise.reject(
            params === 'odd' ? new Error('broken') : new ServerError('SESSION_CLOSED', 'no token'),
          ),
  });
  const codes = [];
  for (const query of ['', 'hls_ctx=abc', 'odd', 'token=good']) {
    const answer = await get(query);
    codes.push(answer !== undefined && 'status' in answer ? answer.status : 200);
  }
  assert.deepEqual(codes, [403, 403, 503, 200]);
  assert.deepEqual([seen, viewersOf(hub)], [['+hls-play'], 1]);
  assert.match(
    logger.lines.join('\n'),
    /hls-play of __defaultVhost__\/live\/d\*\*\* from 127\.0\.0\.1 refused/,
  );
});

test('HEAD begins nothing', async () => {
  const { get, asked, seen } = setUp();
  const master = await get('', { headOnly: true });
  const media = await get('hls_ctx=abc', { headOnly: true });
  const far = await get('hls_ctx=abc&_HLS_msn=3', { headOnly: true });
  assert.match(textOf(master), /STREAM-INF/);
  assert.match(textOf(media), /demo-0\.ts\?hls_ctx=abc/);
  assert.ok(isBody(far), 'and waits for nothing');
  assert.deepEqual([asked.length, seen.length], [0, 0]);
});

test('no more viewers than there is room for', async () => {
  const { get, clock, logger, hub } = setUp({ maxSessions: 2 });
  await get();
  await get();
  const answers = await Promise.all([get(), get('hls_ctx=x')]);
  for (const answer of answers) {
    assert.deepEqual(answer, { status: 503, text: 'too many viewers' });
  }
  assert.equal(logger.lines.join('\n').match(/no room for more viewers/g)?.length, 1);
  clock.advance(20_000);
  assert.equal(viewersOf(hub), 0);
  assert.match(textOf(await get()), /STREAM-INF/);
});

test('the publisher left and comes back within the hold time: viewers stay; later: the end, and the disk', async () => {
  const { get, clock, lease, hub, seen } = setUp();
  const context = contextIn(textOf(await get()));
  lease.release();
  clock.advance(3_000);
  await get(`hls_ctx=${context}`);
  const again = hub.publish(LIVE_DEMO, sessionOf('pub2'));
  assert.equal(viewersOf(hub), 1);
  again.release();
  clock.advance(STREAM_OPTIONS.holdMs + 250);
  assert.equal(hub.find(LIVE_DEMO), undefined);
  assert.deepEqual(seen, ['+hls-play', '-hls-play 0']);
  assert.equal(await get(`hls_ctx=${context}`), undefined);
  assert.equal(await get(), undefined);
});

test('closed: sessions end, the disk is asked, no timer is left', async () => {
  const { get, document, seen, wheel, live } = setUp({ playlist: { partMs: 500 } });
  const context = contextIn(textOf(await get()));
  const blocked = get(`hls_ctx=${context}&_HLS_msn=3&_HLS_part=0`);
  await new Promise(setImmediate);
  assert.equal(document.waiting, 1);
  document.close();
  document.close();
  assert.equal(await blocked, undefined);
  assert.equal(await get(`hls_ctx=${context}`), undefined);
  assert.deepEqual(seen, ['+hls-play', '-hls-play 0']);
  assert.deepEqual([wheel.size, live.listeners, document.viewers], [0, 0, 0]);
});

test('the vhost goes: its viewers end and are refused', async () => {
  const { get, hub, seen } = setUp();
  const context = contextIn(textOf(await get()));
  assert.equal(
    hub.closeVhost(LIVE_DEMO.vhost, new ServerError('SESSION_CLOSED', 'the vhost was removed')),
    2,
  );
  assert.deepEqual(seen, ['+hls-play', '-hls-play 0']);
  assert.equal(((await get(`hls_ctx=${context}`)) as { status: number }).status, 403);
  assert.equal(await get(), undefined, 'no such stream: the disk is asked');
});

test('a stream that takes nobody any more', async () => {
  const { get, seen } = setUp({
    attend: () => {
      throw new ServerError('SESSION_CLOSED', 'the vhost is going');
    },
  });
  assert.deepEqual(await get(), { status: 404, text: 'the stream is gone' });
  assert.equal(seen.length, 0);
});

test('before the first segment: waits for it, for a while', async () => {
  const { get, clock, live, wheel } = setUp({ segments: 0 });
  const early = get();
  await new Promise(setImmediate);
  live.addSegment();
  assert.match(textOf(await early), /STREAM-INF/);
  const empty = setUp({ segments: 0, options: ALL_OFF });
  const late = empty.get();
  empty.clock.advance(17_900);
  assert.equal(empty.document.waiting, 1);
  empty.clock.advance(400);
  assert.equal(((await late) as { status: number }).status, 404);
  assert.deepEqual([empty.wheel.size, empty.live.listeners], [0, 0]);
  clock.advance(60_000);
  assert.equal(wheel.size, 0);
});
