import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerError } from '../../../src/base/errors.ts';
import { createHub, type HubOptions } from '../../../src/hub/hub.ts';
import type { PublishLease, SessionInfo, StreamName, StreamOptions } from '../../../src/hub/ports.ts';
import { flvFormat } from '../../../src/outputs/http-live/flv-packager.ts';
import { rtmpFormat } from '../../../src/outputs/rtmp/rtmp-packager.ts';
import {
  LIVE_DEMO,
  metadata,
  playRequest,
  sessionOf,
  STREAM_OPTIONS,
  videoConfig,
  videoFrame,
  type TestPlay,
} from '../../support/hub-fixtures.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryLogger } from '../../support/memory-logger.ts';
import { readRtmp } from '../../support/wire-decoders.ts';

const RTMP = rtmpFormat({ chunkSize: 60_000, streamId: 1, tracks: 'av' });
const FLV = flvFormat({ framing: 'chunked', tracks: 'av' });
const GONE = new ServerError('VHOST_UNKNOWN', 'the vhost was removed');

function setUp(options: Partial<StreamOptions> = {}, more: Partial<HubOptions> = {}) {
  const clock = new ManualClock();
  const log = new MemoryLogger();
  let now: StreamOptions = { ...STREAM_OPTIONS, ...options };
  const hub = createHub({ clock, logger: log, optionsFor: () => now, ...more });
  const reload = (changed: Partial<StreamOptions>): void => {
    now = { ...now, ...changed };
    hub.refreshOptions();
  };
  return { clock, hub, log, reload };
}

/** Frames `from` to `to` of a stream of 25 frames a second with a keyframe a second; returns the next number. */
function feed(lease: PublishLease, clock: ManualClock, from: number, to: number, bytes = 40): number {
  for (let n = from; n < to; n += 1) {
    lease.write(videoFrame(n * 40, n % 25 === 0, n, bytes));
    clock.advance(40);
  }
  return to;
}

/** Numbers of the video frames that a viewer was sent. */
function numbers(play: TestPlay): number[] {
  return readRtmp(play.sink.bytes, 60_000, 1)
    .filter(({ body }) => body[1] === 1)
    .map(({ body }) => body.readUInt32BE(5));
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);

test('gop_cache off frees the cache, on begins with the next keyframe; who watches sees nothing of it', () => {
  const { clock, hub, reload } = setUp();
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  lease.write(videoConfig());
  feed(lease, clock, 0, 5);
  const stream = hub.find(LIVE_DEMO);
  const steady = playRequest('steady', RTMP);
  stream?.play(steady);

  reload({ gopCache: false });
  const without = playRequest('without', RTMP);
  stream?.play(without);
  feed(lease, clock, 5, 10);
  assert.deepEqual(numbers(without), [], 'nothing cached: it waits for a keyframe');

  reload({ gopCache: true });
  const middle = playRequest('middle', RTMP);
  stream?.play(middle);
  feed(lease, clock, 10, 30);
  assert.deepEqual(numbers(without), range(25, 30));
  assert.deepEqual(numbers(middle), range(25, 30));
  const cached = playRequest('cached', RTMP);
  stream?.play(cached);
  assert.deepEqual(numbers(cached), range(25, 30));
  assert.deepEqual(numbers(steady), range(0, 30));
});

test('gop_cache_max_frames: a longer group is forgotten, a raised bound holds from the next keyframe on', () => {
  const { clock, hub, reload } = setUp();
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  feed(lease, clock, 0, 10);
  const joins = (): number[] => {
    const play = playRequest('j', RTMP);
    hub.find(LIVE_DEMO)?.play(play).close();
    return numbers(play);
  };
  assert.deepEqual(joins(), range(0, 10));
  reload({ gopCacheMaxFrames: 5 });
  assert.deepEqual(joins(), []);
  feed(lease, clock, 10, 28);
  assert.deepEqual(joins(), range(25, 28));
  feed(lease, clock, 28, 32);
  assert.deepEqual(joins(), [], 'over the bound');
  reload({ gopCacheMaxFrames: 100 });
  feed(lease, clock, 32, 60);
  assert.deepEqual(joins(), range(50, 60));
});

