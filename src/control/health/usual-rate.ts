import type { Pulse } from '../../hub/media-pulse.ts';
import { StillPicture } from './still-picture.ts';

/** What is usual is known after so long, ms. */
const LEARN_MS = 30_000;
/**
 * How fast the usual rate follows the present one (time constant), ms; slower while it is low, so that a warning lasts, and the usual
 * size of pictures while they stand still.
 */
const FOLLOW_MS = 60_000;
const FOLLOW_LOW_MS = 600_000;
/** A low rate is no more low when it is above so much of the bound that it fell below. */
const RECOVERED = 1.5;
/** A rate is an average of at most so long: what was before is in it until then, ms. */
const RATE_WINDOW_MS = 10_000;

/** What came at a look. */
export interface RateLook {
  /** Average of the last seconds, kbit/s, and that of the sound since the look before. */
  readonly kbps: number;
  readonly audioKbps: number;
  /** The sound is silence. */
  readonly isSilent: boolean;
  readonly pulse: Pulse;
  /** Clock time, ms. */
  readonly now: number;
}

/**
 * Learns what the rate of a publish is and tells when it breaks down. There is less to send, and nothing broke down, while the picture
 * stands still or the sound is silence.
 */
export class UsualRate {
  readonly #beganAt: number;
  readonly #picture = new StillPicture();
  #lookedAt: number;
  #kbps: number | undefined;
  #audioKbps: number | undefined;
  #isLow = false;
  /** When the picture stood still last, and when the sound was silence. */
  #stillAt = -Infinity;
  #silentAt = -Infinity;

  /** `now`: clock time, ms. */
  constructor(now: number) {
    this.#beganAt = now;
    this.#lookedAt = now;
  }

  /** To be called at each look. `percent`: of what is usual, below which it is low. */
  look({ kbps: came, audioKbps, isSilent, pulse, now }: RateLook, percent: number): string | undefined {
    const passed = now - this.#lookedAt;
    this.#lookedAt = now;
    const isStill = this.#picture.look(pulse);
    if (now - this.#beganAt < LEARN_MS / 2) return undefined; // The rate is an average of seconds.
    if (isStill) this.#stillAt = now;
    if (isSilent) this.#silentAt = now;
    // What the sound would have if it were none.
    const spared = now - this.#silentAt <= RATE_WINDOW_MS ? (this.#audioKbps ?? 0) : 0;
    const kbps = came + spared;
    const usual = (this.#kbps ??= kbps);
    const bound = (usual * percent) / 100;
    this.#isLow =
      percent > 0 &&
      now - this.#beganAt >= LEARN_MS &&
      now - this.#stillAt > RATE_WINDOW_MS &&
      kbps < (this.#isLow ? Math.min(bound * RECOVERED, usual) : bound);
    const share = followed(passed, this.#isLow ? FOLLOW_LOW_MS : FOLLOW_MS);
    this.#kbps = usual + (kbps - usual) * share;
    this.#picture.follow(pulse, isStill ? followed(passed, FOLLOW_LOW_MS) : share);
    if (!isSilent) {
      const sound = this.#audioKbps ?? audioKbps;
      this.#audioKbps = sound + (audioKbps - sound) * share;
    }
    return this.#isLow ? `${came} kbit/s, where ${Math.round(usual)} kbit/s are usual` : undefined;
  }
}

/** How much of a difference is gone after a time, 0 to 1. */
function followed(passedMs: number, constantMs: number): number {
  return 1 - Math.exp(-passedMs / constantMs);
}
