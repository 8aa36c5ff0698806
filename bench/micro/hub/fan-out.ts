/**
 * What the hub itself costs: ns per frame of a publisher nobody watches, and ns per viewer and window with sinks that only
 * count. Prints JSON.
 */
import { silentLogger } from '../../../src/base/logger.ts';
import { systemClock, type Clock } from '../../../src/base/clock.ts';
import { createHub } from '../../../src/hub/hub.ts';
import type { StreamOptions, WireFormat } from '../../../src/hub/ports.ts';
import { Frame } from '../../../src/media/frame.ts';
import { flvFormat } from '../../../src/outputs/http-live/flv-packager.ts';
import { rtmpFormat } from '../../../src/outputs/rtmp/rtmp-packager.ts';

const OPTIONS: StreamOptions = {
  gopCache: true,
  gopCacheMaxFrames: 2500,
  queueLengthMs: 30_000,
  queueMaxBytes: 16 * 1024 * 1024,
  sendTimeoutMs: 30_000,
  timeJitter: 'full',
  atc: false,
  atcAuto: false,
  mixCorrect: false,
  reduceSequenceHeader: false,
  mwLatencyMs: 350,
  mwAdaptive: false,
  minLatency: false,
  sendMinIntervalMs: 0,
  holdMs: 0,
  parseSps: true,
};
const NAME = { vhost: '__defaultVhost__', app: 'live', stream: 'bench' };
/** Frames in one window: 24 of 68 messages a second in 350 ms, 430 bytes each (237 kbps). */
const FRAMES_PER_WINDOW = 24;
const BODY = Buffer.alloc(430, 7);

/** A clock whose timers fire when the benchmark says so. */
class BenchClock implements Clock {
  time = 1;
  #due: (() => void)[] = [];

  now(): number {
    return this.time;
  }

  after(_ms: number, callback: () => void): () => void {
    this.#due.push(callback);
    return () => undefined;
  }

  every(): () => void {
    return () => undefined;
  }

  soon(callback: () => void): void {
    this.#due.push(callback);
  }

  run(ms: number): void {
    const end = this.time + ms;
    for (; this.time < end; this.time += 2) {
      const due = this.#due;
      if (due.length === 0) continue;
      this.#due = [];
      for (const callback of due) callback();
    }
  }
}

function frameAt(index: number): Frame {
  const video = index % 2 === 0;
  const dts = Math.floor(index / 2) * 29;
  return video
    ? new Frame('video', 'h264', dts, 0, index % 100 === 0, false, BODY, 5)
    : new Frame('audio', 'aac', dts, 0, false, false, BODY, 2);
}

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return Math.round(values[values.length >> 1] ?? 0);
}

function session(id: string): { id: string; ip: string; type: string; close: () => void } {
  return { id, ip: '127.0.0.1', type: 'bench', close: () => undefined };
}

/** ns per frame of `LiveStream.write` without viewers, by the real clock. */
function publishOnly(): number {
  const hub = createHub({ clock: systemClock, logger: silentLogger, optionsFor: () => OPTIONS });
  const leases = Array.from({ length: 500 }, (_, index) =>
    hub.publish({ ...NAME, stream: String(index) }, session(String(index))),
  );
  const rounds: number[] = [];
  let at = 0;
  for (let round = 0; round < 15; round += 1) {
    const frames = Array.from({ length: 200 }, (_, index) => frameAt(at + index));
    at += 200;
    const start = process.hrtime.bigint();
    for (const frame of frames) for (const lease of leases) lease.write(frame);
    rounds.push(Number(process.hrtime.bigint() - start) / (frames.length * leases.length));
  }
  hub.close();
  return median(rounds.slice(3));
}

/** ns per viewer and window; viewers join in so many groups of pictures (= time bases). */
function fanOut(format: WireFormat, viewers: number, bases: number): number {
  const clock = new BenchClock();
  const hub = createHub({ clock, logger: silentLogger, optionsFor: () => OPTIONS });
  const lease = hub.publish(NAME, session('p'));
  let at = 0;
  let bytes = 0;
  const sink = {
    pendingBytes: 0,
    write(window: Buffer): void {
      bytes += window.length;
    },
    close: () => undefined,
  };
  const window = (): void => {
    for (let n = 0; n < FRAMES_PER_WINDOW; n += 1) {
      lease.write(frameAt(at));
      at += 1;
    }
    clock.run(352);
  };
  for (let base = 0; base < bases; base += 1) {
    for (let n = 0; n < 5; n += 1) window();
    for (let n = 0; n < viewers / bases; n += 1) {
      hub.find(NAME)?.play({ session: session(`${base}-${n}`), format, sink, onEnd: () => undefined });
    }
  }
  const rounds: number[] = [];
  for (let round = 0; round < 60; round += 1) {
    const start = process.hrtime.bigint();
    window();
    rounds.push(Number(process.hrtime.bigint() - start) / viewers);
  }
  if (bytes === 0) throw new Error('nothing was written');
  hub.close();
  return median(rounds.slice(10));
}

const rtmp = rtmpFormat({ chunkSize: 60_000, streamId: 1, tracks: 'av' });
const chunked = flvFormat({ framing: 'chunked', tracks: 'av' });
console.log(
  JSON.stringify(
    {
      node: process.version,
      nsPerFrameWithoutViewers: publishOnly(),
      nsPerViewerAndWindow: {
        rtmp1000: fanOut(rtmp, 1_000, 1),
        rtmp8000: fanOut(rtmp, 8_000, 1),
        rtmp8000Bases100: fanOut(rtmp, 8_000, 100),
        flv1000: fanOut(chunked, 1_000, 1),
        flv8000Bases100: fanOut(chunked, 8_000, 100),
      },
    },
    undefined,
    2,
  ),
);
