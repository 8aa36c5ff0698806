import type { Frame } from '../media/frame.ts';

/** Bytes of one stream's cached group of pictures; a longer group is not cached at all. */
export const MAX_GOP_CACHE_BYTES = 32 * 1024 * 1024;

/** So many audio frames after the last video frame: the video has stopped, the cached picture is of no use. SRS: 115. */
const MAX_AUDIO_AFTER_VIDEO = 115;

/** The frames since the last keyframe, for joiners. Nothing is kept of a stream without video. */
export class GopCache {
  readonly #maxFrames: number;
  readonly #maxBytes: number;
  #frames: Frame[] = [];
  #bytes = 0;
  #audioAfterVideo = 0;
  #generation = 0;

  constructor(maxFrames: number, maxBytes = MAX_GOP_CACHE_BYTES) {
    this.#maxFrames = maxFrames;
    this.#maxBytes = maxBytes;
  }

  /** Begins with a keyframe; empty when there is nothing to start from. */
  get frames(): readonly Frame[] {
    return this.#frames;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Changes whenever the group begins anew or is forgotten. */
  get generation(): number {
    return this.#generation;
  }

  /** Takes an access unit. Config records and data are kept elsewhere. */
  push(frame: Frame): void {
    if (frame.kind === 'video') {
      if (frame.isKeyframe) this.clear();
      else if (this.#frames.length === 0) return;
      this.#audioAfterVideo = 0;
    } else {
      if (this.#frames.length === 0) return;
      this.#audioAfterVideo += 1;
    }
    this.#frames.push(frame);
    this.#bytes += frame.flvBody.length;
    if (
      this.#frames.length > this.#maxFrames ||
      this.#bytes > this.#maxBytes ||
      this.#audioAfterVideo > MAX_AUDIO_AFTER_VIDEO
    ) {
      this.clear();
    }
  }

  clear(): void {
    this.#frames = [];
    this.#bytes = 0;
    this.#audioAfterVideo = 0;
    this.#generation += 1;
  }
}
