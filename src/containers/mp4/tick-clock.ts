import { VIDEO_TIMESCALE } from './track.ts';

const TICKS_PER_MS = VIDEO_TIMESCALE / 1000;

/** Decoding times of a video track in ticks: exact, and made to grow where the input's do not. */
export class VideoClock {
  #last = Number.NEGATIVE_INFINITY;

  /** The tick of a frame at `dts` ms. */
  tick(dts: number): number {
    this.#last = Math.max(Math.round(dts * TICKS_PER_MS), this.#last + 1);
    return this.#last;
  }
}

/**
 * Decoding times of an audio track in samples, out of times in ms. A ms is no whole number of samples at most rates, so
 * each frame follows the one before by its own length, as the encoder made them, as long as that is within half a frame of
 * what the input says. Rounding therefore never adds up, and a gap, or a sender whose clock is off, is followed.
 */
export class AudioClock {
  readonly #rate: number;
  readonly #frameSamples: number;
  #last = Number.NEGATIVE_INFINITY;

  /** `rate` in Hz, `frameSamples` is the length of one frame in samples. */
  constructor(rate: number, frameSamples: number) {
    this.#rate = rate;
    this.#frameSamples = frameSamples;
  }

  /** The first sample of a frame at `dts` ms. */
  tick(dts: number): number {
    const told = (dts * this.#rate) / 1000;
    const next = this.#last + this.#frameSamples;
    const near = Math.abs(told - next) <= this.#frameSamples / 2;
    this.#last = near ? next : Math.max(Math.round(told), this.#last + 1);
    return this.#last;
  }
}
