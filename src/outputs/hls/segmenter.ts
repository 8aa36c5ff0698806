import type { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import type { Frame } from '../../media/frame.ts';
import type { SegmentContainer, Tracks } from './containers.ts';
import { SampleTimes } from './sample-times.ts';
import { TrackClock } from './track-clock.ts';
import { TrackSet } from './track-set.ts';

/** Bytes of one segment in memory: some 50 Mbit/s over ten seconds. Beyond it a segment is cut wherever it is. */
export const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;
/** Frames of one segment: keeps tiny ones from costing without end. */
export const MAX_SEGMENT_FRAMES = 60_000;
/** A stream whose keyframes are further apart is cut between them: at this length, ms, or at four fragments if those are longer. */
const MAX_SEGMENT_MS = 60_000;
const MAX_SEGMENT_FRAGMENTS = 4;
/** A segment that is full before it is so long has timestamps that stand still, ms. */
const LEAST_SEGMENT_MS = 10;

/** How long the first segment waits for the other track to show itself, ms of stream time. */
const START_WAIT_MS = 1_000;
/** What waits meanwhile. */
const MAX_EARLY_FRAMES = 2_000;
const MAX_EARLY_BYTES = 8 * 1024 * 1024;
/** How long sound waits for the first keyframe, ms of stream time. */
const KEYFRAME_WAIT_MS = 10_000;

/** Keyframes come a little early when encoders round: this still counts as a whole fragment. */
const MAX_EARLY_CUT_MS = 20;

/** Settings of a segmenter; see `HlsOptions`. */
export interface SegmenterOptions {
  readonly fragmentMs: number;
  readonly audioOnlyRatio: number;
  readonly waitKeyframe: boolean;
  readonly expectsAudio: boolean;
  readonly expectsVideo: boolean;
  readonly audioTimes: 'stream' | 'samples';
  /** Parts of at most so many ms; undefined = none. */
  readonly partMs: number | undefined;
}

/** Told what the segmenter made. */
export interface SegmentSink {
  /** How much longer than a fragment the segment in progress should be, ms. */
  readonly correctionMs: number;
  /**
   * A segment begins at `startMs` of stream time. `run` counts the discontinuities so far; segments of one run share the
   * tracks and `init`, what has to be in front of them.
   */
  segmentBegan(startMs: number, run: number, tracks: Tracks, init: Buffer | undefined): void;
  partDone(bytes: Buffer, durationMs: number, independent: boolean): void;
  segmentDone(bytes: Buffer, durationMs: number, videoFrames: number): void;
  /** The segment in progress is nothing. */
  segmentDropped(): void;
  /** The segment in progress does not begin with a keyframe. */
  dependent(): void;
  /** Frames that could not be used. */
  problem(error: ServerError): void;
}

/** Decides where segments and parts begin and end. Knows no files and no playlists. */
export class Segmenter {
  readonly #options: SegmenterOptions;
  readonly #container: SegmentContainer;
  readonly #sink: SegmentSink;
  readonly #set = new TrackSet();
  readonly #clock: TrackClock;
  readonly #times: SampleTimes | undefined;
  /** Codecs and records that were refused in this publication. */
  readonly #refused = new Set<string>();
  #running = false;
  #jumped = true;
  #run = 0;
  #init: Buffer | undefined;
  #waited = false;
  #early: Frame[] = [];
  #earlyBytes = 0;
  #needsKeyframe = false;
  /** Time of the first frame of other sound, which waits for a keyframe, ms. */
  #newSoundAt: number | undefined;
  #waitingSince: number | undefined;
  // Of the segment in progress.
  #startMs: number | undefined;
  #videoFrames = 0;
  #frames = 0;
  // Of the part in progress.
  #partStartMs = 0;
  #partFrames = 0;
  #partIndependent = true;
  /** The last picture and what came behind it: a part ends before it or it ends the part, the next picture tells. */
  #held: Frame[] = [];
  #audioAtPicture: number | undefined;

  constructor(options: SegmenterOptions, container: SegmentContainer, sink: SegmentSink) {
    this.#options = options;
    this.#clock = new TrackClock(options);
    this.#container = container;
    this.#sink = sink;
    this.#times = options.audioTimes === 'samples' ? new SampleTimes() : undefined;
  }

  /** Frames that had no place: empty ones and those before their config record. */
  get skipped(): number {
    return this.#set.skipped;
  }

  /** The next frame is another publisher's. */
  newPublication(): void {
    this.finish();
    this.#set.reset();
    this.#refused.clear();
    this.#waited = false;
    this.#early = [];
    this.#earlyBytes = 0;
  }

  take(frame: Frame): void {
    try {
      const reading = this.#set.read(frame);
      if (reading === 'none') return;
      if (reading === 'changes') {
        this.#change(frame);
        if (frame.isConfig) return;
      }
      if (this.#waitsForKeyframe(frame)) return;
      if (this.#running) this.#media(frame);
      else this.#wait(frame);
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      this.#refuse(frame, error);
    }
  }

  /** Ends the segment in progress: nothing follows, or nothing that continues it. */
  finish(): void {
    if (!this.#running && this.#early.length > 0) this.#start();
    const end = this.#endOfMedia();
    const [last] = this.#held;
    if (last !== undefined) this.#endFullPart(last.dts, end);
    this.#flushHeld();
    if (this.#startMs !== undefined) this.#cut(end);
    this.#running = false;
    this.#newSoundAt = undefined;
  }

  /** Throws the segment in progress away, and waits for a keyframe. */
  discard(): void {
    this.#held = [];
    this.#early = [];
    this.#earlyBytes = 0;
    this.#dropSegment();
    this.#running = false;
    this.#newSoundAt = undefined;
  }

  /** Another codec, or a track that was not there. */
  #change(frame: Frame): void {
    if (frame.codec === 'aac') this.#times?.configure(frame);
    const pictures = this.#videoFrames > 0 && this.#options.waitKeyframe;
    if (this.#running && frame.kind === 'audio' && pictures) this.#newSoundAt ??= frame.dts;
    else if (this.#running) this.finish();
    else if (this.#early.length > 0) this.#early = this.#early.filter(({ kind }) => kind !== frame.kind);
  }

  /** Other sound begins with the next keyframe: what is behind it could not be decoded in a segment that begins before. */
  #waitsForKeyframe(frame: Frame): boolean {
    if (this.#newSoundAt === undefined) return false;
    if (this.#running && !frame.isKeyframe && frame.dts - this.#newSoundAt < KEYFRAME_WAIT_MS) {
      return frame.kind === 'audio';
    }
    if (this.#running) this.finish();
    return false;
  }

  #refuse(frame: Frame, error: ServerError): void {
    const what = `${frame.kind} ${frame.codec} ${error.code}`;
    if (this.#refused.has(what)) return;
    this.#refused.add(what);
    this.#sink.problem(error);
  }

  #wait(frame: Frame): void {
    this.#early.push(frame);
    this.#earlyBytes += frame.flvBody.length;
    const { expectsAudio, expectsVideo } = this.#options;
    const { video, audio } = this.#set.tracks;
    const known = (video !== undefined || !expectsVideo) && (audio !== undefined || !expectsAudio);
    const waitedMs = Math.abs(frame.dts - (this.#early[0]?.dts ?? frame.dts));
    const full = this.#early.length >= MAX_EARLY_FRAMES || this.#earlyBytes >= MAX_EARLY_BYTES;
    if (known || this.#waited || full || waitedMs >= START_WAIT_MS) this.#start();
  }

  #start(): void {
    const early = this.#early;
    this.#early = [];
    this.#earlyBytes = 0;
    this.#waited = true;
    this.#needsKeyframe = this.#options.waitKeyframe && this.#set.tracks.video !== undefined;
    this.#waitingSince = undefined;
    this.#open();
    for (const frame of early) this.#media(frame);
  }

  #open(): void {
    this.#container.open(this.#set.tracks, this.#jumped);
    this.#init = this.#container.init();
    this.#jumped = false;
    this.#run += 1;
    this.#running = true;
  }

  #media(told: Frame): void {
    const frame = told.kind === 'audio' && this.#times !== undefined ? this.#times.at(told) : told;
    if (this.#needsKeyframe && !this.#isAwaited(frame)) return;
    if (this.#clock.jumps(frame)) {
      this.finish();
      this.#jumped = true;
      this.#clock.forget();
      this.#open();
    }
    if (this.#options.partMs === undefined) {
      this.#cutBefore(frame);
      this.#write(frame);
    } else {
      this.#takeLowLatency(frame, this.#options.partMs);
    }
    this.#clock.note(frame);
  }

  #isAwaited(frame: Frame): boolean {
    this.#waitingSince ??= frame.dts;
    if (!frame.isKeyframe && frame.dts - this.#waitingSince < KEYFRAME_WAIT_MS) return false;
    this.#needsKeyframe = false;
    return true;
  }

  /** Where what was taken so far ends, ms. */
  #endOfMedia(): number {
    return this.#clock.end(this.#videoFrames > 0 || this.#held.some(({ kind }) => kind === 'video'));
  }

  /** Ends the segment before a frame if it is its time. */
  #cutBefore(frame: Frame): void {
    if (this.#startMs === undefined) return;
    const elapsed = frame.dts - this.#startMs;
    if (this.#container.bytes >= MAX_SEGMENT_BYTES || this.#frames >= MAX_SEGMENT_FRAMES) {
      if (elapsed >= LEAST_SEGMENT_MS) {
        this.#cut(frame.dts);
        return;
      }
      this.#dropSegment();
      this.#refuse(
        frame,
        new ServerError(
          'HLS_INPUT_INVALID',
          'the timestamps stand still: a segment is full and has no length',
        ),
      );
      return;
    }
    if (this.#isTime(frame, elapsed)) this.#cut(frame.dts);
  }

  #isTime(frame: Frame, elapsed: number): boolean {
    const { fragmentMs, audioOnlyRatio, waitKeyframe } = this.#options;
    if (elapsed >= Math.max(MAX_SEGMENT_MS, MAX_SEGMENT_FRAGMENTS * fragmentMs)) return true;
    if (frame.kind === 'audio') {
      const aloneMs = Math.max(1, audioOnlyRatio) * fragmentMs;
      // Also when the pictures have stopped.
      const stopped = this.#videoFrames === 0 || frame.dts - (this.#clock.lastVideo ?? 0) >= aloneMs;
      return stopped && elapsed >= aloneMs;
    }
    if (waitKeyframe && !frame.isKeyframe) return false;
    const early = Math.min(MAX_EARLY_CUT_MS, fragmentMs / 50);
    return elapsed >= fragmentMs + this.#sink.correctionMs - early;
  }

  #write(frame: Frame): void {
    if (this.#startMs === undefined) this.#begin(frame.dts);
    this.#frames += 1;
    if (frame.kind === 'video') {
      this.#videoFrames += 1;
      if (this.#videoFrames === 1 && !frame.isKeyframe) this.#sink.dependent();
    }
    if (this.#partFrames === 0) this.#partIndependent = this.#set.tracks.video === undefined;
    this.#partIndependent ||= frame.isKeyframe;
    this.#partFrames += 1;
    this.#container.write(frame);
  }

  #begin(startMs: number): void {
    this.#startMs = startMs;
    this.#frames = 0;
    this.#videoFrames = 0;
    this.#partStartMs = startMs;
    this.#partFrames = 0;
    this.#container.beginSegment();
    this.#sink.segmentBegan(startMs, this.#run, this.#set.tracks, this.#init);
  }

  #cut(nextMs: number): void {
    const start = this.#startMs ?? nextMs;
    const nextPicture = this.#set.tracks.video === undefined ? undefined : nextMs;
    if (this.#options.partMs !== undefined) this.#cutPart(nextMs);
    const bytes = this.#container.endSegment(nextPicture);
    this.#startMs = undefined;
    if (bytes.length === 0) this.#sink.segmentDropped();
    else this.#sink.segmentDone(bytes, Math.max(1, nextMs - start), this.#videoFrames);
  }

  #dropSegment(): void {
    if (this.#startMs === undefined) return;
    this.#startMs = undefined;
    this.#container.discard();
    this.#sink.segmentDropped();
  }

  #takeLowLatency(frame: Frame, partMs: number): void {
    const drives = frame.kind === 'video' || this.#set.tracks.video === undefined;
    if (!drives) {
      if (this.#held.length > 0) this.#held.push(frame);
      else this.#beside(frame);
      this.#withoutPictures(frame, partMs);
      return;
    }
    const [last] = this.#held;
    if (last !== undefined) {
      this.#endFullPart(last.dts, frame.dts);
      this.#flushHeld();
    }
    this.#cutBefore(frame);
    this.#held.push(frame);
    this.#audioAtPicture = undefined;
  }

  /** Ends the part before the last picture, at `lastMs`, if that would make it too long: it ends at `endMs`. */
  #endFullPart(lastMs: number, endMs: number): void {
    const { partMs } = this.#options;
    if (partMs !== undefined && this.#partFrames > 0 && endMs - this.#partStartMs > partMs)
      this.#cutPart(lastMs);
  }

  #beside(frame: Frame): void {
    this.#cutBefore(frame);
    this.#write(frame);
  }

  /** The pictures have stopped and sound goes on: parts have their full length by the clock of the sound. */
  #withoutPictures(frame: Frame, partMs: number): void {
    this.#audioAtPicture ??= frame.dts;
    if (frame.dts - this.#audioAtPicture <= partMs) return;
    this.#audioAtPicture = frame.dts;
    this.#flushHeld();
    if (this.#startMs !== undefined && this.#partFrames > 0) this.#cutPart(this.#partStartMs + partMs);
  }

  #flushHeld(): void {
    const held = this.#held;
    if (held.length === 0) return;
    this.#held = [];
    for (const frame of held) this.#write(frame);
  }

  #cutPart(nextMs: number): void {
    const nextPicture = this.#set.tracks.video === undefined ? undefined : nextMs;
    const bytes = this.#container.cutPart(nextPicture);
    if (bytes !== undefined) {
      this.#sink.partDone(bytes, Math.max(1, nextMs - this.#partStartMs), this.#partIndependent);
    }
    this.#partStartMs = nextMs;
    this.#partFrames = 0;
  }
}
