import type { Pulse } from '../../hub/media-pulse.ts';

/** A keyframe of a picture that stands still has at least so much of the usual size. */
const KEPT = 0.5;
/** What comes between keyframes of a picture that stands still has at most so much of the usual size. */
const SHRUNK = 0.5;

type Sizes = Pick<Pulse, 'keyframeBytes' | 'deltaBytes' | 'deltaFrames'>;

/**
 * Tells a picture that stands still from an uplink that broke down. Both have a low rate; but keyframes of what stands still are as
 * large as ever and hardly anything comes between them, while an encoder that must save makes all pictures smaller, and one whose
 * pictures are late or left out sends fewer of the same size.
 */
export class StillPicture {
  #bytes = 0;
  #frames = 0;
  /** Mean size of the last pictures that are no keyframes, bytes; of a picture that stands still one may come in seconds. */
  #delta: number | undefined;
  #usualDelta: number | undefined;
  #usualKeyframe: number | undefined;

  /** True: the picture stands still now. To be called at each look. */
  look({ keyframeBytes, deltaBytes, deltaFrames }: Sizes): boolean {
    const frames = deltaFrames - this.#frames;
    if (frames > 0) {
      const mean = (deltaBytes - this.#bytes) / frames;
      this.#delta = ((this.#delta ?? mean) + mean) / 2;
    }
    this.#bytes = deltaBytes;
    this.#frames = deltaFrames;
    const [delta, usual, keyframe] = [this.#delta, this.#usualDelta, this.#usualKeyframe];
    if (delta === undefined || usual === undefined || keyframe === undefined) return false;
    return delta <= usual * SHRUNK && (keyframeBytes ?? 0) >= keyframe * KEPT;
  }

  /** What is usual follows what is, by so much of the difference: 0 to 1. */
  follow({ keyframeBytes }: Sizes, share: number): void {
    this.#usualDelta = follow(this.#usualDelta, this.#delta, share);
    this.#usualKeyframe = follow(this.#usualKeyframe, keyframeBytes, share);
  }
}

function follow(usual: number | undefined, now: number | undefined, share: number): number | undefined {
  if (usual === undefined || now === undefined) return usual ?? now;
  return usual + (now - usual) * share;
}
