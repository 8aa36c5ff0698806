import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { silentLogger } from '../../../src/base/logger.ts';
import { createHub } from '../../../src/hub/hub.ts';
import type { Playback, StreamOptions } from '../../../src/hub/ports.ts';
import type { Frame } from '../../../src/media/frame.ts';
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
  type TestPlay,
} from '../../support/hub-fixtures.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { readFlv, readRtmp, unchunk, unwebsocket, type SeenMessage } from '../../support/wire-decoders.ts';

const CHUNK = 64;
const FORMATS = [
  rtmpFormat({ chunkSize: CHUNK, streamId: 1, tracks: 'av' }),
  flvFormat({ framing: 'chunked', tracks: 'av' }),
  flvFormat({ framing: 'websocket', tracks: 'av' }),
  flvFormat({ framing: 'identity', tracks: 'av' }),
];

type Step =
  | { readonly do: 'media'; readonly frames: number }
  | { readonly do: 'join'; readonly format: number }
  | { readonly do: 'leave' | 'stall' | 'read' | 'pause' | 'resume'; readonly who: number }
  | { readonly do: 'republish' }
  | { readonly do: 'config' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('media' as const), frames: fc.integer({ min: 1, max: 40 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('join' as const), format: fc.nat(FORMATS.length - 1) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'leave' as const,
        'stall' as const,
        'read' as const,
        'pause' as const,
        'resume' as const,
      ),
      who: fc.nat(7),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'republish' }, { do: 'config' }) },
);

interface Sent {
  readonly id: number;
  readonly keyframe: boolean;
  readonly video: boolean;
  readonly dts: number;
}

interface Watcher {
  readonly play: TestPlay;
  readonly playback: Playback;
  /** Breaks that were allowed: pauses, publishers that came anew. */
  breaks: number;
}

function messagesOf(play: TestPlay): SeenMessage[] {
  const bytes = play.sink.bytes;
  if (play.format.key.startsWith('rtmp')) return readRtmp(bytes, CHUNK, 1);
  if (play.format.key.startsWith('flv:chunked')) return readFlv(unchunk(bytes).body).messages;
  if (play.format.key.startsWith('flv:websocket')) return readFlv(unwebsocket(bytes).body).messages;
  return readFlv(bytes).messages;
}

function frameId(message: SeenMessage): number | undefined {
  if (message.kind === 'data' || message.body[1] === 0) return undefined;
  return message.body.readUInt32BE(message.kind === 'video' ? 5 : 2);
}

function run(options: StreamOptions, steps: readonly Step[]): void {
  const clock = new ManualClock();
  const hub = createHub({ clock, logger: silentLogger, optionsFor: () => options });
  const sent: Sent[] = [];
  let lease = hub.publish(LIVE_DEMO, sessionOf('p'));
  let dts = 5_000_000;
  let count = 0;
  const begin = (): void => {
    for (const frame of [metadata(0), videoConfig(0), audioConfig(0)]) lease.write(frame);
    count = 0;
  };
  const write = (frame: Frame, id: number): void => {
    sent.push({ id, keyframe: frame.isKeyframe, video: frame.kind === 'video', dts: frame.dts });
    lease.write(frame);
  };
  const media = (frames: number): void => {
    for (let n = 0; n < frames; n += 1) {
      const id = sent.length;
      // Audio is a little behind video, as encoders send it.
      if (count % 2 === 0) write(videoFrame(dts, count % 24 === 0, id, 30 + (id % 100)), id);
      else write(audioFrame(dts - 13, id), id);
      if (count % 2 === 1) dts += 40;
      count += 1;
      clock.advance(20);
    }
  };
  begin();
  const watchers: Watcher[] = [];
  const pick = (who: number): Watcher | undefined => watchers[who % Math.max(1, watchers.length)];
  for (const at of steps) {
    if (at.do === 'media') {
      media(at.frames);
    } else if (at.do === 'join') {
      const format = FORMATS[at.format];
      const stream = hub.find(LIVE_DEMO);
      assert.ok(format !== undefined && stream !== undefined);
      const play = playRequest(`v${watchers.length}`, format);
      watchers.push({ play, playback: stream.play(play), breaks: 0 });
    } else if (at.do === 'republish') {
      lease.release();
      clock.advance(100);
      lease = hub.publish(LIVE_DEMO, sessionOf('p'));
      dts = 77_000;
      begin();
      for (const watcher of watchers) watcher.breaks += 1;
    } else if (at.do === 'config') {
      lease.write(videoConfig(0, sent.length & 255));
    } else {
      const watcher = pick(at.who);
      if (watcher === undefined) continue;
      const { sink } = watcher.play;
      if (at.do === 'leave') watcher.playback.close();
      if (at.do === 'stall') sink.reading = false;
      if (at.do === 'read') {
        sink.reading = true;
        sink.pendingBytes = 0;
        watcher.playback.drained();
      }
      if (at.do === 'pause') {
        watcher.playback.pause();
        watcher.breaks += 1;
      }
      if (at.do === 'resume') watcher.playback.resume();
    }
  }
  clock.advance(1_000);
  for (const { play, playback, breaks } of watchers) check(play, playback.stats.drops + breaks, sent);
  lease.release();
  for (const { playback } of watchers) playback.close();
  clock.advance(400);
  assert.deepEqual(hub.list(), []);
  assert.equal(clock.pending, 0, 'no timer is left');
}

