import { ServerError } from '../../base/errors.ts';
import type { Frame } from '../../media/frame.ts';
import { TrackFeed, type DashPiece, type DashTrack } from './track-feed.ts';

/** Bytes of one segment, all tracks; it is cut then, keyframe or not. */
export const MAX_DASH_SEGMENT_BYTES = 64 * 1024 * 1024;

/** Samples of one segment: timestamps that are all equal reach no length. */
export const MAX_DASH_SEGMENT_SAMPLES = 32_768;

/** A segment that waits for a keyframe is cut without one after so many times its length. */
const MAX_LENGTHS_WITHOUT_KEYFRAME = 4;
/** The same, at least, ms: keyframes every ten seconds are common where segments of a second are wished for. */
const MIN_WAIT_FOR_KEYFRAME_MS = 20_000;
/** Sound without the pictures that a config record announced makes no segment before, ms. */
const WAIT_FOR_PICTURES_MS = 10_000;
/** A period that would be shorter is left out, ms: a codec that changes with each frame would fill the disk. */
const MIN_PERIOD_MS = 200;
/** Steps of time that are no stream any more but another one, ms; only streams with `time_jitter off` have them. */
const BACK_STEP_MS = 5_000;
const FORWARD_STEP_MS = 60_000;

/** A segment of every track of a period. */
export interface DashSegment {
  /** Changes where players must begin anew: publisher, codec, tracks, a jump of time. */
  readonly period: number;
  readonly tracks: readonly DashTrack[];
  readonly pieces: readonly DashPiece[];
}

export interface SegmenterOptions {
  readonly fragmentMs: number;
  onSegment(segment: DashSegment): void;
  /** A track that cannot be written is left out; told once for each reason and publisher. */
  onProblem(error: ServerError): void;
}

/** Frames of a stream → segments. A period begins with a picture where there are pictures; audio is cut where video is. */
export class DashSegmenter {
  readonly #options: SegmenterOptions;
  readonly #video = new TrackFeed('video');
  readonly #audio = new TrackFeed('audio');
  readonly #told = new Set<string>();
  #period = 0;
  /** Of the period; undefined before its first segment. */
  #tracks: readonly DashTrack[] | undefined;
  /** Decoding time of the first frame that waits, and of the last, ms. */
  #startDts: number | undefined;
  #lastDts: number | undefined;

  constructor(options: SegmenterOptions) {
    this.#options = options;
  }

  /** Another publisher, who will send all config records. */
  beginPublication(): void {
    this.end();
    this.#video.reset();
    this.#audio.reset();
    this.#told.clear();
    this.#lastDts = undefined;
  }

  /** Gives out what waits. */
  end(): void {
    this.#endPeriod();
    this.#video.active = false;
    this.#audio.active = false;
  }

  push(frame: Frame): void {
    if (frame.kind === 'data') return;
    const feed = frame.kind === 'video' ? this.#video : this.#audio;
    try {
      if (feed.changes(frame)) {
        this.#leave(feed);
        feed.configure(frame);
      }
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      this.#refuse(feed, error);
      return;
    }
    if (frame.isConfig || frame.payloadOffset >= frame.flvBody.length) return;
    if (feed.track === undefined) {
      this.#tell(new ServerError('CODEC_INVALID', `${feed.kind} without a config record is left out`));
      return;
    }
    if (feed.kind === 'video') this.#pushVideo(frame);
    else this.#pushAudio(frame);
  }

  #pushVideo(frame: Frame): void {
    const video = this.#video;
    if (this.#isJump(frame)) {
      if (!frame.isKeyframe) return;
      this.#jump();
    }
    if (!video.active) {
      if (!frame.isKeyframe) return;
      if (this.#tracks === undefined) this.#dropWaiting();
      else this.#endPeriod();
      video.active = true;
    } else if (this.#isDue(frame, frame.isKeyframe)) {
      this.#cut(frame.dts);
    }
    this.#take(video, frame);
  }

