import type { Frame } from '../../media/frame.ts';

/** A step back of a track by more than this is a jump, ms; a step ahead of all of them by a gap that no player waits for. */
const MAX_BACK_MS = 1_000;
const LEAST_GAP_MS = 10_000;
const LEAST_GAP_FRAMES = 3;
/** How long a frame lasts when none came before it, ms. */
const USUAL_FRAME_MS = 40;

/** What the last frames of one kind said. */
class Track {
  /** Time of the last frame, ms. */
  last: number | undefined;
  /** The last step ahead, ms. */
  step = USUAL_FRAME_MS;
  /** Between the last two frames, also over a gap, ms. */
  distance: number | undefined;
}

/** Where the tracks of a stream are: tells jumps from steps, and where what came so far ends. */
export class TrackClock {
  readonly #fragmentMs: number;
  readonly #partMs: number | undefined;
  readonly #video = new Track();
  readonly #audio = new Track();
  #lastAny = 0;

  constructor({ fragmentMs, partMs }: { readonly fragmentMs: number; readonly partMs: number | undefined }) {
    this.#fragmentMs = fragmentMs;
    this.#partMs = partMs;
  }

  /** Time of the last picture, ms. */
  get lastVideo(): number | undefined {
    return this.#video.last;
  }

  /** Whether the frame does not continue what came before it: asked once for each, before `note`. */
  jumps(frame: Frame): boolean {
    const track = this.#track(frame);
    if (track.last === undefined) return false;
    if (frame.dts < track.last - MAX_BACK_MS) return true;
    const gap = this.#leastGap(track, frame.dts - track.last);
    return frame.dts > track.last + gap && frame.dts > this.#lastAny + gap;
  }

  note(frame: Frame): void {
    const track = this.#track(frame);
    if (track.last !== undefined && frame.dts > track.last) track.step = frame.dts - track.last;
    track.last = frame.dts;
    this.#lastAny = frame.dts;
  }

  /** After a jump: what was before says nothing. */
  forget(): void {
    this.#video.last = undefined;
    this.#audio.last = undefined;
  }

  /** Where what was noted so far ends, ms. `pictures`: there are some in it. */
  end(pictures: boolean): number {
    const video = (this.#video.last ?? 0) + Math.min(this.#video.step, MAX_BACK_MS);
    const audio = (this.#audio.last ?? 0) + Math.min(this.#audio.step, MAX_BACK_MS);
    if (!pictures) return this.#audio.last === undefined ? video : audio;
    // What comes behind it must not lie over the sound.
    return this.#audio.last === undefined || audio - video > MAX_BACK_MS ? video : Math.max(video, audio);
  }

  #track(frame: Frame): Track {
    return frame.kind === 'video' ? this.#video : this.#audio;
  }

  /**
   * How long a silence of all tracks is a gap, before a frame that stands `distance` ms behind the last one of its kind. A part
   * that spans a gap would make the part target, which cannot sink again, as long: so with parts it is far less, unless frames
   * are always that rare.
   */
  #leastGap(track: Track, distance: number): number {
    const before = track.distance;
    track.distance = distance;
    const gap = Math.max(LEAST_GAP_MS, this.#fragmentMs);
    if (this.#partMs === undefined || before === undefined) return gap;
    return Math.min(gap, Math.max(this.#partMs, LEAST_GAP_FRAMES * before));
  }
}
