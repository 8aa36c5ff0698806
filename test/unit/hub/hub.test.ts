import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { createHub, type HubOptions } from '../../../src/hub/hub.ts';
import type { StreamOptions } from '../../../src/hub/ports.ts';
import { flvFormat } from '../../../src/outputs/http-live/flv-packager.ts';
import { rtmpFormat } from '../../../src/outputs/rtmp/rtmp-packager.ts';
import {
  audioConfig,
  audioFrame,
  LIVE_DEMO,
  metadata,
  playRequest,
  sessionOf,
  STREAM_OPTIONS,
  videoConfig,
  videoFrame,
} from '../../support/hub-fixtures.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { readFlv, readRtmp, unchunk } from '../../support/wire-decoders.ts';

const RTMP = rtmpFormat({ chunkSize: 60_000, streamId: 1, tracks: 'av' });
const FLV = flvFormat({ framing: 'chunked', tracks: 'av' });

function setUp(options: Partial<StreamOptions> = {}, more: Partial<HubOptions> = {}) {
  const clock = new ManualClock();
  const hub = createHub({
    clock,
    logger: silentLogger,
    optionsFor: () => ({ ...STREAM_OPTIONS, ...options }),
    ...more,
  });
  return { clock, hub };
}

function isCode(code: string) {
  return (error: unknown): boolean => error instanceof ServerError && error.code === code;
}

test('a name has one publisher at a time', () => {
  const { hub } = setUp();
  const lease = hub.publish(LIVE_DEMO, sessionOf('a'));
  assert.throws(() => hub.publish(LIVE_DEMO, sessionOf('b')), isCode('STREAM_BUSY'));
  assert.equal(hub.session('b'), undefined);
  lease.release();
  lease.release();
  hub.publish(LIVE_DEMO, sessionOf('b')).release();
  assert.deepEqual(hub.list(), []);
});

test('a failure after the lock gives the name back', () => {
  let fail = true;
  const { hub } = setUp(
    {},
    {
      optionsFor: () => {
        const options = { ...STREAM_OPTIONS };
        if (fail)
          Object.defineProperty(options, 'mixCorrect', {
            get: () => {
              throw new Error('late');
            },
          });
        return options;
      },
    },
  );
  assert.throws(() => hub.publish(LIVE_DEMO, sessionOf('a')), /late/);
  assert.equal(hub.session('a'), undefined);
  assert.deepEqual(hub.list(), []);
  fail = false;
  hub.publish(LIVE_DEMO, sessionOf('b')).release();
});

test('a late release or write of the old publisher does not touch the new one', () => {
  const { hub } = setUp();
  const old = hub.publish(LIVE_DEMO, sessionOf('a'));
  old.release();
  hub.publish(LIVE_DEMO, sessionOf('b'));
  old.write(videoFrame(0, true));
  old.release();
  const [snapshot] = hub.list();
  assert.equal(snapshot?.publisher?.id, 'b');
  assert.equal(snapshot.videoFrames, 0);
});

test('each start has one end for observers, and an observer that throws harms nobody', () => {
  const seen: string[] = [];
  const { hub } = setUp(
    {},
    {
      observers: [
        {
          publishStarted: () => {
            throw new Error('observer');
          },
          playEnded: () => {
            throw new Error('observer');
          },
        },
        {
          publishStarted: (_name, session) => void seen.push(`+${session.id}`),
          publishEnded: (_name, session) => void seen.push(`-${session.id}`),
          playStarted: (_name, session) => void seen.push(`+${session.id}`),
          playEnded: (_name, session, stats) => void seen.push(`-${session.id} ${stats.sentBytes > 0}`),
          streamGone: (name) => void seen.push(`${name.stream} gone`),
        },
      ],
    },
  );
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  lease.write(videoConfig());
  lease.write(videoFrame(0, true));
  const playback = hub.find(LIVE_DEMO)?.play(playRequest('v', RTMP));
  assert.equal(hub.session('v')?.id, 'v');
  playback?.close();
  playback?.close();
  lease.release();
  lease.release();
  assert.deepEqual(seen, ['+p', '+v', '-v true', 'demo gone', '-p']);
  assert.equal(hub.observerErrors.total, 2);
  assert.equal(hub.session('v'), undefined);
});

