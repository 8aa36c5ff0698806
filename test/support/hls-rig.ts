import assert from 'node:assert/strict';
import type { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerError } from '../../src/base/errors.ts';
import { TimerWheel } from '../../src/base/timer-wheel.ts';
import { readMediaPlaylist, type MediaPlaylist } from '../../src/containers/m3u8/index.ts';
import { TsDemuxer } from '../../src/containers/mpegts/index.ts';
import type { OutputFailed, SegmentDone, StreamOutput } from '../../src/hub/output-events.ts';
import type { StreamName } from '../../src/hub/ports.ts';
import type { Frame } from '../../src/media/frame.ts';
import { HlsOutputs, type HlsDeps, type HlsOptions } from '../../src/outputs/hls/index.ts';
import { DelayedRemovals } from '../../src/storage/delayed-removals.ts';
import { nodeFileSystem, type FileSystem } from '../../src/storage/file-system.ts';
import { LiveResources } from '../../src/storage/live-resources.ts';
import { HlsValidator } from './hls-validator.ts';
import { LIVE_DEMO, sessionOf } from './hub-fixtures.ts';
import { ManualClock } from './manual-clock.ts';
import { MemoryLogger } from './memory-logger.ts';
import { aacConfig, aacFrame, audioTime, avcConfig, picture } from './ts-frames.ts';

/** 2026-01-02 03:04:05.000 UTC. */
const BEGIN_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

/** The HLS outputs of one server with a clock that stands still, on a folder of their own. */
export class HlsRig {
  readonly dir: string;
  readonly clock = new ManualClock();
  readonly wheel = new TimerWheel(this.clock);
  readonly logger = new MemoryLogger();
  readonly resources = new LiveResources(256 * 1024 * 1024);
  readonly removals: DelayedRemovals;
  readonly segments: SegmentDone[] = [];
  readonly failures: OutputFailed[] = [];
  /** Why publishers were sent away. */
  readonly closed: ServerError[] = [];
  readonly #options: Partial<HlsOptions>;
  readonly #deps: HlsDeps;
  outputs: HlsOutputs;
  #output: StreamOutput | undefined;
  #publication = 0;
  #closing: Promise<void> = Promise.resolve();
  /** Of the texts in memory, looked at after each frame. */
  validator: HlsValidator;
  #lastText = '';

  private constructor(
    dir: string,
    options: Partial<HlsOptions>,
    fileSystem: FileSystem,
    maxUnwrittenBytes: number | undefined,
  ) {
    this.dir = dir;
    this.#options = options;
    this.removals = new DelayedRemovals(this.wheel, () => undefined);
    const begun = this.clock.now();
    this.#deps = {
      clock: this.clock,
      wheel: this.wheel,
      unixTime: () => BEGIN_MS + this.clock.now() - begun,
      logger: this.logger,
      observer: {
        segmentDone: (event) => void this.segments.push(event),
        outputFailed: (event) => void this.failures.push(event),
      },
      resources: this.resources,
      removals: this.removals,
      fileSystem,
      ...(maxUnwrittenBytes === undefined ? {} : { maxUnwrittenBytes }),
    };
    this.outputs = new HlsOutputs(this.#deps);
    this.validator = new HlsValidator({ mayRaiseTarget: true });
  }

  static async start(
    options: Partial<HlsOptions> = {},
    fileSystem: FileSystem = nodeFileSystem,
    maxUnwrittenBytes?: number,
  ): Promise<HlsRig> {
    return new HlsRig(await mkdtemp(join(tmpdir(), 'srs-hls-')), options, fileSystem, maxUnwrittenBytes);
  }

  get options(): HlsOptions {
    return {
      root: this.dir,
      playlistFile: '[app]/[stream].m3u8',
      segmentFile: this.#options.fmp4 === true ? '[app]/[stream]-[seq].m4s' : '[app]/[stream]-[seq].ts',
      initFile: '[app]/[stream]-init.mp4',
      fmp4: false,
      fragmentMs: 2_000,
      targetRatio: 1.5,
      audioOnlyRatio: 2,
      windowMs: 10_000,
      onError: 'continue',
      floorNames: false,
      entryPrefix: '',
      expectsAudio: true,
      expectsVideo: true,
      cleanup: true,
      disposeMs: 0,
      waitKeyframe: true,
      encrypt: false,
      segmentsPerKey: 2,
      keyFile: '[app]/[stream]-[seq].key',
      keyRoot: '',
      keyUrl: '',
      audioTimes: 'stream',
      recover: true,
      lowLatency: false,
      partMs: 333,
      programDateTime: false,
      endList: false,
      viewerSessions: false,
      segmentSessions: false,
      relativeMaster: false,
      utc: true,
      ...this.#options,
    };
  }

  /** A publisher begins: a new output, or the next publication of the one that waits. */
  async publish(name: StreamName = LIVE_DEMO): Promise<void> {
    this.#publication += 1;
    if (this.#output === undefined) {
      this.#output = this.outputs.create({ name, options: this.options, after: this.#closing });
    }
    this.#output.onState('live', this.#publication);
    const session = sessionOf(`p${this.#publication}`, 'test-publish');
    this.#output.published({ ...session, close: (reason) => void this.closed.push(reason) });
    await this.opened();
  }

