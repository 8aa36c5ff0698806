import type { FrameKind } from '../media/frame.ts';

/** A step of one track below -250 ms or above 250 ms is suspicious: the bounds that SRS uses. */
const MAX_STEP_MS = 250;
/** What a frame gets instead of a bad step while the usual step of its track is unknown. */
const DEFAULT_STEP_MS = 10;
/** A track that begins may be so far from the other one. */
const MAX_TRACK_OFFSET_MS = 5_000;
/** A 24-bit wrap is believed when it would be a step of at most so much. */
const MAX_WRAP_STEP_MS = 10_000;
/** Pictures are presented at most so much after they are decoded; a larger composition offset is not believed. */
const MAX_REORDER_MS = 1_000;
const WRAP_24 = 0x1000000;

export type TimelineMode = 'full' | 'zero' | 'off';

class Track {
  /** The last 32-bit timestamp as it came. */
  raw = 0;
  /** The same, unwrapped. */
  unwrapped = 0;
  /** Seen since the publisher began. */
  begun = false;
  /** Output = unwrapped + shift. */
  shift = 0;
  /** Last output before it was kept from going back, ms. */
  plain = 0;
  /** Last output, ms. */
  out = 0;
  /** `out` means something; survives a republish. */
  hasOut = false;
  /** When the last frame arrived, clock ms. */
  arrived = 0;
  /** The usual step, ms. */
  step = DEFAULT_STEP_MS;
}

/**
 * The one place where timestamps are judged and repaired.
 *
 * `full`: each track never goes back and nothing jumps. A frame that does not fit is set one usual step after the one before
 * it; if the next ones fit to it, the publisher's clock has jumped and the new shift holds for every track, so that audio and
 * video keep their offset. If they do not, it was one bad frame. A gap that really passed on the arrival clock is no jump.
 * `zero`: steps are left alone, a republish continues after what was before. `off`: as it came, unwrapped past 32 bits.
 */
export class Timeline {
  #mode: TimelineMode;
  readonly #audio = new Track();
  readonly #video = new Track();
  readonly #data = new Track();
  /** The shift that the latest jump would need; a track takes it over when its frames fit to it. */
  #newest = 0;
  /** Output time at which the next frame of a new publisher continues. */
  #continueAt: number | undefined;
  /** Latest output of audio and video, ms. */
  #edge: number | undefined;
  #edgeArrived = 0;
  /** Latest presentation time near the edge, ms. */
  #lastPts = 0;
  #repairs = 0;

  constructor(mode: TimelineMode) {
    this.#mode = mode;
  }

  /** Timestamps that were replaced or clamped, and jumps that were joined. */
  get repairs(): number {
    return this.#repairs;
  }

