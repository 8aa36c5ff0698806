import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { readMediaPlaylist, type MediaPlaylist } from '../../../../../src/containers/m3u8/index.ts';
import { writeMediaPlaylist } from '../../../../../src/containers/m3u8/media-writer.ts';
import { MemoryFile } from '../../../../../src/storage/memory-file.ts';
import type { ResourceAnswer } from '../../../../../src/storage/live-resources.ts';
import { isBody, resourceRequest, textOf } from '../../../../support/fake-live-playlist.ts';
import { ALL_OFF, contextIn, guarded, setUpServing as setUp } from '../../../../support/hls-serving.ts';
import { HlsValidator } from '../../../../support/hls-validator.ts';

const LOW_LATENCY = { playlist: { partMs: 500, segmentMs: 2_000 } };
const turn = () => new Promise(setImmediate);

function statusOf(answer: ResourceAnswer | undefined): number {
  return answer === undefined ? 0 : 'status' in answer ? answer.status : 200;
}

/** An answer that may be there already. */
function watch(answer: Promise<ResourceAnswer | undefined>): {
  value: ResourceAnswer | undefined;
  done: boolean;
} {
  const watched = { value: undefined as ResourceAnswer | undefined, done: false };
  void answer.then((value) => Object.assign(watched, { value, done: true }));
  return watched;
}

