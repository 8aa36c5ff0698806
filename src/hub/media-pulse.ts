import type { Frame } from '../media/frame.ts';
import { RateMeter } from './rate-meter.ts';

/** Length of one measurement of how far sound and picture are apart, ms. */
const PERIOD_MS = 5_000;
/** Sound and picture that came within so long of each other came together, ms; else one of them is missing. */
const TOGETHER_MS = 1_000;

/** How the media of a publisher comes. Times are those of the clock, ms; what has not come yet is undefined. */
export interface Pulse {
  /** Pictures per second over the last seconds. */
  readonly videoFps: number;
  /** Length of the last whole group of pictures in stream time, ms. */
  readonly gopMs: number | undefined;
  /** How much later in stream time sound comes than the picture next to it, mean of the last seconds, ms; below 0: it is behind. */
  readonly avOffsetMs: number | undefined;
  /** The farthest that sound and picture next to each other were apart in the last seconds, ms. */
  readonly interleaveMs: number;
  readonly keyframeAt: number | undefined;
  readonly videoAt: number | undefined;
  readonly audioAt: number | undefined;
  /** Of sound, without the headers of its container. */
  readonly audioBytes: number;
  /** Of the last keyframe, and of all pictures that are none. */
  readonly keyframeBytes: number | undefined;
  readonly deltaBytes: number;
  readonly deltaFrames: number;
}

/** Counts what of a publisher's media tells whether it is well. A few additions a frame, once for all viewers. */
export class MediaPulse {
  readonly #pictures = new RateMeter();
  #gopMs: number | undefined;
  #keyDts: number | undefined;
  #keyframeAt: number | undefined;
  #videoAt: number | undefined;
  #audioAt: number | undefined;
  #videoDts = 0;
  #audioDts = 0;
  #audioBytes = 0;
  #keyframeBytes: number | undefined;
  #deltaBytes = 0;
  #deltaFrames = 0;
  #since = 0;
  #sum = 0;
  #count = 0;
  #widest = 0;
  #sumBefore = 0;
  #countBefore = 0;
  #widestBefore = 0;

  /** A publisher begins. */
  begin(now: number): void {
    this.#pictures.reset(now);
    this.#gopMs = undefined;
    this.#keyDts = undefined;
    this.#keyframeAt = undefined;
    this.#videoAt = undefined;
    this.#audioAt = undefined;
    this.#audioBytes = 0;
    this.#keyframeBytes = undefined;
    this.#deltaBytes = 0;
    this.#deltaFrames = 0;
    this.#since = now;
    this.#sum = 0;
    this.#count = 0;
    this.#widest = 0;
    this.#sumBefore = 0;
    this.#countBefore = 0;
    this.#widestBefore = 0;
  }

  /** An access unit in stream time. */
  add(frame: Frame, now: number): void {
    if (frame.kind === 'video') {
      this.#pictures.add(1, now);
      this.#videoAt = now;
      this.#videoDts = frame.dts;
      if (frame.isKeyframe) {
        if (this.#keyDts !== undefined) this.#gopMs = frame.dts - this.#keyDts;
        this.#keyDts = frame.dts;
        this.#keyframeAt = now;
        this.#keyframeBytes = frame.flvBody.length - frame.payloadOffset;
      } else {
        this.#deltaBytes += frame.flvBody.length - frame.payloadOffset;
        this.#deltaFrames += 1;
      }
      if (this.#audioAt === undefined || now - this.#audioAt > TOGETHER_MS) return;
    } else {
      this.#audioAt = now;
      this.#audioDts = frame.dts;
      this.#audioBytes += frame.flvBody.length - frame.payloadOffset;
      if (this.#videoAt === undefined || now - this.#videoAt > TOGETHER_MS) return;
    }
    if (now - this.#since >= PERIOD_MS) this.#turn(now);
    const offset = this.#audioDts - this.#videoDts;
    this.#sum += offset;
    this.#count += 1;
    this.#widest = Math.max(this.#widest, Math.abs(offset));
  }

  read(now: number): Pulse {
    const count = this.#count + this.#countBefore;
    return {
      videoFps: this.#videoAt === undefined ? 0 : this.#pictures.perSecond(now),
      gopMs: this.#gopMs,
      avOffsetMs: count === 0 ? undefined : Math.round((this.#sum + this.#sumBefore) / count),
      interleaveMs: Math.round(Math.max(this.#widest, this.#widestBefore)),
      keyframeAt: this.#keyframeAt,
      videoAt: this.#videoAt,
      audioAt: this.#audioAt,
      audioBytes: this.#audioBytes,
      keyframeBytes: this.#keyframeBytes,
      deltaBytes: this.#deltaBytes,
      deltaFrames: this.#deltaFrames,
    };
  }

  #turn(now: number): void {
    this.#sumBefore = this.#sum;
    this.#countBefore = this.#count;
    this.#widestBefore = this.#widest;
    this.#sum = 0;
    this.#count = 0;
    this.#widest = 0;
    this.#since = now;
  }
}