test('queue bounds hold for those who watch: smaller ones drop, larger ones keep', () => {
  for (const { changed, drops } of [
    { changed: {}, drops: 0 },
    { changed: { queueMaxBytes: 3_000 }, drops: 1 },
    { changed: { queueLengthMs: 300 }, drops: 1 },
  ]) {
    const { clock, hub, reload } = setUp({ queueMaxBytes: 1_000_000 });
    const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
    feed(lease, clock, 0, 2, 500);
    const play = playRequest('slow', RTMP);
    const playback = hub.find(LIVE_DEMO)?.play(play);
    play.sink.reading = false;
    play.sink.pendingBytes = 1;
    feed(lease, clock, 2, 12, 500);
    assert.equal(playback?.stats.drops, 0);
    reload(changed);
    assert.equal(playback.stats.drops, 0, 'not before the next window');
    feed(lease, clock, 12, 13, 500);
    assert.equal(playback.stats.drops, drops, JSON.stringify(changed));
  }
});

test('send_timeout: a viewer that is blocked already has the new one, counted from the change', () => {
  const { clock, hub, reload } = setUp({ sendTimeoutMs: 3_600_000 });
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  feed(lease, clock, 0, 2);
  const play = playRequest('slow', RTMP);
  hub.find(LIVE_DEMO)?.play(play);
  play.sink.reading = false;
  play.sink.pendingBytes = 1;
  feed(lease, clock, 2, 252);
  reload({ sendTimeoutMs: 2_000 });
  clock.advance(1_900);
  assert.equal(hub.list()[0]?.viewers, 1);
  clock.advance(400);
  assert.equal(play.sink.closedBy?.code, 'VIEWER_STALLED');
  assert.equal(hub.list()[0]?.viewers, 0);
});

test('the merge window of running viewers: mw_latency, mw_adaptive, min_latency', () => {
  const { clock, hub, reload } = setUp();
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  feed(lease, clock, 0, 5);
  const play = playRequest('v', RTMP);
  hub.find(LIVE_DEMO)?.play(play);
  let at = 5;
  const writes = (): number => {
    at = feed(lease, clock, at, at + 10); // Over the change.
    const before = play.sink.written.length;
    at = feed(lease, clock, at, at + 100);
    return play.sink.written.length - before;
  };
  assert.equal(writes(), 100);
  reload({ minLatency: false, mwAdaptive: false, mwLatencyMs: 400 });
  assert.equal(writes(), 10);
  reload({ mwLatencyMs: 200 });
  assert.equal(writes(), 20);
  reload({ mwAdaptive: true });
  assert.equal(writes(), 100, 'one viewer needs no window');
  reload({ mwAdaptive: false });
  assert.equal(writes(), 20);
  reload({ minLatency: true });
  assert.equal(writes(), 100);
  clock.advance(1_000);
  assert.deepEqual(numbers(play), range(0, at));
});

test('send_min_interval on, changed and off while media flows: in order, once each', () => {
  const { clock, hub, reload } = setUp();
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  feed(lease, clock, 0, 5);
  const play = playRequest('v', RTMP);
  hub.find(LIVE_DEMO)?.play(play);
  lease.write(videoFrame(200, false, 5));
  reload({ sendMinIntervalMs: 10 });
  clock.runSoon();
  assert.deepEqual(numbers(play), range(0, 6), 'what was not flushed is not held back');
  for (let n = 6; n < 16; n += 1) lease.write(videoFrame(n * 40, false, n));
  clock.runSoon();
  assert.equal(numbers(play).length, 7);
  clock.advance(30);
  assert.equal(numbers(play).length, 10);
  reload({ sendMinIntervalMs: 1_000 });
  clock.runSoon();
  assert.deepEqual(numbers(play), range(0, 16), 'what waited goes at once');
  lease.write(videoFrame(640, false, 16));
  lease.write(videoFrame(680, false, 17));
  clock.advance(500);
  assert.equal(numbers(play).length, 17);
  reload({ sendMinIntervalMs: 0 });
  clock.runSoon();
  assert.deepEqual(numbers(play), range(0, 18));
  feed(lease, clock, 18, 30);
  assert.deepEqual(numbers(play), range(0, 30));
  lease.release();
  clock.advance(10_000);
  assert.equal(hub.list()[0]?.viewers, undefined);
  assert.equal(clock.pending, 0);
});