  /**
   * A (new) publisher begins: in `full` and `zero` its first frame continues after the last output plus the real gap, and
   * after all pictures of the one before, also where those are presented later than they are decoded.
   */
  begin(mode: TimelineMode, nowMs: number): void {
    this.#mode = mode;
    this.#audio.begun = false;
    this.#video.begun = false;
    this.#data.begun = false;
    this.#newest = 0;
    this.#continueAt = undefined;
    if (this.#edge === undefined || mode === 'off') return;
    this.#continueAt = Math.max(
      this.#edge + Math.round(nowMs - this.#edgeArrived),
      Math.max(this.#edge, this.#lastPts) + DEFAULT_STEP_MS,
    );
  }

  /** Changes the mode in the middle of a publish (`atc_auto`). */
  set mode(mode: TimelineMode) {
    this.#mode = mode;
  }

  /**
   * `raw` (32-bit, ms) of an access unit that arrived at `nowMs` → its time in the stream, ms. `cts`: its composition offset,
   * ms.
   */
  map(kind: 'audio' | 'video', raw: number, nowMs: number, cts = 0): number {
    const track = kind === 'video' ? this.#video : this.#audio;
    const first = !track.begun;
    const unwrapped = this.#unwrap(track, raw);
    if (this.#continueAt !== undefined) {
      this.#newest = this.#continueAt - unwrapped;
      this.#continueAt = undefined;
    }
    if (first) track.shift = this.#newest;
    const plain = unwrapped + track.shift;
    const out =
      this.#mode !== 'full'
        ? plain
        : first
          ? this.#begin(track, unwrapped, plain, nowMs)
          : this.#judge(track, unwrapped, plain, nowMs);
    track.out = out;
    track.hasOut = true;
    track.arrived = nowMs;
    if (this.#edge === undefined || out >= this.#edge || this.#mode !== 'full') this.#edge = out;
    this.#edgeArrived = nowMs;
    const pts = out + (cts < MAX_REORDER_MS ? cts : 0);
    // Far ahead of what comes now: time went back (`zero`).
    if (pts > this.#lastPts || this.#lastPts - out > MAX_REORDER_MS) this.#lastPts = pts;
    return out;
  }

  /**
   * Config records and data go along: encoders stamp them with anything (often 0), so their time is never evidence. In `full`
   * they are set to where their track is.
   */
  follow(kind: FrameKind, raw: number): number {
    const track = kind === 'video' ? this.#video : kind === 'audio' ? this.#audio : this.#data;
    const reference = this.#reference(track);
    const plain =
      this.#continueAt ?? (reference === undefined ? raw : this.#peek(reference, raw) + reference.shift);
    if (this.#mode !== 'full') return plain;
    if (kind !== 'data') return track.begun ? track.out : (this.#continueAt ?? this.#edge ?? raw);
    const edge = this.#edge;
    let out = edge !== undefined && Math.abs(plain - edge) > MAX_STEP_MS * 4 ? edge : plain;
    if (track.hasOut && out < track.out) out = track.out;
    track.out = out;
    track.hasOut = true;
    return out;
  }

  /** The next frame of a running track, mode `full`. */
  #judge(track: Track, unwrapped: number, plain: number, nowMs: number): number {
    const furthest = Math.max(0, nowMs - track.arrived) + MAX_STEP_MS;
    const step = plain - track.out;
    const fits = step >= -MAX_STEP_MS && step <= furthest;
    if (this.#newest !== track.shift) {
      const joined = unwrapped + this.#newest;
      const joinedStep = joined - track.out;
      const joins = joinedStep >= -MAX_STEP_MS && joinedStep <= furthest;
      if (joins && (!fits || Math.abs(joinedStep - track.step) < Math.abs(step - track.step))) {
        this.#repairs += 1;
        track.shift = this.#newest;
        track.plain = joined;
        return joined < track.out ? track.out : joined;
      }
    }
    if (fits || this.#otherIsThere(track, plain)) {
      track.plain = plain;
      if (step < 0) {
        this.#repairs += 1;
        return track.out;
      }
      if (step > 0 && step <= MAX_STEP_MS) track.step = step;
      return plain;
    }
    this.#repairs += 1;
    const out = track.out + track.step;
    this.#newest = out - unwrapped;
    track.plain = out;
    return out;
  }

  /** A step just over the bound is no jump when the same step of the other track was just under it. */
  #otherIsThere(track: Track, plain: number): boolean {
    const other = track === this.#video ? this.#audio : this.#video;
    return other.begun && other.shift === track.shift && Math.abs(plain - other.plain) <= MAX_STEP_MS / 2;
  }

  /** The first frame of a track, mode `full`: near the other track, or set beside it. */
  #begin(track: Track, unwrapped: number, plain: number, nowMs: number): number {
    const other = track === this.#video ? this.#audio : this.#video;
    let out = plain;
    if (other.begun) {
      const offset = plain - other.out;
      if (
        offset < -MAX_TRACK_OFFSET_MS ||
        offset > Math.max(0, nowMs - other.arrived) + MAX_TRACK_OFFSET_MS
      ) {
        this.#repairs += 1;
        out = other.out;
        track.shift = out - unwrapped;
      }
    }
    track.plain = out;
    if (track.hasOut && out < track.out) {
      this.#repairs += 1;
      out = track.out;
    }
    return out;
  }

  #unwrap(track: Track, raw: number): number {
    const reference = this.#reference(track);
    const unwrapped = reference === undefined ? raw : this.#peek(reference, raw);
    track.raw = raw;
    track.unwrapped = unwrapped;
    track.begun = true;
    return unwrapped;
  }

  /** The track that tells where a timestamp is beyond 2^32: its own, else one that has begun. */
  #reference(track: Track): Track | undefined {
    if (track.begun) return track;
    if (this.#video.begun) return this.#video;
    return this.#audio.begun ? this.#audio : undefined;
  }

  #peek(reference: Track, raw: number): number {
    let delta = (raw - reference.raw) | 0;
    if (this.#mode !== 'off' && delta < 0 && reference.raw < WRAP_24) {
      // Encoders that keep 24 bits of the extended timestamp start again at 0 after 4 h 39 min.
      const wrapped = delta + WRAP_24;
      if (wrapped >= 0 && wrapped <= MAX_WRAP_STEP_MS) delta = wrapped;
    }
    return reference.unwrapped + delta;
  }
}