  #pushAudio(frame: Frame): void {
    const { fragmentMs } = this.#options;
    const audio = this.#audio;
    if (this.#isJump(frame)) {
      if (this.#video.active) return; // The pictures decide, so that both go together.
      this.#jump();
    }
    if (!audio.active) {
      if (this.#tracks !== undefined) this.#endPeriod();
      audio.active = true;
    } else if (this.#isDue(frame, !this.#video.active)) {
      const length = frame.dts - (this.#startDts ?? frame.dts);
      const early = this.#tracks === undefined && this.#video.track !== undefined;
      if (!early || length >= Math.max(fragmentMs, WAIT_FOR_PICTURES_MS)) this.#cut(undefined);
    }
    this.#take(audio, frame);
  }

  #take(feed: TrackFeed, frame: Frame): void {
    if (!feed.push(frame)) return;
    this.#startDts ??= frame.dts;
    this.#lastDts = frame.dts;
  }

  /** True when the segment that waits ends before `frame`. `mayCut`: it is a good place. */
  #isDue(frame: Frame, mayCut: boolean): boolean {
    const { fragmentMs } = this.#options;
    if (this.#startDts === undefined) return false;
    const length = frame.dts - this.#startDts;
    if (mayCut && length >= fragmentMs) return true;
    return (
      length >= Math.max(MAX_LENGTHS_WITHOUT_KEYFRAME * fragmentMs, MIN_WAIT_FOR_KEYFRAME_MS) ||
      this.#video.pendingBytes + this.#audio.pendingBytes + frame.flvBody.length > MAX_DASH_SEGMENT_BYTES ||
      this.#video.waiting >= MAX_DASH_SEGMENT_SAMPLES ||
      this.#audio.waiting >= MAX_DASH_SEGMENT_SAMPLES
    );
  }

  #isJump(frame: Frame): boolean {
    const step = frame.dts - (this.#lastDts ?? frame.dts);
    return step < -BACK_STEP_MS || step > FORWARD_STEP_MS;
  }

  #jump(): void {
    this.#endPeriod();
    this.#video.active = false;
    this.#audio.active = false;
    this.#video.restart();
    this.#audio.restart();
    this.#lastDts = undefined;
  }

  #cut(nextVideoDts: number | undefined): void {
    const pieces: DashPiece[] = [];
    const tracks: DashTrack[] = [];
    for (const feed of [this.#video, this.#audio]) {
      const piece = feed.cut(nextVideoDts);
      if (piece === undefined || feed.track === undefined) continue;
      pieces.push(piece);
      tracks.push(feed.track);
    }
    this.#startDts = undefined;
    if (pieces.length === 0) return;
    this.#tracks ??= tracks;
    this.#options.onSegment({ period: this.#period, tracks: this.#tracks, pieces });
  }

  /** Gives out what waits and begins a period, in which the same tracks go on. */
  #endPeriod(): void {
    const lengthMs = (this.#lastDts ?? 0) - (this.#startDts ?? 0);
    if (this.#tracks === undefined && lengthMs < MIN_PERIOD_MS) this.#dropWaiting();
    else this.#cut(undefined);
    this.#tracks = undefined;
    this.#period += 1;
  }

  #dropWaiting(): void {
    for (const feed of [this.#video, this.#audio]) if (feed.waiting > 0) feed.restart();
    this.#startDts = undefined;
  }

  /** A track ends, or becomes another one. */
  #leave(feed: TrackFeed): void {
    if (!feed.active) return;
    this.#endPeriod();
    feed.active = false;
  }

  #refuse(feed: TrackFeed, error: ServerError): void {
    this.#leave(feed);
    feed.reset();
    this.#tell(error);
  }

  #tell(error: ServerError): void {
    // A few reasons at most: what a message quotes of a frame must not make it another one each time.
    const key = `${error.code} ${error.message.replace(/\d+/g, '#')}`;
    if (this.#told.size >= 8 || this.#told.has(key)) return;
    this.#told.add(key);
    this.#options.onProblem(error);
  }
}