function check(play: TestPlay, breaksAllowed: number, sent: readonly Sent[]): void {
  const seen = messagesOf(play);
  const last = { audio: -1, video: -1 };
  let before: number | undefined;
  let breaks = 0;
  let configs = 0;
  const offsets: { time: number; dts: number } = { time: 0, dts: 0 };
  for (const message of seen) {
    if (message.kind === 'data') continue;
    assert.ok(message.time >= last[message.kind], `${message.kind} goes forward`);
    last[message.kind] = message.time;
    const id = frameId(message);
    if (id === undefined) {
      configs += 1;
      continue;
    }
    const frame = sent[id];
    assert.ok(frame !== undefined && frame.video === (message.kind === 'video'));
    if (before === undefined || id !== before + 1) {
      assert.ok(before === undefined || id > before, `frame ${id} after ${before}: again`);
      assert.ok(frame.keyframe, `begins with a keyframe, not frame ${id} after ${before}`);
      if (before === undefined) {
        assert.ok(configs >= 2, 'config records come first');
        assert.ok(message.time <= 40, `from zero, not ${message.time}`);
      } else {
        breaks += 1;
      }
    } else if (id - 1 >= 0) {
      const previous = sent[before];
      // The clock of the viewer runs as the publisher's did; frames before the base are set to it.
      if (previous !== undefined && !frame.keyframe && offsets.time > 40) {
        assert.ok(
          Math.abs(message.time - offsets.time - (frame.dts - offsets.dts)) <= 13,
          `step of frame ${id}: ${message.time - offsets.time} not ${frame.dts - offsets.dts}`,
        );
      }
    }
    offsets.time = message.time;
    offsets.dts = frame.dts;
    before = id;
  }
  assert.ok(breaks <= breaksAllowed, `${breaks} breaks, ${breaksAllowed} allowed`);
}

const VARIANTS: readonly { readonly name: string; readonly options: Partial<StreamOptions> }[] = [
  { name: 'window 0', options: {} },
  { name: 'window 350 ms', options: { minLatency: false, mwAdaptive: false } },
  { name: 'no gop cache', options: { gopCache: false } },
  {
    name: 'queue of 1 s',
    options: { queueLengthMs: 1_000, minLatency: false, mwAdaptive: false, mwLatencyMs: 100 },
  },
  { name: 'queue of 2000 bytes', options: { queueMaxBytes: 2_000 } },
  { name: 'send_min_interval', options: { sendMinIntervalMs: 10 } },
];

for (const { name, options } of VARIANTS) {
  test(`whatever viewers do, each sees whole media from a keyframe on: ${name}`, () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 3, maxLength: 40 }), (steps) => {
        run({ ...STREAM_OPTIONS, ...options }, steps);
      }),
      {
        numRuns: 150,
        interruptAfterTimeLimit: 4_000,
        markInterruptAsFailure: false,
        includeErrorInReport: true,
      },
    );
  });
}