test('the publisher comes back within the hold time: viewers stay and their time goes on', () => {
  const { clock, hub } = setUp();
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  for (const frame of [videoConfig(), videoFrame(1_000, true), videoFrame(1_040, false)]) lease.write(frame);
  const play = playRequest('v', RTMP);
  hub.find(LIVE_DEMO)?.play(play);
  lease.release();
  assert.equal(hub.find(LIVE_DEMO)?.state, 'waiting');
  clock.advance(2_000);
  const again = hub.publish(LIVE_DEMO, sessionOf('q'));
  // Not a keyframe: nothing that a decoder could use.
  for (const frame of [videoConfig(0, 9), videoFrame(0, false), videoFrame(40, true, 7)]) again.write(frame);
  clock.runSoon();
  assert.deepEqual(play.states, ['waiting', 'live']);
  assert.deepEqual(play.ends, []);
  const times = readRtmp(play.sink.bytes, 60_000, 1).map(({ time, body }) => [time, body[1], body[0]]);
  assert.deepEqual(times, [
    [0, 0, 0x17],
    [0, 1, 0x17],
    [40, 1, 0x27],
    [40, 0, 0x17],
    [2_080, 1, 0x17],
  ]);
});

test('after the hold time HTTP viewers get the trailer and their end, RTMP viewers may wait on', () => {
  const { clock, hub } = setUp();
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  for (const frame of [videoConfig(), audioConfig(), videoFrame(0, true)]) lease.write(frame);
  const flv = playRequest('flv', FLV);
  const rtmp = playRequest('rtmp', RTMP, { afterHold: 'wait' });
  const stream = hub.find(LIVE_DEMO);
  stream?.play(flv);
  const waiting = stream?.play(rtmp);
  lease.release();
  clock.advance(4_700);
  assert.deepEqual(flv.ends, []);
  clock.advance(600);
  assert.deepEqual(flv.ends, ['gone']);
  assert.equal(unchunk(flv.sink.bytes).ended, true);
  assert.deepEqual(rtmp.ends, []);
  assert.deepEqual(rtmp.states, ['waiting', 'idle']);
  assert.equal(hub.find(LIVE_DEMO)?.state, 'idle');
  const again = hub.publish(LIVE_DEMO, sessionOf('q'));
  for (const frame of [videoConfig(), videoFrame(0, true, 3)]) again.write(frame);
  clock.runSoon();
  assert.equal(readRtmp(rtmp.sink.bytes, 60_000, 1).at(-1)?.body.readUInt32BE(5), 3);
  waiting?.close();
  again.release();
  assert.deepEqual(hub.list(), []);
  assert.equal(clock.pending, 0);
});

test('a viewer who never saw a first byte still gets a proper end of the body', () => {
  const { clock, hub } = setUp();
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  const play = playRequest('v', FLV);
  hub.find(LIVE_DEMO)?.play(play);
  lease.release();
  clock.advance(6_000);
  assert.deepEqual(play.ends, ['gone']);
  assert.equal(play.sink.bytes.toString(), '0\r\n\r\n');
});

test('an unwatched stream is freed at once, a hold ends with its last viewer', () => {
  const { clock, hub } = setUp();
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  const stream = hub.find(LIVE_DEMO);
  const playback = stream?.play(playRequest('v', RTMP));
  lease.release();
  assert.equal(hub.list().length, 1);
  playback?.close();
  assert.deepEqual(hub.list(), []);
  assert.equal(stream?.state, 'gone');
  assert.equal(clock.pending, 0);
});

