import assert from 'node:assert/strict';
import { Duplex, PassThrough } from 'node:stream';
import { test } from 'node:test';
import { TimerWheel } from '../../../../src/base/timer-wheel.ts';
import { frameFromFlv, TAG_TYPE } from '../../../../src/containers/flv/index.ts';
import { createHub } from '../../../../src/hub/hub.ts';
import type { LiveStream, PublishLease } from '../../../../src/hub/ports.ts';
import type { Frame } from '../../../../src/media/frame.ts';
import { audioTrackOf, videoTrackOf } from '../../../../src/media/track-info.ts';
import {
  liveFormat,
  LiveViewer,
  whyNotPlayable,
  type LiveEnding,
} from '../../../../src/outputs/http-live/index.ts';
import { LIVE_DEMO, sessionOf, STREAM_OPTIONS } from '../../../support/hub-fixtures.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { MemoryLogger } from '../../../support/memory-logger.ts';
import { aacConfig, aacFrame, avcConfig, mp3Frame, picture } from '../../../support/ts-frames.ts';

/** A viewer of one format on a real stream, in a time that stands still. */
class Stage {
  readonly clock = new ManualClock();
  readonly log = new MemoryLogger();
  socket: Duplex = new PassThrough();
  readonly lease: PublishLease;
  readonly stream: LiveStream;
  readonly hub;
  bytes = 0;
  dts = 0;

  constructor(holdMs = 5_000) {
    this.hub = createHub({
      clock: this.clock,
      logger: this.log,
      unixTime: () => this.clock.now(),
      optionsFor: () => ({ ...STREAM_OPTIONS, holdMs }),
      describeTrack: (frame, parseSps) =>
        frame.kind === 'video' ? videoTrackOf(frame, parseSps) : audioTrackOf(frame),
    });
    this.lease = this.hub.publish(LIVE_DEMO, sessionOf('first'));
    this.stream = this.hub.find(LIVE_DEMO) as LiveStream;
    this.socket.on('data', (bytes: Buffer) => (this.bytes += bytes.length));
  }

  watch(ending: LiveEnding, knows = true): void {
    const viewer = new LiveViewer({
      id: 'viewer1',
      ip: '127.0.0.1',
      type: `${ending}-play`,
      details: { transport: 'http', params: '' },
      logger: this.log,
      wheel: new TimerWheel(this.clock),
    });
    viewer.start({
      socket: this.socket,
      stream: this.stream,
      format: liveFormat(ending, { framing: 'identity', tracks: 'av' }),
      unfit:
        ending === 'flv'
          ? undefined
          : () =>
              knows ? whyNotPlayable(ending, 'av', this.stream.snapshot(), this.clock.now()) : undefined,
    });
  }

  /** A second of frames for each second of time. */
  run(seconds: number, lease: PublishLease, make: (dts: number) => Frame[]): void {
    for (let second = 0; second < seconds; second += 1) {
      for (const frame of make(this.dts)) lease.write(frame);
      this.dts += 1_000;
      this.clock.advance(1_000);
    }
  }

  /** The connection's own events have come. */
  async settled(): Promise<void> {
    await new Promise(setImmediate);
  }

  get complaints(): string[] {
    return this.log.lines.filter((line) => line.includes('STREAM_FORMAT_UNFIT'));
  }
}

const hevcConfig = (dts: number): Frame =>
  frameFromFlv(TAG_TYPE.VIDEO, dts, Buffer.from([0x1c, 0, 0, 0, 0, 1, 1, 0, 0, 0]));
const key = (dts: number): Frame[] => [picture(dts, 0, true, [300])];
const sound = (dts: number): Frame[] => [aacFrame(dts, 100)];

test('a body that stays silent for a minute of a live stream is closed; not before', async () => {
  const stage = new Stage();
  stage.watch('mp3', false);
  stage.run(59, stage.lease, sound);
  assert.equal(stage.socket.destroyed, false);
  stage.run(6, stage.lease, sound);
  assert.equal(stage.socket.destroyed, true);
  await stage.settled();
  assert.equal(stage.bytes, 0);
  assert.equal(stage.complaints.length, 1);
  assert.match(stage.complaints[0] ?? '', /nothing came that the format carries/);
  assert.equal(stage.stream.snapshot().viewers, 0);
});

