import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SessionRegistry } from '../../../../src/control/sessions/index.ts';
import { createHub, type ClosableHub } from '../../../../src/hub/hub.ts';
import type { SessionInfo } from '../../../../src/hub/ports.ts';
import { silentLogger } from '../../../../src/base/logger.ts';
import {
  LIVE_DEMO,
  playRequest,
  sessionOf,
  STREAM_OPTIONS,
  videoConfig,
  videoFrame,
} from '../../../support/hub-fixtures.ts';
import { flvFormat } from '../../../../src/outputs/http-live/flv-packager.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const FLV = flvFormat({ framing: 'chunked', tracks: 'av' });

interface Bench {
  readonly clock: ManualClock;
  readonly hub: ClosableHub;
  readonly sessions: SessionRegistry;
}

function start(holdMs = 0, queueSeen: (ms: number) => void = () => undefined): Bench {
  const clock = new ManualClock();
  const sessions: SessionRegistry = new SessionRegistry({
    clock,
    unixTime: () => 77,
    exists: (name) => hub.find(name) !== undefined,
    queueSeen,
  });
  const hub = createHub({
    clock,
    logger: silentLogger,
    optionsFor: () => ({ ...STREAM_OPTIONS, holdMs }),
    observers: [sessions],
  });
  return { clock, hub, sessions };
}

test('publisher and viewers are listed with their bytes; sums outlive sessions, those of a stream not the stream', () => {
  const { clock, hub, sessions } = start(5_000);
  const lease = hub.publish(LIVE_DEMO, sessionOf('pub', 'rtmp-publish'));
  lease.write(videoConfig());
  lease.write(videoFrame(0, true, 0, 1_000));
  const stream = hub.find(LIVE_DEMO);
  assert.ok(stream);
  const playback = stream.play({ ...playRequest('one', FLV), session: sessionOf('one', 'flv-play') });
  clock.advance(1_000);
  lease.write(videoFrame(1_000, true, 0, 2_000));
  clock.advance(1_000);
  const received = stream.snapshot().receivedBytes;
  const { sentBytes } = playback.stats;
  assert.ok(received > 3_000 && sentBytes > 0);
  assert.deepEqual(
    sessions
      .page(0, 10)
      .map(({ info, type, publishes, bytes, beganUnixMs }) => [info.id, type, publishes, bytes, beganUnixMs]),
    [
      ['pub', 'fmle-publish', true, received, 77],
      ['one', 'flv-play', false, sentBytes, 77],
    ],
  );
  playback.close();
  assert.deepEqual([sessions.size, sessions.find('one')], [1, undefined]);
  const sums = sessions.stream(LIVE_DEMO);
  assert.deepEqual([sums.clients, sums.receivedBytes, sums.sentBytes], [1, received, sentBytes]);
  // What came between the last look and the end.
  lease.write(videoFrame(1_500, false, 0, 500));
  lease.release();
  const [vhost] = sessions.vhosts;
  assert.ok(vhost);
  assert.equal(vhost.clients, 0);
  assert.equal(vhost.receivedBytes, received + 500);
  assert.equal(vhost.sentBytes, sentBytes);
  clock.advance(20_000);
  assert.equal(hub.find(LIVE_DEMO), undefined);
  const again = hub.publish(LIVE_DEMO, sessionOf('again'));
  assert.equal(sessions.stream(LIVE_DEMO).receivedBytes, 0);
  assert.equal(sessions.stream(LIVE_DEMO).id, sums.id, 'the same name has the same id');
  again.release();
});

test('the bytes of a publisher whose stream ends with it are all counted', () => {
  const { hub, sessions } = start();
  for (let index = 0; index < 3; index += 1) {
    const lease = hub.publish(LIVE_DEMO, sessionOf(`pub${index}`));
    lease.write(videoFrame(0, true, 0, 1_000));
    lease.release();
  }
  const one = sessions.vhosts[0]?.receivedBytes ?? 0;
  assert.equal(one, 3_000);
});