test('200,000 names published and watched leave no trace', () => {
  const { clock, hub } = setUp();
  const frame = videoFrame(0, true);
  const config = videoConfig();
  const round = (from: number, to: number): void => {
    for (let n = from; n < to; n += 1) {
      const name = { ...LIVE_DEMO, stream: `s${n}` };
      const lease = hub.publish(name, sessionOf(`p${n}`));
      lease.write(config);
      lease.write(frame);
      if (n % 10 === 0) {
        const playback = hub.find(name)?.play(playRequest(`v${n}`, RTMP));
        clock.runSoon();
        playback?.close();
      }
      lease.release();
    }
    clock.runSoon();
    global.gc?.();
  };
  round(0, 20_000);
  const before = process.memoryUsage().heapUsed;
  round(20_000, 200_000);
  const grown = process.memoryUsage().heapUsed - before;
  assert.deepEqual(hub.list(), []);
  assert.equal(clock.pending, 0);
  assert.equal(hub.session('p150000'), undefined);
  // A trace of 100 bytes a name would be 18 MB; without --expose-gc there is garbage, but not 40 MB of it.
  assert.ok(grown < (global.gc === undefined ? 40e6 : 4e6), `heap grew by ${grown} bytes`);
});

test('resolve: what is live, what resolvers bring, else waiting or nothing, and no trace of who only asked', async () => {
  const asked: string[] = [];
  const { hub } = setUp(
    {},
    {
      resolvers: [
        { resolve: () => Promise.reject(new Error('no origin')) },
        {
          resolve: (name) => {
            asked.push(name.stream);
            if (name.stream === 'pulled') hub.publish(name, sessionOf('edge'));
            return Promise.resolve(name.stream === 'pulled');
          },
        },
      ],
    },
  );
  const pulled = { ...LIVE_DEMO, stream: 'pulled' };
  const both = await Promise.all([hub.resolve(pulled, 'fail'), hub.resolve(pulled, 'wait')]);
  assert.ok(both.every((stream) => stream?.state === 'live'));
  assert.deepEqual(asked, ['pulled'], 'asked once for two viewers');
  assert.equal(await hub.resolve(LIVE_DEMO, 'fail'), undefined);
  const idle = await hub.resolve(LIVE_DEMO, 'wait');
  assert.equal(idle?.state, 'idle');
  assert.equal(hub.find(LIVE_DEMO), undefined);
  const play = playRequest('v', RTMP);
  const playback = idle.play(play);
  assert.equal(hub.find(LIVE_DEMO), idle);
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  for (const frame of [metadata(), videoConfig(), videoFrame(777, true)]) lease.write(frame);
  assert.deepEqual(play.states, ['live']);
  assert.deepEqual(
    readRtmp(play.sink.bytes, 60_000, 1).map(({ kind, time }) => [kind, time]),
    [
      ['data', 0],
      ['video', 0],
      ['video', 0],
    ],
  );
  playback.close();
});

test('a stream object kept too long leads to the stream of today', async () => {
  const { hub } = setUp();
  const early = await hub.resolve(LIVE_DEMO, 'wait');
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  for (const frame of [videoConfig(), videoFrame(0, true)]) lease.write(frame);
  const play = playRequest('v', RTMP);
  early?.play(play);
  assert.equal(readRtmp(play.sink.bytes, 60_000, 1).length, 2);
  assert.equal(hub.list()[0]?.viewers, 1);
});

test('a viewer that takes nothing for the send timeout is closed; it costs its bound at most', () => {
  const { clock, hub } = setUp({ queueMaxBytes: 5_000, sendTimeoutMs: 10_000 });
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  const slow = playRequest('slow', RTMP);
  const fast = playRequest('fast', RTMP);
  lease.write(videoConfig());
  slow.sink.reading = false;
  const stream = hub.find(LIVE_DEMO);
  const playback = stream?.play(slow);
  stream?.play(fast);
  let dts = 0;
  for (; slow.sink.closedBy === undefined && dts < 60_000; dts += 40) {
    lease.write(videoFrame(dts, dts % 1_000 === 0, dts, 500));
    clock.advance(40);
    assert.ok((playback?.stats.queuedBytes ?? 0) <= 5_000);
  }
  assert.equal(slow.sink.closedBy?.code, 'VIEWER_STALLED');
  assert.ok(dts >= 10_000 && dts < 22_000, `closed after ${dts} ms`);
  assert.equal(stream?.snapshot().viewers, 1);
  assert.equal(readRtmp(fast.sink.bytes, 60_000, 1).length, 1 + dts / 40);
});

