import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import type { Undo } from '../../../src/base/undo.ts';
import { createHub } from '../../../src/hub/hub.ts';
import type { FrameTap, LiveStream, StreamOptions, StreamState } from '../../../src/hub/ports.ts';
import { Frame } from '../../../src/media/frame.ts';
import { flvFormat } from '../../../src/outputs/http-live/flv-packager.ts';
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
import { MemoryLogger } from '../../support/memory-logger.ts';
import { readFlv, unchunk } from '../../support/wire-decoders.ts';

const FLV = flvFormat({ framing: 'chunked', tracks: 'av' });

class TestTap implements FrameTap {
  readonly name = 'test';
  readonly from: 'now' | 'gop';
  /** `state#publication`, frames as `v40`, `V0` (keyframe), `vc0` (config), `a`, `d0`, and the end. */
  readonly seen: string[] = [];
  readonly frames: Frame[] = [];
  onSeen: (what: string) => void = () => undefined;

  constructor(from: 'now' | 'gop' = 'now') {
    this.from = from;
  }

  onFrame(frame: Frame): void {
    this.frames.push(frame);
    const kind = frame.kind.charAt(0);
    this.#note(`${frame.isKeyframe ? kind.toUpperCase() : kind}${frame.isConfig ? 'c' : ''}${frame.dts}`);
  }

  onState(state: StreamState, publication: number): void {
    this.#note(`${state}#${publication}`);
  }

  onEnd(reason: 'gone' | 'failed'): void {
    this.#note(reason);
  }

  #note(what: string): void {
    this.seen.push(what);
    this.onSeen(what);
  }
}

/** A hub whose streams get `tap` at each first publish, as an output does. */
function setUp(options: Partial<StreamOptions> = {}, tap?: FrameTap) {
  const clock = new ManualClock();
  const logger = new MemoryLogger();
  const tapped = new Set<LiveStream>();
  const undos: Undo[] = [];
  const hub = createHub({
    clock,
    logger,
    optionsFor: () => ({ ...STREAM_OPTIONS, ...options }),
    observers: [
      {
        publishStarted: (_name, _session, stream) => {
          if (tap === undefined || tapped.has(stream)) return;
          tapped.add(stream);
          undos.push(stream.tap(tap));
        },
      },
    ],
  });
  const stream = (): LiveStream => hub.find(LIVE_DEMO) as LiveStream;
  return { clock, hub, logger, stream, undos };
}

test('a tap sees everything once, in order and in stream time; a publisher that comes back goes on with it', () => {
  const tap = new TestTap();
  const { clock, hub, stream } = setUp({}, tap);
  const first = hub.publish(LIVE_DEMO, sessionOf('a'));
  for (const frame of [metadata(), videoConfig(), audioConfig(), videoFrame(0, true), audioFrame(3)])
    first.write(frame);
  clock.advance(40);
  first.write(videoFrame(40, false));
  assert.equal(stream().snapshot().viewers, 0);
  first.release();
  clock.advance(1_000);
  const second = hub.publish(LIVE_DEMO, sessionOf('b'));
  second.write(videoConfig(70_000));
  second.write(videoFrame(70_000, true));
  second.release();
  clock.advance(4_999);
  assert.equal(tap.seen.at(-1), 'waiting#2');
  clock.advance(2);
  assert.deepEqual(tap.seen, [
    'live#1',
    ...['d0', 'vc0', 'ac0', 'V0', 'a3', 'v40', 'waiting#1'],
    ...['live#2', 'vc1040', 'V1040', 'waiting#2', 'gone'],
  ]);
  assert.equal(hub.find(LIVE_DEMO), undefined);
  hub.publish(LIVE_DEMO, sessionOf('c')).release();
  assert.equal(tap.seen.filter((what) => what === 'gone').length, 1);
});