for (const [title, options] of [
  ['without sessions', ALL_OFF],
  ['with sessions', {}],
] as const) {
  test(`a blocking reload ${title} is answered when the part is there, not before`, async () => {
    const { get, live, wheel, document } = setUp({ ...LOW_LATENCY, options });
    const prefix = options === ALL_OFF ? '' : `hls_ctx=${contextIn(textOf(await get()))}&token=1&`;
    const next = watch(get(`${prefix}_HLS_msn=3&_HLS_part=0`));
    const second = watch(get(`${prefix}_HLS_msn=3&_HLS_part=1`));
    const segment = watch(get(`${prefix}_HLS_msn=3`));
    await turn();
    assert.deepEqual([next.done, second.done, segment.done, document.waiting], [false, false, false, 3]);
    live.addPart();
    await turn();
    assert.deepEqual([next.done, second.done, segment.done], [true, false, false]);
    assert.match(textOf(next.value), /#EXT-X-PART:DURATION=0\.500,URI="demo-3\.0\.m4s/);
    live.addPart();
    await turn();
    assert.deepEqual([second.done, segment.done], [true, false]);
    live.addSegment();
    await turn();
    assert.match(textOf(segment.value), /\ndemo-3\.ts/);
    assert.deepEqual([document.waiting, live.listeners], [0, 0]);
    document.close();
    assert.equal(wheel.size, 0);
  });
}

test('a master playlist waits for the first whole segment: before it nobody knows the bit rate', async () => {
  const { get, live, clock } = setUp({ ...LOW_LATENCY, segments: 0 });
  const { facts } = live;
  live.facts = { ...facts, bandwidth: 0, averageBandwidth: 0 };
  const master = watch(get());
  live.addPart();
  await turn();
  assert.equal(master.done, false);
  live.facts = facts;
  live.addSegment();
  await turn();
  assert.match(textOf(master.value), /BANDWIDTH=300000/);
  live.facts = { ...facts, bandwidth: 0 };
  const vain = watch(get());
  await turn();
  clock.advance(6_500);
  await turn();
  assert.equal(statusOf(vain.value), 503);
});

test('a shared answer to a blocking request may be cached for a while, one viewer’s may not', async () => {
  const { get } = setUp({ ...LOW_LATENCY, options: ALL_OFF });
  const shared = await get('_HLS_msn=2');
  assert.ok(isBody(shared));
  assert.equal(shared.cacheControl, 'public, max-age=2');
  const other = setUp(LOW_LATENCY);
  const own = await other.get(`hls_ctx=${contextIn(textOf(await other.get()))}&_HLS_msn=2`);
  assert.ok(isBody(own));
  assert.equal(own.cacheControl, 'private, no-store');
});

test('refused: too far, a part without its segment, no number; waited in vain: 503 after three target durations', async () => {
  const { get, clock, live } = setUp({ ...LOW_LATENCY, options: ALL_OFF });
  assert.equal(statusOf(await get('_HLS_msn=5')), 400);
  assert.equal(statusOf(await get('_HLS_msn=3&_HLS_part=6')), 400);
  assert.equal(statusOf(await get('_HLS_part=0')), 400);
  assert.equal(statusOf(await get('_HLS_msn=-1')), 400);
  assert.equal(statusOf(await get('_HLS_msn=9007199254740993')), 400);
  const vain = watch(get('_HLS_msn=3&_HLS_part=0'));
  clock.advance(5_900);
  await turn();
  assert.equal(vain.done, false);
  clock.advance(500);
  await turn();
  assert.equal(statusOf(vain.value), 503);
  assert.equal(live.listeners, 0);
});

test('the end of the stream answers who waits', async () => {
  const { get, live } = setUp({ ...LOW_LATENCY, options: ALL_OFF });
  const waiting = get('_HLS_msn=3&_HLS_part=0');
  await turn();
  live.end();
  assert.match(textOf(await waiting), /#EXT-X-ENDLIST/);
});

test('a peer that goes away leaves nothing behind', async () => {
  const { get, live, document, wheel } = setUp({ ...LOW_LATENCY, options: ALL_OFF });
  const controller = new AbortController();
  const { signal } = controller;
  const waiting = get('_HLS_msn=3&_HLS_part=0', { signal });
  await turn();
  assert.equal(getEventListeners(signal, 'abort').length, 1);
  controller.abort();
  assert.equal(statusOf(await waiting), 503);
  assert.deepEqual([document.waiting, live.listeners, wheel.size], [0, 0, 0]);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
  assert.equal(statusOf(await get('_HLS_msn=3', { signal })), 503, 'gone before it began');
});

test('a viewer who waits is not silent; a waiting viewer who is kicked gets 403', async () => {
  const { get, live, clock, hub, seen } = setUp({ playlist: { partMs: 500, segmentMs: 4_000 } });
  const context = contextIn(textOf(await get()));
  const blocked = watch(get(`hls_ctx=${context}&_HLS_msn=3&_HLS_part=0`));
  clock.advance(11_900);
  live.addPart();
  await turn();
  assert.equal(statusOf(blocked.value), 200);
  clock.advance(11_000);
  assert.deepEqual(seen, ['+hls-play']);
  // In vain, and longer than silence may last.
  const vain = watch(get(`hls_ctx=${context}&_HLS_msn=3&_HLS_part=1`));
  clock.advance(12_250);
  await turn();
  assert.equal(statusOf(vain.value), 503);
  assert.deepEqual(seen, ['+hls-play']);
  const again = watch(get(`hls_ctx=${context}&_HLS_msn=3&_HLS_part=1`));
  await turn();
  hub.session(context)?.close({ message: 'kicked' } as never);
  live.addPart();
  await turn();
  assert.equal(statusOf(again.value), 403);
});

test('an announced part: who asks waits, and gets it when it is there', async () => {
  const { document, clock, get, seen, hub } = setUp(LOW_LATENCY);
  const context = contextIn(textOf(await get()));
  const announced = document.announced();
  const served = guarded(document, announced);
  const waiting = watch(Promise.resolve(served.respond(resourceRequest(`hls_ctx=${context}`))));
  await turn();
  assert.deepEqual([waiting.done, announced.waiting], [false, 1]);
  announced.settle(new MemoryFile(Buffer.from('part'), 0));
  await turn();
  assert.ok(isBody(waiting.value));
  waiting.value.onSent?.(4);
  assert.equal(textOf(await served.respond(resourceRequest())), 'part', 'and later at once');
  assert.equal(hub.session(context)?.id, context);
  document.close();
  assert.deepEqual(seen, ['+hls-play', '-hls-play 4']);

  const never = document.announced();
  const vain = watch(Promise.resolve(never.respond(resourceRequest())));
  const late = document.announced();
  const timed = watch(Promise.resolve(late.respond(resourceRequest())));
  assert.equal(statusOf(await late.respond(resourceRequest('', { headOnly: true }))), 404);
  never.settle(undefined);
  clock.advance(6_500);
  await turn();
  assert.deepEqual([statusOf(vain.value), statusOf(timed.value)], [404, 404]);
  assert.deepEqual([never.waiting, late.waiting], [0, 0]);
});

/** What a player has after a delta update: the segments that were skipped, of its playlist, before the others. */
function expand(before: MediaPlaylist, delta: MediaPlaylist): MediaPlaylist {
  const { skippedSegments = 0, ...rest } = delta;
  if (skippedSegments === 0) return delta;
  const from = delta.mediaSequence - before.mediaSequence;
  const kept = before.segments.slice(from, from + skippedSegments);
  assert.equal(kept.length, skippedSegments, 'all that is skipped was there before');
  return { ...rest, segments: [...kept, ...rest.segments] };
}

test('an hour of blocking reloads with delta updates: every playlist keeps the rules, and none is missed', async () => {
  const { get, live, clock } = setUp({ playlist: { partMs: 500, segmentMs: 2_000, windowMs: 60_000 } });
  const context = contextIn(textOf(await get('quality=high')));
  const query = `hls_ctx=${context}&quality=high`;
  const validator = new HlsValidator();
  let known = readMediaPlaylist(textOf(await get(query)));
  let deltas = 0;
  let sequence = 3;
  let part = 0;
  for (let step = 0; step < 7_200; step += 1) {
    const blocked = get(
      `${query}&_HLS_msn=${sequence}&_HLS_part=${part}&_HLS_skip=${step % 2 === 0 ? 'YES' : 'v2'}`,
    );
    clock.advance(500);
    live.addPart();
    part += 1;
    if (part === 4) {
      live.addSegment(sequence % 50 === 0 ? { discontinuity: true } : {});
      part = 0;
      sequence += 1;
    }
    const text = textOf(await blocked);
    const update = readMediaPlaylist(text);
    if (update.skippedSegments !== undefined) deltas += 1;
    const { version, ...whole } = expand(known, update);
    known = whole;
    assert.equal(version, 9);
    assert.equal(update.preloadHints?.[0]?.uri, `demo-${sequence}.${part}.m4s?hls_ctx=${context}`);
    const end = known.mediaSequence + known.segments.length;
    assert.equal(end, sequence);
    assert.equal(known.segments.at(-1)?.uri, `demo-${end - 1}.ts?hls_ctx=${context}`);
    assert.equal(known.segments.length, live.playlist?.segments.length);
    if (step % 10 === 0) validator.take(writeMediaPlaylist(known));
  }
  assert.ok(deltas > 7_000, `${deltas}`);
  assert.equal(sequence, 1_803);
});
