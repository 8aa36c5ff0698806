import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../../../src/base/logger.ts';
import { adtsWalk } from '../../../../src/containers/adts/index.ts';
import { createHub } from '../../../../src/hub/hub.ts';
import { SoundCache } from '../../../../src/hub/sound-cache.ts';
import type { Frame } from '../../../../src/media/frame.ts';
import { audioFormat } from '../../../../src/outputs/http-live/audio-packager.ts';
import { liveFormat, whyNotPlayable } from '../../../../src/outputs/http-live/index.ts';
import {
  LIVE_DEMO,
  playRequest,
  sessionOf,
  STREAM_OPTIONS,
  type TestPlay,
} from '../../../support/hub-fixtures.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { aacConfig, aacFrame, audioTime, avcConfig, mp3Frame, picture } from '../../../support/ts-frames.ts';
import { unchunk } from '../../../support/wire-decoders.ts';

/** Publishes `frames`; viewers join before the frames that `joins` counts. */
function listen(
  codec: 'aac' | 'mp3',
  frames: readonly Frame[],
  joins: readonly number[],
  soundCacheMs = 0,
): { viewers: TestPlay[]; bodies: Buffer[] } {
  const clock = new ManualClock();
  const hub = createHub({
    clock,
    logger: silentLogger,
    optionsFor: () => ({ ...STREAM_OPTIONS, soundCacheMs, holdMs: 1 }),
  });
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  const viewers: TestPlay[] = [];
  let at = 0;
  frames.forEach((frame, n) => {
    for (const join of joins) {
      if (join !== n) continue;
      const request = playRequest(`v${viewers.length}`, audioFormat({ codec, framing: 'chunked' }));
      hub.find(LIVE_DEMO)?.play(request);
      viewers.push(request);
    }
    clock.advance(Math.max(0, frame.dts - at) + 1);
    at = Math.max(at, frame.dts) + 1;
    lease.write(frame);
  });
  clock.advance(1);
  lease.release();
  clock.advance(500);
  const bodies = viewers.map(({ sink }) => {
    const { body, ended } = unchunk(sink.bytes);
    assert.ok(ended);
    return body;
  });
  return { viewers, bodies };
}

const aac = (count: number): Frame[] => [
  aacConfig(0),
  ...Array.from({ length: count }, (_, n) => aacFrame(audioTime(0, n), 100 + n)),
];

test('AAC: each joiner hears each frame from the newest on, once', () => {
  const frames = aac(40);
  const { bodies } = listen('aac', frames, [3, 20, 40]);
  const walk = adtsWalk();
  assert.equal(walk.push(bodies[0] ?? Buffer.alloc(0)).length, 39);
  assert.deepEqual([walk.skippedBytes, walk.pendingBytes], [0, 0]);
  const sizes = frames.filter(({ isConfig }) => !isConfig).map(({ payload }) => payload.length + 7);
  for (const [n, first] of [
    [0, 1],
    [1, 18],
    [2, 38],
  ] as const) {
    assert.equal(
      bodies[n]?.length,
      sizes.slice(first).reduce((a, b) => a + b, 0),
    );
  }
});

test('fast_cache: joiners begin with that much sound, and share its bytes until the next frame', () => {
  const frames = aac(200);
  const { viewers, bodies } = listen('aac', frames, [150, 150], 1_000);
  // 1,000 ms are 43 frames of 23.2 ms, and one at the border.
  const sizes = frames.filter(({ isConfig }) => !isConfig).map(({ payload }) => payload.length + 7);
  const first = 149 - 43 - 1;
  const total = (from: number): number => sizes.slice(from).reduce((a, b) => a + b, 0);
  assert.ok(
    [total(first), total(first + 1)].includes(bodies[0]?.length ?? 0),
    `${bodies[0]?.length} of ${total(first)}`,
  );
  assert.ok(bodies[0]?.equals(bodies[1] ?? Buffer.alloc(0)));
  assert.equal(viewers[0]?.sink.written[0], viewers[1]?.sink.written[0]);
});