test('rates come from the timer, and fall to nothing when nothing comes', () => {
  const { clock, hub, sessions } = start();
  const lease = hub.publish(LIVE_DEMO, sessionOf('pub'));
  for (let at = 0; at < 60_000; at += 1_000) {
    lease.write(videoFrame(at, true, 0, 1_000));
    clock.advance(1_000);
  }
  const kbps = (): number | undefined => sessions.find('pub')?.kbps(clock.now()).recv_30s;
  assert.equal(kbps(), 8);
  assert.equal(sessions.vhosts[0]?.kbps(clock.now()).recv_30s, 8);
  clock.advance(40_000);
  assert.equal(kbps(), 0);
  assert.equal(sessions.stream(LIVE_DEMO).kbps(clock.now()).recv_30s, 0);
  assert.ok(sessions.stream(LIVE_DEMO).kbps(clock.now()).recv_5m > 0);
});

test('a session with two roles at once is listed for each, and each ends by itself', () => {
  const { hub, sessions } = start(5_000);
  const both: SessionInfo = sessionOf('both');
  const lease = hub.publish(LIVE_DEMO, both);
  const playback = hub.find(LIVE_DEMO)?.play({ ...playRequest('both', FLV), session: both });
  assert.deepEqual(
    sessions.page(0, 10).map(({ publishes }) => publishes),
    [true, false],
  );
  lease.release();
  assert.deepEqual(
    sessions.page(0, 10).map(({ publishes }) => publishes),
    [false],
  );
  playback?.close();
  assert.equal(sessions.size, 0);
});

test('many streams that come and go leave nothing but their vhost', () => {
  const { clock, hub, sessions } = start(100);
  for (let index = 0; index < 1_000; index += 1) {
    const lease = hub.publish({ ...LIVE_DEMO, stream: `s${index}` }, sessionOf(`p${index}`));
    lease.release();
  }
  assert.deepEqual([sessions.size, sessions.streams, sessions.vhosts.length], [0, 0, 1]);
  // Without a client, but held for its tap: the hub still has it.
  const lease = hub.publish(LIVE_DEMO, sessionOf('pub'));
  const quiet = { name: 'test', onFrame: () => undefined, onState: () => undefined, onEnd: () => undefined };
  hub.find(LIVE_DEMO)?.tap(quiet);
  lease.release();
  assert.deepEqual([sessions.size, sessions.streams], [0, 1]);
  clock.advance(10_000);
  assert.deepEqual([hub.find(LIVE_DEMO), sessions.streams], [undefined, 0]);
});

test('the longest queue of a stream, its overflows, and the queue of each viewer on the timer', () => {
  const seen: number[] = [];
  const { clock, hub, sessions } = start(0, (ms) => seen.push(ms));
  const lease = hub.publish(LIVE_DEMO, sessionOf('pub'));
  lease.write(videoFrame(0, true));
  const quick = playRequest('quick', FLV);
  const slow = playRequest('slow', FLV);
  hub.find(LIVE_DEMO)?.play(quick);
  hub.find(LIVE_DEMO)?.play(slow);
  slow.sink.reading = false;
  for (let at = 40; at <= 9_000; at += 40) {
    lease.write(videoFrame(at, at % 2_000 === 0, 0, 100));
    clock.advance(40);
  }
  const stream = sessions.stream(LIVE_DEMO);
  assert.ok(stream.queuedMs > 2_000, String(stream.queuedMs));
  assert.equal(stream.drops, 0);
  assert.deepEqual(
    seen.map((ms) => ms > 0),
    [false, true],
  );
  for (let at = 9_040; at <= 14_000; at += 40) {
    lease.write(videoFrame(at, at % 2_000 === 0, 0, 200_000));
    clock.advance(40);
  }
  const { drops } = sessions.stream(LIVE_DEMO);
  assert.ok(drops >= 1);
  lease.release();
  clock.advance(10_000);
  assert.equal(hub.find(LIVE_DEMO), undefined);
});

test('closing stops the timer', () => {
  const { clock, sessions } = start();
  sessions.close();
  sessions.close();
  clock.advance(60_000);
  assert.equal(sessions.vhosts.length, 0);
});
