import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { createHub } from '../../../src/hub/hub.ts';
import type { AttendRequest, LiveStream, PlaybackStats } from '../../../src/hub/ports.ts';
import { flvFormat } from '../../../src/outputs/http-live/flv-packager.ts';
import { LIVE_DEMO, playRequest, sessionOf, STREAM_OPTIONS, videoFrame } from '../../support/hub-fixtures.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const NO_STATS: PlaybackStats = { queuedMs: 0, queuedBytes: 0, sentBytes: 0, drops: 0, droppedBytes: 0 };

function setUp(logger = silentLogger) {
  const clock = new ManualClock();
  const seen: string[] = [];
  const hub = createHub({
    clock,
    logger,
    optionsFor: () => STREAM_OPTIONS,
    observers: [
      {
        playStarted: (_name, session, playback) =>
          void seen.push(`+${session.id} ${playback.stats.sentBytes}`),
        playEnded: (_name, session, stats) => void seen.push(`-${session.id} ${stats.sentBytes}`),
      },
    ],
  });
  const lease = hub.publish(LIVE_DEMO, sessionOf('pub'));
  return { clock, hub, seen, lease, stream: hub.find(LIVE_DEMO) as LiveStream };
}

class Attendant implements AttendRequest {
  readonly session;
  readonly closedBy: string[] = [];
  sentBytes = 0;
  ends = 0;

  constructor(id: string) {
    this.session = { ...sessionOf(id, 'hls-play'), close: (reason: ServerError) => this.#close(reason) };
  }

  get stats(): PlaybackStats {
    return { ...NO_STATS, sentBytes: this.sentBytes };
  }

  onEnd(): void {
    this.ends += 1;
  }

  #close(reason: ServerError): void {
    this.closedBy.push(reason.code);
  }
}

test('a viewer without a feed is counted, found and told to the observers: one start, one end', () => {
  const { hub, seen, stream } = setUp();
  const viewer = new Attendant('h1');
  const undo = stream.attend(viewer);
  assert.equal(stream.snapshot().viewers, 1);
  assert.equal(hub.session('h1'), viewer.session);
  viewer.sentBytes = 7;
  undo();
  undo();
  assert.deepEqual(seen, ['+h1 0', '-h1 7']);
  assert.equal(stream.snapshot().viewers, 0);
  assert.equal(hub.session('h1'), undefined);
  assert.equal(viewer.ends, 0);
});

test('it does not keep a stream: without taps and viewers the end comes with the publisher', () => {
  const { hub, seen, stream, lease } = setUp();
  const viewer = new Attendant('h1');
  const undo = stream.attend(viewer);
  lease.release();
  assert.equal(stream.state, 'gone');
  assert.deepEqual([viewer.ends, seen], [1, ['+h1 0', '-h1 0']]);
  undo();
  assert.equal(seen.length, 2);
  assert.equal(hub.session('h1'), undefined);
  assert.equal(hub.find(LIVE_DEMO), undefined);
});

test('it stays through the hold time of a stream that others keep, and ends with it', () => {
  const { clock, hub, seen, stream, lease } = setUp();
  const player = playRequest('p1', flvFormat({ framing: 'chunked', tracks: 'av' }), { afterHold: 'wait' });
  stream.play(player);
  const viewer = new Attendant('h1');
  stream.attend(viewer);
  lease.release();
  clock.advance(STREAM_OPTIONS.holdMs - 500);
  assert.equal(viewer.ends, 0);
  const again = hub.publish(LIVE_DEMO, sessionOf('pub2'));
  again.write(videoFrame(0, true));
  assert.deepEqual([stream.snapshot().viewers, viewer.ends], [2, 0]);
  again.release();
  clock.advance(STREAM_OPTIONS.holdMs + 500);
  assert.deepEqual([stream.state, viewer.ends, stream.snapshot().viewers], ['idle', 1, 1]);
  // Nobody publishes: not counted, and told so.
  const late = new Attendant('h2');
  stream.attend(late)();
  assert.equal(late.ends, 1);
  assert.deepEqual(seen, ['+p1 0', '+h1 0', '-h1 0']);
});

test('when its vhost goes its session is closed; nobody else comes', () => {
  const { hub, seen, stream } = setUp();
  const viewer = new Attendant('h1');
  stream.attend(viewer);
  const reason = new ServerError('SESSION_CLOSED', 'the vhost is gone');
  assert.equal(hub.closeVhost(LIVE_DEMO.vhost, reason), 2);
  assert.deepEqual([viewer.closedBy, viewer.ends], [['SESSION_CLOSED'], 0]);
  assert.deepEqual(seen, ['+h1 0', '-h1 0']);
  assert.throws(() => stream.attend(new Attendant('h2')), { code: 'SESSION_CLOSED' });
});

test('what one of them throws at its end is logged and keeps nobody from theirs', () => {
  const { stream, lease } = setUp();
  const bad = new Attendant('h1');
  bad.onEnd = () => {
    throw new Error('broken');
  };
  const good = new Attendant('h2');
  stream.attend(bad);
  stream.attend(good);
  lease.release();
  assert.equal(good.ends, 1);
});