  /** Until the output has read what was there. */
  async opened(): Promise<void> {
    const path = join(this.dir, 'live/demo.m3u8');
    await until(() => assert.notEqual(this.resources.find(path), undefined));
  }

  /** One frame, at its time: the clock goes on with the stream. */
  give(frame: Frame): void {
    this.#output?.onFrame(frame);
    this.check();
  }

  check(): void {
    const text = this.text();
    if (text === undefined || text === this.#lastText) return;
    this.#lastText = text;
    this.validator.take(text);
  }

  /** The publisher left and may come back. */
  leave(): void {
    this.#output?.onState('waiting', this.#publication);
  }

  /** The stream is over, or switched off. */
  async end(reason: 'gone' | 'off' = 'gone'): Promise<void> {
    const output = this.#output;
    this.#output = undefined;
    this.#publication = 0;
    if (output === undefined) return;
    if (reason === 'gone') output.onEnd(reason);
    this.#closing = output.close();
    await this.#closing;
  }

  /** The process ends without a word and another one begins. */
  restart(): void {
    this.#output = undefined;
    this.#publication = 0;
    this.outputs.close();
    this.outputs = new HlsOutputs(this.#deps);
  }

  /** The playlist as the memory has it. */
  text(): string | undefined {
    const path = join(this.dir, 'live/demo.m3u8');
    return this.memory(path)?.toString('latin1');
  }

  playlist(): MediaPlaylist {
    return readMediaPlaylist(this.text() ?? '');
  }

  async diskPlaylist(): Promise<MediaPlaylist> {
    return readMediaPlaylist(await readFile(join(this.dir, 'live/demo.m3u8'), 'utf8'));
  }

  memory(path: string): Buffer | undefined {
    const answer = this.resources.find(path)?.respond({
      path,
      query: '',
      host: undefined,
      referer: undefined,
      userAgent: undefined,
      ip: '127.0.0.1',
      secure: false,
      headOnly: false,
      signal: new AbortController().signal,
    });
    return answer === undefined || answer instanceof Promise || 'status' in answer ? undefined : answer.bytes;
  }

  /** A segment, init segment or key beside the playlist. */
  disk(name: string): Buffer {
    return readFileSync(join(this.dir, 'live', name));
  }

  /** Names of all files. */
  async files(): Promise<string[]> {
    const entries = await readdir(this.dir, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.dir.length + 1))
      .sort();
  }

  async close(): Promise<void> {
    await this.end('off');
    this.outputs.close();
    await this.removals.close();
    this.wheel.close();
    await rm(this.dir, { recursive: true, force: true });
  }
}

export interface SourceOptions {
  readonly fps?: number;
  /** Ms between keyframes. */
  readonly gopMs?: number;
  readonly bFrames?: boolean;
  readonly audio?: boolean;
  readonly video?: boolean;
  readonly level?: number;
}

/** Frames of H.264 and AAC as an encoder sends them, from one time to another, config records first. */
export function* source(fromMs: number, toMs: number, options: SourceOptions = {}): Generator<Frame> {
  const { fps = 25, gopMs = 1_000, bFrames = false, audio = true, video = true, level = 31 } = options;
  if (video) yield avcConfig(fromMs, level);
  if (audio) yield aacConfig(fromMs);
  const step = 1000 / fps;
  const perGop = Math.round(gopMs / step);
  let sounds = 0;
  for (let i = 0; ; i += 1) {
    const dts = fromMs + Math.round(i * step);
    if (dts >= toMs) return;
    if (video) {
      const cts = bFrames ? ([80, 160, 40, 0][i % 4] ?? 0) : 0;
      yield picture(dts, i % perGop === 0 && bFrames ? 80 : cts, i % perGop === 0, [
        i % perGop === 0 ? 400 : 90 + (i % 7),
      ]);
    }
    while (audio && audioTime(fromMs, sounds) < fromMs + (i + 1) * step && audioTime(fromMs, sounds) < toMs) {
      yield aacFrame(audioTime(fromMs, sounds), 60 + (sounds % 11));
      sounds += 1;
    }
  }
}

/** Gives frames at their own pace. */
export function play(rig: HlsRig, frames: Iterable<Frame>): Frame[] {
  const given: Frame[] = [];
  let last: number | undefined;
  for (const frame of frames) {
    if (last !== undefined && frame.dts > last) rig.clock.advance(frame.dts - last);
    last = last === undefined ? frame.dts : Math.max(last, frame.dts);
    rig.give(frame);
    given.push(frame);
  }
  return given;
}

/** The frames of transport segments, one after another. */
export function demuxTs(segments: readonly Buffer[]): Frame[] {
  const frames: Frame[] = [];
  const demuxer = new TsDemuxer();
  for (const bytes of segments) frames.push(...demuxer.push(bytes));
  frames.push(...demuxer.end());
  const { continuityErrors, skippedBytes, badSections } = demuxer.stats;
  assert.deepEqual(
    { continuityErrors, skippedBytes, badSections },
    { continuityErrors: 0, skippedBytes: 0, badSections: 0 },
  );
  return frames;
}

/** Tries an assertion again until it holds, at most five seconds. */
export async function until(check: () => void | Promise<void>): Promise<void> {
  const end = performance.now() + 5_000;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}
