/** Seconds to keep between the end of the buffer and the playing position. */
const TARGET_S = 0.8;
/** Added to the target for each stall, since the network proved less even than thought. */
const TARGET_STEP_S = 0.4;
const TARGET_MAX_S = 3;
/** Above the target by this much: play a little faster, which nobody hears. */
const SLACK_S = 0.4;
const FASTER = 1.05;
/** Above the target by this much: jump. */
const FAR_S = 2.5;
/** The same right after joining, when the server's GOP cache has just arrived and a jump is not noticed. */
const FAR_JOINING_S = 0.7;

/** What the chaser wants: a rate, and a position to jump to if it is not undefined. */
export interface ChaseStep {
  readonly rate: number;
  readonly seekTo: number | undefined;
}

/** Keeps a live player near the live edge: a little faster when behind, a jump when far behind. */
export class LatencyChaser {
  #targetS = TARGET_S;
  #faster = false;

  /** The player ran dry: from now on keep more. */
  stalled(): void {
    this.#targetS = Math.min(TARGET_MAX_S, this.#targetS + TARGET_STEP_S);
  }

  /** `start` and `end` are the last buffered range; all in seconds. */
  step(position: number, start: number, end: number, joining: boolean): ChaseStep {
    const behind = end - position;
    const jumpTo = Math.max(start, end - this.#targetS);
    // Before the range: a hole in the stream, which the player would wait at for ever.
    const inHole = position < start - 0.05;
    const far = this.#targetS + (joining ? FAR_JOINING_S : FAR_S);
    if (inHole || (behind > far && jumpTo > position)) {
      this.#faster = false;
      return { rate: 1, seekTo: jumpTo };
    }
    if (behind > this.#targetS + SLACK_S) this.#faster = true;
    else if (behind <= this.#targetS) this.#faster = false;
    return { rate: this.#faster ? FASTER : 1, seekTo: undefined };
  }
}