test('what judges time changes with the next publish, not in the middle of one', () => {
  const { clock, hub, reload } = setUp();
  const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  for (const frame of [videoConfig(), videoFrame(90_000, true, 0)]) lease.write(frame);
  const play = playRequest('v', RTMP);
  hub.find(LIVE_DEMO)?.play(play);
  reload({ timeJitter: 'off', atc: true, atcAuto: true, mixCorrect: true });
  clock.advance(40);
  lease.write(metadata(0, '\x00\x09bravo_atc\x02\x00\x04true'));
  lease.write(videoFrame(90_040, false, 1));
  clock.runSoon();
  const times = (of: TestPlay): number[] =>
    readRtmp(of.sink.bytes, 60_000, 1)
      .filter(({ kind }) => kind === 'video')
      .map(({ time }) => time);
  assert.deepEqual(times(play), [0, 0, 40]);
  const joiner = playRequest('joiner', RTMP);
  hub.find(LIVE_DEMO)?.play(joiner);
  assert.deepEqual(times(joiner), [0, 0, 40], 'its time is not absolute');
  lease.release();
  const again = hub.publish(LIVE_DEMO, sessionOf('q'));
  const late = playRequest('late', RTMP);
  hub.find(LIVE_DEMO)?.play(late);
  again.write(videoFrame(500_000, true, 2));
  clock.runSoon();
  assert.deepEqual(times(late), [], 'mix_correct holds it');
  again.release();
  clock.runSoon();
  assert.deepEqual(times(late), [500_000]);
});

test('hold_time: counted from when the publisher left, also when that is over already', () => {
  const { clock, hub, reload } = setUp({ holdMs: 5_000 });
  const stays = (ms: number): boolean => {
    clock.advance(ms);
    return hub.find(LIVE_DEMO) !== undefined;
  };
  const leave = (): void => {
    const lease = hub.publish(LIVE_DEMO, sessionOf('p'));
    lease.write(videoFrame(0, true));
    hub.find(LIVE_DEMO)?.play(playRequest('v', FLV));
    lease.release();
  };
  leave();
  clock.advance(1_000);
  reload({ holdMs: 20_000 });
  assert.equal(stays(18_800), true);
  assert.equal(stays(500), false);
  leave();
  clock.advance(10_000);
  reload({ holdMs: 3_000 });
  assert.equal(stays(300), false);
  assert.equal(clock.pending, 0);
});

test('a vhost that is gone: its streams keep what they have until they are closed', () => {
  const { hub, log } = setUp(
    {},
    {
      optionsFor: (name) => {
        if (name.vhost === 'gone' && gone) throw GONE;
        return STREAM_OPTIONS;
      },
    },
  );
  let gone = false;
  hub.publish({ ...LIVE_DEMO, vhost: 'gone' }, sessionOf('p'));
  hub.publish(LIVE_DEMO, sessionOf('q'));
  gone = true;
  hub.refreshOptions();
  assert.deepEqual(log.lines, [
    'warn [] gone/live/demo keeps its settings: VHOST_UNKNOWN(2036): the vhost was removed',
  ]);
  assert.equal(hub.list().length, 2);
});

/** A session of an input or output: closing it ends what it holds, at once, later or never. */
function session(
  id: string,
  how: 'at once' | 'later' | 'throws',
  ends: () => void,
  closed: string[],
): SessionInfo {
  return {
    ...sessionOf(id),
    close: (reason) => {
      closed.push(`${id} ${reason.code}`);
      if (how === 'at once') ends();
      if (how === 'throws') throw new Error('socket');
    },
  };
}