test('a sink that throws takes only its own viewer away', () => {
  const { clock, hub } = setUp();
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  for (const frame of [videoConfig(), videoFrame(0, true)]) lease.write(frame);
  const bad = playRequest('bad', RTMP);
  const good = playRequest('good', RTMP);
  const stream = hub.find(LIVE_DEMO);
  stream?.play(bad);
  stream?.play(good);
  bad.sink.write = () => {
    throw new Error('socket');
  };
  lease.write(videoFrame(40, false));
  clock.runSoon();
  assert.equal(stream?.snapshot().viewers, 1);
  assert.equal(readRtmp(good.sink.bytes, 60_000, 1).length, 3);
  assert.equal(bad.sink.closedBy?.code, 'INTERNAL', 'its connection does not stay open without media');
  assert.equal(good.sink.closedBy, undefined);
});

test('play with a duration ends with the trailer', () => {
  const { clock, hub } = setUp();
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  for (const frame of [videoConfig(), audioConfig(), videoFrame(9_000, true)]) lease.write(frame);
  const play = playRequest('v', FLV, { durationMs: 500 });
  hub.find(LIVE_DEMO)?.play(play);
  for (let dts = 9_040; dts <= 10_000; dts += 40) {
    lease.write(videoFrame(dts, false));
    clock.advance(40);
  }
  assert.deepEqual(play.ends, ['duration']);
  const { body, ended } = unchunk(play.sink.bytes);
  assert.equal(ended, true);
  assert.equal(readFlv(body).messages.at(-1)?.time, 520);
  assert.equal(hub.list()[0]?.viewers, 0);
});

test('the same window goes to all viewers of a group as one Buffer, and late joiners join it', () => {
  const { clock, hub } = setUp({ minLatency: false, mwAdaptive: false, mwLatencyMs: 100 });
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  lease.write(videoConfig());
  for (let n = 0; n < 3; n += 1) lease.write(videoFrame(n * 40, n === 0));
  const plays = Array.from({ length: 600 }, (_, n) => playRequest(`v${n}`, n % 2 === 0 ? RTMP : FLV));
  clock.advance(1_100);
  lease.write(videoFrame(120, false));
  for (const play of plays) hub.find(LIVE_DEMO)?.play(play);
  const joins = new Set(plays.map((play) => play.sink.written[0]?.buffer));
  assert.equal(joins.size, 2, 'joiners share the packaged group of pictures');
  for (let n = 4; n < 80; n += 1) {
    lease.write(videoFrame(n * 40, false, n, 5_000));
    clock.advance(40);
  }
  clock.advance(200);
  assert.equal(hub.list()[0]?.viewers, 600);
  for (const format of [RTMP, FLV]) {
    const windows = plays.filter((play) => play.format === format).map((play) => play.sink.written.at(-2));
    assert.equal(new Set(windows).size, 2, '300 viewers are two groups');
    assert.equal(
      new Set(plays.filter((play) => play.format === format).map((play) => play.sink.bytes.length)).size,
      1,
    );
  }
});

test('nothing is packaged while nobody watches, and a feed goes with its last viewer', () => {
  let packagers = 0;
  const counting = { ...RTMP, createPackager: () => ((packagers += 1), RTMP.createPackager()) };
  const { hub } = setUp();
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  lease.write(videoFrame(0, true));
  assert.equal(packagers, 0);
  const stream = hub.find(LIVE_DEMO);
  const one = stream?.play(playRequest('a', counting));
  const two = stream?.play(playRequest('b', counting));
  assert.equal(packagers, 1);
  one?.close();
  two?.close();
  stream?.play(playRequest('c', counting));
  assert.equal(packagers, 2);
});

