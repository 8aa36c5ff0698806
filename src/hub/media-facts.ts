import type { Frame } from '../media/frame.ts';
import { MediaPulse, type Pulse } from './media-pulse.ts';
import { RateMeter } from './rate-meter.ts';

/** After so much media or time it is taken as known which tracks a stream has, ms. */
const SETTLE_MEDIA_MS = 500;
const SETTLE_TIME_MS = 1_000;

/** What came of the present publisher: the last frame of each kind, how much, and whether its tracks are known. */
export class MediaFacts {
  readonly #rate = new RateMeter();
  readonly #pulse = new MediaPulse();
  /** The last access unit of each kind. */
  lastVideo: Frame | undefined;
  lastAudio: Frame | undefined;
  videoFrames = 0;
  audioFrames = 0;
  receivedBytes = 0;
  /** It is known which tracks the stream has. */
  settled = false;
  #since = 0;
  #firstDts: number | undefined;

  /** A publisher begins. */
  begin(now: number): void {
    this.clear();
    this.receivedBytes = 0;
    this.#rate.reset(now);
    this.#pulse.begin(now);
    this.#since = now;
  }

  /** Nothing is there. What came stays counted until the next publisher: it is asked for when the one before has gone. */
  clear(): void {
    this.lastVideo = undefined;
    this.lastAudio = undefined;
    this.videoFrames = 0;
    this.audioFrames = 0;
    this.settled = false;
    this.#firstDts = undefined;
  }

  /** The bytes of any frame, before anything is decided about it. */
  received(bytes: number, now: number): void {
    this.receivedBytes += bytes;
    this.#rate.add(bytes, now);
  }

  /** kbit/s over the last seconds. */
  kbps(now: number): number {
    return this.#rate.kbps(now);
  }

  pulse(now: number): Pulse {
    return this.#pulse.read(now);
  }

  /** An access unit in stream time; true for the first of its kind. */
  add(frame: Frame, now: number): boolean {
    this.#pulse.add(frame, now);
    if (frame.kind === 'video') {
      const first = this.lastVideo === undefined;
      this.videoFrames += 1;
      this.lastVideo = frame;
      return first;
    }
    const first = this.lastAudio === undefined;
    this.audioFrames += 1;
    this.lastAudio = frame;
    return first;
  }

  /** Looks whether the tracks are known: both are there, or enough media or time has passed. `dts` of an access unit. */
  settle(bothKinds: boolean, now: number, dts?: number): void {
    if (dts !== undefined) {
      this.#firstDts ??= dts;
      if (dts - this.#firstDts > SETTLE_MEDIA_MS) this.settled = true;
    }
    this.settled ||= bothKinds || now - this.#since > SETTLE_TIME_MS;
  }
}