for (const how of ['at once', 'later', 'throws'] as const) {
  test(`closeVhost ends all sessions of its streams and no others; sessions end ${how}`, async () => {
    const seen: string[] = [];
    const closed: string[] = [];
    const { clock, hub } = setUp(
      {},
      {
        observers: [
          {
            publishStarted: (_name, { id }) => void seen.push(`+${id}`),
            publishEnded: (_name, { id }) => void seen.push(`-${id}`),
            playStarted: (_name, { id }) => void seen.push(`+${id}`),
            playEnded: (_name, { id }) => void seen.push(`-${id}`),
          },
        ],
      },
    );
    const undo: (() => void)[] = [];
    const populate = async (vhost: string): Promise<void> => {
      const publish = (stream: string): PublishLease => {
        const lease: PublishLease = hub.publish(
          { vhost, app: 'live', stream },
          session(`${vhost}-${stream}`, how, () => lease.release(), closed),
        );
        undo.push(() => lease.release());
        lease.write(videoFrame(0, true));
        return lease;
      };
      const watch = async (name: StreamName, id: string, afterHold: 'end' | 'wait'): Promise<void> => {
        const stream = await hub.resolve(name, 'wait');
        const play = playRequest(id, afterHold === 'wait' ? RTMP : FLV, { afterHold });
        const playback = stream?.play({
          ...play,
          session: session(id, how, () => playback?.close(), closed),
        });
        undo.push(() => playback?.close());
      };
      publish('live');
      await watch({ vhost, app: 'live', stream: 'live' }, `${vhost}-v1`, 'wait');
      await watch({ vhost, app: 'live', stream: 'live' }, `${vhost}-v2`, 'end');
      const left = publish('held');
      await watch({ vhost, app: 'live', stream: 'held' }, `${vhost}-v3`, 'end');
      left.release();
      await watch({ vhost, app: 'live', stream: 'nobody' }, `${vhost}-v4`, 'wait');
    };
    await populate('gone');
    await populate('stays');
    assert.equal(hub.list().length, 6);
    seen.length = 0;

    assert.equal(hub.closeVhost('gone', GONE), 5);
    const ids = ['gone-live', 'gone-v1', 'gone-v2', 'gone-v3', 'gone-v4'];
    assert.deepEqual(
      [...closed].sort(),
      ids.map((id) => `${id} VHOST_UNKNOWN`),
    );
    const ends = ids.map((id) => `-${id}`);
    assert.deepEqual([...seen].sort(), ends);
    assert.deepEqual(
      hub.list().map(({ name, state }) => `${name.vhost} ${name.stream} ${state}`),
      ['stays live live', 'stays held waiting', 'stays nobody idle'],
    );
    for (const id of ids) assert.equal(hub.session(id), undefined);
    assert.equal(hub.closeVhost('gone', GONE), 0);

    for (const end of undo) end(); // The sessions that took their time.
    clock.advance(10_000);
    assert.deepEqual(seen.filter((line) => line.includes('gone')).sort(), ends, 'one end for each start');
    assert.deepEqual(hub.list(), []);
    assert.equal(clock.pending, 0);
  });
}

test('a stream of a closed vhost that somebody still holds takes no viewer', () => {
  const { hub } = setUp();
  hub.publish(LIVE_DEMO, sessionOf('p'));
  const stream = hub.find(LIVE_DEMO);
  hub.closeVhost(LIVE_DEMO.vhost, GONE);
  assert.throws(
    () => stream?.play(playRequest('v', RTMP)),
    (error) => error === GONE,
  );
  assert.deepEqual(hub.list(), []);
  // The vhost is back: another stream.
  hub.publish(LIVE_DEMO, sessionOf('q'));
  const play = playRequest('v', RTMP);
  hub.find(LIVE_DEMO)?.play(play).close();
});