test('reduce_sequence_header: an unchanged config record is not sent again, a changed one is', () => {
  for (const { reduceSequenceHeader, want } of [
    { reduceSequenceHeader: true, want: 2 },
    { reduceSequenceHeader: false, want: 3 },
  ]) {
    const { clock, hub } = setUp({ reduceSequenceHeader });
    const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
    for (const frame of [videoConfig(), videoFrame(0, true)]) lease.write(frame);
    const play = playRequest('v', RTMP);
    hub.find(LIVE_DEMO)?.play(play);
    lease.write(videoConfig());
    lease.write(videoConfig(0, 2));
    clock.runSoon();
    assert.equal(readRtmp(play.sink.bytes, 60_000, 1).filter(({ body }) => body[1] === 0).length, want);
  }
});

test('atc: the times of the publisher reach the viewer; atc_auto turns it on by metadata', () => {
  const auto = metadata(0, '\x00\x09bravo_atc\x02\x00\x04true');
  for (const { options, head } of [
    { options: { atc: true }, head: [] },
    { options: { atcAuto: true }, head: [auto] },
    { options: { timeJitter: 'off' as const }, head: [] },
  ]) {
    const { clock, hub } = setUp(options);
    const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
    for (const frame of [...head, videoConfig(), videoFrame(70_000, true)]) lease.write(frame);
    const play = playRequest('v', RTMP);
    hub.find(LIVE_DEMO)?.play(play);
    for (const frame of [videoFrame(90_000, false), videoFrame(80_000, false)]) lease.write(frame);
    clock.runSoon();
    const times = readRtmp(play.sink.bytes, 60_000, 1)
      .filter(({ body }) => body[1] === 1)
      .map(({ time }) => time);
    assert.deepEqual(times, [70_000, 90_000, 80_000]);
  }
});

test("switchFormat: audio off and on again, in the viewer's own time", () => {
  const { clock, hub } = setUp();
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  for (const frame of [videoConfig(), audioConfig()]) lease.write(frame);
  const play = playRequest('v', RTMP);
  let playback;
  for (let n = 0; n < 60; n += 1) {
    lease.write(videoFrame(n * 40 + 5_000, n % 10 === 0, n));
    lease.write(audioFrame(n * 40 + 5_000, n));
    if (n === 0) playback = hub.find(LIVE_DEMO)?.play(play);
    if (n === 15) playback?.switchFormat(rtmpFormat({ chunkSize: 60_000, streamId: 1, tracks: 'a' }));
    if (n === 35) playback?.switchFormat(RTMP);
    clock.advance(40);
  }
  const seen = readRtmp(play.sink.bytes, 60_000, 1).filter(({ body }) => body[1] === 1);
  const video = seen
    .filter(({ kind }) => kind === 'video')
    .map(({ body, time }) => [body.readUInt32BE(5), time]);
  assert.deepEqual(
    video,
    [...range(0, 16), ...range(40, 60)].map((n) => [n, n * 40]),
  );
  const audio = seen
    .filter(({ kind }) => kind === 'audio')
    .map(({ body, time }) => [body.readUInt32BE(2), time]);
  assert.deepEqual(
    audio,
    [...range(0, 36), ...range(40, 60)].map((n) => [n, n * 40]),
  );
});

test('the snapshot tells tracks, frames, bytes and rate', () => {
  const { clock, hub } = setUp(
    {},
    {
      describeTrack: (frame) => {
        if (frame.kind === 'audio') throw new Error('unreadable');
        return { codec: 'h264', width: 640 };
      },
    },
  );
  const lease = hub.publish(LIVE_DEMO, sessionOf('p', 'rtmp-publish'));
  for (const frame of [videoConfig(), audioConfig()]) lease.write(frame);
  for (let n = 0; n < 250; n += 1) {
    lease.write(videoFrame(n * 40, n % 50 === 0, n, 1_000));
    clock.advance(40);
  }
  const [snapshot] = hub.list();
  assert.equal(snapshot?.video?.width, 640);
  assert.equal(snapshot.audio, undefined);
  assert.equal(snapshot.videoFrames, 250);
  assert.equal(snapshot.receivedBytes, 250_013);
  assert.ok(Math.abs(snapshot.receivedKbps - 200) <= 10, `${snapshot.receivedKbps} kbps`);
  assert.equal(snapshot.timelineRepairs, 0);
  assert.equal(snapshot.publisher?.type, 'rtmp-publish');
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, n) => from + n);
}