test('a tap that comes later begins with what is in force, and with the group when it asks', () => {
  const { hub, stream } = setUp();
  const lease = hub.publish(LIVE_DEMO, sessionOf('a'));
  for (const frame of [metadata(), videoConfig(), audioConfig(), videoFrame(0, true), audioFrame(3)])
    lease.write(frame);
  const now = new TestTap();
  const group = new TestTap('gop');
  stream().tap(now);
  stream().tap(group);
  lease.write(videoFrame(40, false));
  assert.deepEqual(now.seen, ['live#1', 'd0', 'vc0', 'ac0', 'v40']);
  assert.deepEqual(group.seen, ['live#1', 'd0', 'vc0', 'ac0', 'V0', 'a3', 'v40']);
  assert.equal(now.frames.at(-1), group.frames.at(-1)); // Shared, not made for each.
});

test('a tap keeps a stream for no longer than the hold time, and without one not at all', () => {
  const tap = new TestTap();
  const { hub } = setUp({ holdMs: 0 }, tap);
  hub.publish(LIVE_DEMO, sessionOf('a')).release();
  assert.deepEqual(tap.seen, ['live#1', 'waiting#1', 'gone']);
  assert.equal(hub.find(LIVE_DEMO), undefined);
});

test('the last viewer leaves while the stream is held: the tap still waits', () => {
  const tap = new TestTap();
  const { clock, hub, stream } = setUp({}, tap);
  const lease = hub.publish(LIVE_DEMO, sessionOf('a'));
  const playback = stream().play(playRequest('v', FLV));
  lease.release();
  playback.close();
  assert.equal(tap.seen.at(-1), 'waiting#1');
  clock.advance(5_001);
  assert.equal(tap.seen.at(-1), 'gone');
  assert.equal(clock.pending <= 1, true);
});

test('viewers that wait keep the stream, idle; the tap goes on with the next publisher', () => {
  const tap = new TestTap();
  const { clock, hub, stream } = setUp({}, tap);
  const lease = hub.publish(LIVE_DEMO, sessionOf('a'));
  const playback = stream().play(playRequest('v', FLV, { afterHold: 'wait' }));
  lease.release();
  clock.advance(5_001);
  hub.publish(LIVE_DEMO, sessionOf('b')).release();
  clock.advance(5_001);
  assert.deepEqual(tap.seen, ['live#1', 'waiting#1', 'idle#1', 'live#2', 'waiting#2', 'idle#2']);
  playback.close();
  assert.equal(tap.seen.at(-1), 'gone');
});

test('an undo ends it without a word, also in the middle of a frame and while the stream is held', () => {
  const tap = new TestTap();
  const other = new TestTap();
  const { hub, stream, undos } = setUp({}, tap);
  const lease = hub.publish(LIVE_DEMO, sessionOf('a'));
  stream().tap(other);
  tap.onSeen = (what) => {
    if (what === 'v40') undos[0]?.();
  };
  lease.write(videoFrame(0, true));
  lease.write(videoFrame(40, false));
  lease.write(videoFrame(80, false));
  undos[0]?.();
  assert.deepEqual(tap.seen, ['live#1', 'V0', 'v40']);
  assert.deepEqual(other.seen, ['live#1', 'V0', 'v40', 'v80']);
  const late = stream().tap(new TestTap());
  other.onSeen = (what) => {
    if (what === 'waiting#1') late();
  };
  lease.release();
  assert.notEqual(hub.find(LIVE_DEMO), undefined); // `other` is still there.
});

test('the undo of the only tap of a held stream frees it', () => {
  const tap = new TestTap();
  const { clock, hub, undos } = setUp({}, tap);
  hub.publish(LIVE_DEMO, sessionOf('a')).release();
  assert.notEqual(hub.find(LIVE_DEMO), undefined);
  undos[0]?.();
  assert.equal(hub.find(LIVE_DEMO), undefined);
  assert.equal(tap.seen.at(-1), 'waiting#1');
  clock.advance(10_000);
});

