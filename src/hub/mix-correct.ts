import type { Frame } from '../media/frame.ts';

/** A stream of one kind only is not held longer than so many frames. SRS: 10. */
const MAX_HELD = 10;

/**
 * Puts audio and video into one line of increasing time ([mix_correct]). The smallest may go once both kinds are waiting, or
 * when too much waits. Frames of equal time keep their order.
 */
export class MixCorrect {
  readonly #held: Frame[] = [];
  #audio = 0;
  #video = 0;

  push(frame: Frame): void {
    let at = this.#held.length;
    while (at > 0 && (this.#held[at - 1]?.dts ?? 0) > frame.dts) at -= 1;
    this.#held.splice(at, 0, frame);
    this.#count(frame, 1);
  }

  /** The next frame that may go, or undefined. */
  shift(): Frame | undefined {
    if ((this.#audio === 0 || this.#video === 0) && this.#held.length <= MAX_HELD) return undefined;
    return this.drain();
  }

  /** The next frame whatever waits: the publisher has left. */
  drain(): Frame | undefined {
    const frame = this.#held.shift();
    if (frame !== undefined) this.#count(frame, -1);
    return frame;
  }

  #count(frame: Frame, by: number): void {
    if (frame.kind === 'audio') this.#audio += by;
    else if (frame.kind === 'video') this.#video += by;
  }
}