test('a viewer that reads nothing cannot make its backlog grow by pausing and resuming', () => {
  const { clock, hub } = setUp();
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  lease.write(videoConfig());
  lease.write(videoFrame(0, true, 0, 100_000));
  const play = playRequest('v', RTMP);
  const playback = hub.find(LIVE_DEMO)?.play(play);
  play.sink.reading = false;
  for (let n = 1; n <= 100; n += 1) {
    lease.write(videoFrame(n * 40, true, n, 100_000));
    clock.advance(40);
    playback?.pause();
    playback?.resume();
  }
  const held = play.sink.pendingBytes + (playback?.stats.queuedBytes ?? 0);
  assert.ok(held < 1_000_000, `${held} bytes wait for a peer that takes nothing`);
});

test('a publisher that comes back with lower times is seen at once where times stay as they are', () => {
  for (const options of [{ atc: true }, { timeJitter: 'off' as const }]) {
    const { clock, hub } = setUp(options);
    const play = playRequest('v', RTMP, { afterHold: 'wait' });
    for (const [id, from] of [
      ['first', 600_000],
      ['second', 0],
    ] as const) {
      const lease = hub.publish(LIVE_DEMO, sessionOf(id));
      if (id === 'first') hub.find(LIVE_DEMO)?.play(play);
      lease.write(videoConfig());
      for (let n = 0; n < 3; n += 1) lease.write(videoFrame(from + n * 40, n === 0, n));
      clock.runSoon();
      lease.release();
    }
    const times = readRtmp(play.sink.bytes, 60_000, 1)
      .filter(({ body }) => body[1] === 1)
      .map(({ time }) => time);
    assert.deepEqual(times, [600_000, 600_040, 600_080, 0, 40, 80]);
  }
});

test('observers hear when a viewer gets its first media, once, however it pauses and whoever publishes next', async () => {
  const seen: string[] = [];
  const { hub, clock } = setUp(
    { holdMs: 0 },
    { observers: [{ playBegan: (_name, session) => void seen.push(session.id) }] },
  );
  const waiting = await hub.resolve(LIVE_DEMO, 'wait');
  waiting?.play(playRequest('early', RTMP, { afterHold: 'wait' }));
  assert.deepEqual(seen, []);
  const first = hub.publish(LIVE_DEMO, sessionOf('a'));
  for (const frame of [videoConfig(), audioConfig(), videoFrame(0, true), audioFrame(0)]) first.write(frame);
  clock.advance(10);
  assert.deepEqual(seen, ['early']);
  const late = waiting?.play(playRequest('late', FLV));
  clock.advance(10);
  assert.deepEqual(seen, ['early', 'late']);
  late?.pause();
  late?.resume();
  first.write(videoFrame(40, true));
  first.release();
  const second = hub.publish(LIVE_DEMO, sessionOf('b'));
  for (const frame of [videoConfig(), videoFrame(0, true)]) second.write(frame);
  clock.advance(10);
  assert.deepEqual(seen, ['early', 'late']);
});

test('the name of a stream is nothing but a name, whatever else came with it', () => {
  const told: unknown[] = [];
  const { hub } = setUp({}, { observers: [{ publishStarted: (name) => void told.push(name) }] });
  const asked = { ...LIVE_DEMO, params: '?token=secret' };
  const lease = hub.publish(asked, sessionOf('a'));
  assert.deepEqual([hub.list()[0]?.name, hub.find(asked)?.name, ...told], [LIVE_DEMO, LIVE_DEMO, LIVE_DEMO]);
  lease.release();
});