for (const at of ['live#1', 'vc0', 'V0', 'waiting#1', 'failed', 'gone']) {
  test(`a tap that throws at ${at} is removed, counted and told; media goes on`, () => {
    const bad = new TestTap();
    const good = new TestTap();
    bad.onSeen = (what) => {
      if (what === at || (at === 'failed' && what === 'V0') || what === 'failed')
        throw new Error('a broken output');
    };
    const { clock, hub, logger, stream } = setUp({}, bad);
    const lease = hub.publish(LIVE_DEMO, sessionOf('a'));
    stream().tap(good);
    const viewer = playRequest('v', FLV);
    stream().play(viewer);
    for (const frame of [videoConfig(), audioConfig(), videoFrame(0, true), videoFrame(40, false)])
      lease.write(frame);
    clock.advance(10);
    lease.release();
    clock.advance(5_001);
    assert.deepEqual(good.seen, ['live#1', 'vc0', 'ac0', 'V0', 'v40', 'waiting#1', 'gone']);
    assert.equal(readFlv(unchunk(viewer.sink.bytes).body).messages.length, 4);
    assert.deepEqual(viewer.ends, ['gone']);
    assert.equal(bad.seen.at(-1), at === 'gone' ? 'gone' : 'failed');
    assert.equal(bad.seen.filter((what) => what === 'failed' || what === 'gone').length, 1);
    assert.ok(hub.tapErrors.total >= 1);
    assert.match(logger.lines.join('\n'), /output test failed/);
  });
}

test('a vhost that is closed ends its taps at once, also those of a held stream', () => {
  const tap = new TestTap();
  const { hub } = setUp({}, tap);
  const reason = new ServerError('VHOST_REMOVED', 'gone');
  hub.publish(LIVE_DEMO, sessionOf('a'));
  hub.closeVhost(LIVE_DEMO.vhost, reason);
  assert.deepEqual(tap.seen, ['live#1', 'waiting#1', 'gone']);
  const held = new TestTap();
  const second = setUp({}, held);
  second.hub.publish(LIVE_DEMO, sessionOf('a')).release();
  second.hub.closeVhost(LIVE_DEMO.vhost, reason);
  assert.deepEqual(held.seen, ['live#1', 'waiting#1', 'gone']);
  assert.equal(second.hub.find(LIVE_DEMO), undefined);
});

test('a stream that is gone ends a tap at once; the end of the hub ends all', () => {
  const { hub, stream } = setUp({ holdMs: 0 });
  const lease = hub.publish(LIVE_DEMO, sessionOf('a'));
  const old = stream();
  lease.release();
  const late = new TestTap();
  old.tap(late)();
  assert.deepEqual(late.seen, ['gone#1', 'gone']);
  hub.publish(LIVE_DEMO, sessionOf('b'));
  const last = new TestTap();
  stream().tap(last);
  hub.close();
  assert.deepEqual(last.seen, ['live#1', 'gone']);
});

test('a takeover within a picture keeps the order in which pictures are shown', () => {
  const clock = new ManualClock();
  const tap = new TestTap();
  const hub = createHub({ clock, logger: silentLogger, optionsFor: () => STREAM_OPTIONS });
  /** Pictures of 40 ms. */
  const write = (lease: { write(frame: Frame): void }, from: number, offsets: readonly number[]): void => {
    for (const [index, cts] of offsets.entries()) {
      const { codec, flvBody } = videoFrame(0, index === 0);
      lease.write(new Frame('video', codec, from + index * 40, cts, index === 0, false, flvBody, 5));
      clock.advance(40);
    }
  };
  const first = hub.publish(LIVE_DEMO, sessionOf('a'));
  const undo = (hub.find(LIVE_DEMO) as LiveStream).tap(tap);
  write(first, 0, [80, 160, 40, 0]); // In decoding order I P B B.
  clock.advance(-35); // The last picture came 5 ms ago.
  first.release();
  write(hub.publish(LIVE_DEMO, sessionOf('b')), 9_000, [0, 0, 0, 0]);
  undo();
  const shown = tap.frames.map((frame) => frame.pts);
  assert.ok(Math.min(...shown.slice(4)) > Math.max(...shown.slice(0, 4)), shown.join(' '));
  const decoded = tap.frames.map((frame) => frame.dts);
  assert.deepEqual(decoded.map((dts) => dts - (decoded[4] ?? 0)).slice(4), [0, 40, 80, 120]);
});