test('MP3 goes as it is; pictures and other codecs are left out', () => {
  const sound = Array.from({ length: 20 }, (_, n) => mp3Frame(audioTime(0, n, 1152)));
  const frames = [avcConfig(0), picture(0, 0, true, [50]), ...sound, aacConfig(520), aacFrame(530, 50)];
  const { bodies } = listen('mp3', frames, [2]);
  assert.ok(bodies[0]?.equals(Buffer.concat(sound.map(({ payload }) => payload))));
});

test('a config record that ADTS cannot tell, and none at all: nothing is sent', () => {
  const { bodies } = listen('aac', aac(10).slice(1), [0]);
  assert.equal(bodies[0]?.length, 0);
  const strange = listen('aac', [aacConfig(0, 44_100, 2), aacFrame(5, 0), aacFrame(20, 9_000)], [1]);
  assert.equal(strange.bodies[0]?.length, 0);
});

test('the cache is bounded in time and bytes, copies, and begins anew where sound changes', () => {
  const cache = new SoundCache(100, 1_000);
  const frame = aacFrame(0, 300);
  cache.push(frame);
  const before = Buffer.from(frame.flvBody);
  frame.flvBody.fill(0);
  assert.ok(cache.frames[0]?.flvBody.equals(before), 'a copy');
  for (const dts of [50, 60]) cache.push(aacFrame(dts, 300));
  assert.deepEqual(
    cache.frames.map(({ dts }) => dts),
    [0, 50, 60],
  );
  assert.equal(cache.frames, cache.frames);
  cache.push(aacFrame(70, 300));
  assert.ok(cache.bytes <= 1_000);
  cache.push(aacFrame(155, 30));
  assert.deepEqual(
    cache.frames.map(({ dts }) => dts),
    [60, 70, 155],
  );
  cache.push(mp3Frame(156));
  cache.push(mp3Frame(160));
  assert.equal(cache.frames.length, 2);
  cache.push(mp3Frame(10));
  assert.equal(cache.frames.length, 1);
  for (let n = 0; n < 2_000; n += 1) cache.push(mp3Frame(100 + n * 26));
  assert.ok(cache.frames.length <= 4);
});

test('which endings fit which stream', () => {
  const at = (
    video: 'h264' | 'h265' | undefined,
    audio: 'aac' | 'mp3' | 'opus' | undefined,
    age = 10_000,
  ) => ({
    state: 'live' as const,
    publishedAtMs: 1_000_000 - age,
    video: video && { codec: video },
    audio: audio && { codec: audio },
  });
  const why = (
    ...[ending, stream, tracks = 'av']: [
      ending: 'flv' | 'ts' | 'aac' | 'mp3',
      stream: ReturnType<typeof at>,
      tracks?: 'av' | 'a' | 'v',
    ]
  ): string | undefined => whyNotPlayable(ending, tracks, stream, 1_000_000);
  assert.equal(why('flv', at('h265', 'opus')), undefined);
  assert.equal(why('ts', at('h264', 'opus')), undefined);
  assert.equal(why('ts', at('h265', 'aac')), '.ts cannot carry h265');
  assert.equal(why('ts', at('h265', 'aac'), 'a'), undefined);
  assert.equal(why('ts', at(undefined, 'opus')), '.ts cannot carry opus');
  assert.equal(why('ts', at(undefined, 'aac'), 'v'), 'the stream has no picture');
  assert.equal(why('aac', at('h264', 'mp3')), '.aac cannot carry mp3');
  assert.equal(why('mp3', at('h264', 'mp3')), undefined);
  assert.equal(why('aac', at('h264', undefined)), 'the stream has no sound');
  assert.equal(why('aac', at('h264', undefined, 100)), undefined);
  assert.equal(liveFormat('aac', { framing: 'identity', tracks: 'av' }).tracks, 'a');
});