test('a minute counts from the last byte', async () => {
  const stage = new Stage();
  stage.lease.write(aacConfig(0));
  stage.watch('aac', false);
  stage.run(120, stage.lease, sound);
  await stage.settled();
  assert.equal(stage.socket.destroyed, false);
  assert.ok(stage.bytes > 100 * 100, `${stage.bytes} bytes`);
  stage.run(57, stage.lease, key);
  assert.equal(stage.socket.destroyed, false);
  stage.run(10, stage.lease, key);
  assert.equal(stage.socket.destroyed, true);
  await stage.settled();
  assert.equal(stage.complaints.length, 1);
});

test('silences do not add up', async () => {
  const stage = new Stage();
  stage.lease.write(aacConfig(0));
  stage.watch('aac', false);
  for (let round = 0; round < 3; round += 1) {
    stage.run(40, stage.lease, key);
    stage.run(10, stage.lease, sound);
  }
  await stage.settled();
  assert.equal(stage.socket.destroyed, false);
  assert.deepEqual(stage.complaints, []);
});

test('a peer that does not read the end of its body is closed after ten seconds', async () => {
  const stage = new Stage(1_000);
  const stuck = new Duplex({
    read: () => undefined,
    write: (_bytes, _, taken) => taken(),
    final: () => undefined,
  });
  stage.socket = stuck;
  stage.lease.write(aacConfig(0));
  stage.watch('aac');
  stage.run(2, stage.lease, sound);
  stage.lease.release();
  stage.clock.advance(10_000);
  await stage.settled();
  assert.equal(stuck.destroyed, false);
  stage.clock.advance(3_000);
  assert.equal(stuck.destroyed, true);
  await stage.settled();
  assert.ok(stage.log.lines.some((line) => line.includes('VIEWER_STALLED')));
});

test('silence while nobody publishes is no silence of the body', () => {
  const stage = new Stage(600_000);
  stage.watch('aac', false);
  stage.lease.release();
  stage.clock.advance(300_000);
  assert.equal(stage.socket.destroyed, false);
  const again = stage.hub.publish(LIVE_DEMO, sessionOf('second'));
  again.write(aacConfig(0));
  stage.run(70, again, sound);
  assert.equal(stage.socket.destroyed, false);
  assert.deepEqual(stage.complaints, []);
});

test('FLV carries everything: its body may be silent', () => {
  const stage = new Stage();
  stage.watch('flv');
  stage.clock.advance(300_000);
  assert.equal(stage.socket.destroyed, false);
});

test('another codec in mid-stream closes the bodies that do not carry it within 5 s, and says which', async () => {
  const cases = [
    ['ts', hevcConfig, '.ts cannot carry h265'],
    ['aac', mp3Frame, '.aac cannot carry mp3'],
  ] as const;
  for (const [ending, change, why] of cases) {
    const stage = new Stage();
    stage.lease.write(avcConfig(0));
    stage.lease.write(aacConfig(0));
    stage.watch(ending);
    stage.run(10, stage.lease, (dts) => [...key(dts), ...sound(dts)]);
    assert.equal(stage.socket.destroyed, false, ending);
    // The same publisher for pictures, whose record tells; another one for MP3, which has none.
    let lease = stage.lease;
    if (ending === 'aac') {
      lease.release();
      lease = stage.hub.publish(LIVE_DEMO, sessionOf('second'));
    }
    stage.run(6, lease, (dts) => [change(dts)]);
    assert.equal(stage.socket.destroyed, true, ending);
    await stage.settled();
    assert.equal(stage.complaints.length, 1);
    assert.ok(stage.complaints[0]?.includes(why), stage.complaints[0]);
    assert.equal(stage.stream.snapshot().viewers, 0);
    assert.equal(stage.stream.state, 'live', 'the publisher goes on');
  }
});
