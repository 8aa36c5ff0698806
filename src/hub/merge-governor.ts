import type { Clock } from '../base/clock.ts';
import type { StreamOptions } from './ports.ts';

/** Viewer writes per second of the whole process up to which nothing is merged: some 11 % of a core. */
const DEFAULT_WRITES_PER_SECOND = 12_000;
/** How often the demand is looked at, ms. */
const SAMPLE_MS = 250;
/** How often the event loop's utilisation is looked at, ms. */
const LOAD_SAMPLE_MS = 1_000;
/** Merging stops below this share of the budget, so that a load at the budget does not flap. */
const RELEASE_SHARE = 0.8;
const HIGH_LOAD = 0.75;
const LOW_LOAD = 0.55;
const FIRST_LOAD_WINDOW_MS = 20;
/** No window is longer than this for reasons of load; `mw_latency` bounds each stream further. */
const MAX_WINDOW_MS = 2_000;
/** Smaller changes of a window are not worth having. */
const MIN_CHANGE = 0.1;

export interface MergeGovernorOptions {
  readonly clock: Clock;
  /** Event-loop utilisation since the last call, 0 … 1. Default: always 0. */
  readonly loadProbe?: () => number;
  readonly writesPerSecond?: number;
}

/**
 * The process-wide merge window. While viewers × messages per second is under the budget the window is 0 and every message is
 * written at once; above, it is as long as it takes to write to each viewer once within the budget. A second term widens the
 * window while the event loop is busy for whatever reason and narrows it slowly afterwards.
 */
export class MergeGovernor {
  readonly #clock: Clock;
  readonly #loadProbe: () => number;
  readonly #budget: number;
  #writes = 0;
  #viewers = 0;
  #epoch = 0;
  #sampledAt: number;
  #loadSampledAt: number;
  #rate = 0;
  #demandWindow = 0;
  #loadWindow = 0;

  constructor(options: MergeGovernorOptions) {
    this.#clock = options.clock;
    this.#loadProbe = options.loadProbe ?? (() => 0);
    this.#budget = options.writesPerSecond ?? DEFAULT_WRITES_PER_SECOND;
    this.#sampledAt = this.#clock.now();
    this.#loadSampledAt = this.#sampledAt;
  }

  /** Changes with every sample: a feed tells `addViewers` once per epoch. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The adaptive window before a stream's own bounds, ms. */
  get windowMs(): number {
    return Math.max(this.#demandWindow, this.#loadWindow);
  }

  /** One message has come for so many viewers. Called per frame and feed. */
  addWrites(count: number, nowMs: number): void {
    this.#writes += count;
    if (nowMs - this.#sampledAt >= SAMPLE_MS) this.#sample(nowMs);
  }

  /** A feed that carries media in this epoch has so many viewers. */
  addViewers(count: number): void {
    this.#viewers += count;
  }

  /** The window of a stream with these settings, ms; 0 = flush within this turn of the event loop. */
  windowFor(options: StreamOptions): number {
    if (options.minLatency) return 0;
    if (!options.mwAdaptive) return options.mwLatencyMs;
    const window = this.#demandWindow > this.#loadWindow ? this.#demandWindow : this.#loadWindow;
    return window < options.mwLatencyMs ? window : options.mwLatencyMs;
  }

  #sample(nowMs: number): void {
    const elapsed = nowMs - this.#sampledAt;
    const rate = (this.#writes * 1000) / elapsed;
    // Up at once, because a join storm costs at once; down by halves, because a pause of the publisher means nothing.
    this.#rate = rate > this.#rate ? rate : (this.#rate + rate) / 2;
    const wanted =
      this.#rate > this.#budget * (this.#demandWindow > 0 ? RELEASE_SHARE : 1)
        ? Math.min(MAX_WINDOW_MS, (this.#viewers * 1000) / this.#budget)
        : 0;
    if (wanted === 0 || Math.abs(wanted - this.#demandWindow) > this.#demandWindow * MIN_CHANGE) {
      this.#demandWindow = wanted;
    }
    this.#writes = 0;
    this.#viewers = 0;
    this.#epoch += 1;
    this.#sampledAt = nowMs;
    if (nowMs - this.#loadSampledAt >= LOAD_SAMPLE_MS) {
      this.#loadSampledAt = nowMs;
      this.#sampleLoad(this.#loadProbe());
    }
  }

  #sampleLoad(load: number): void {
    if (load > HIGH_LOAD) {
      this.#loadWindow = Math.min(
        MAX_WINDOW_MS,
        Math.max(FIRST_LOAD_WINDOW_MS, Math.max(this.#loadWindow, this.#demandWindow) * 1.5),
      );
    } else if (load < LOW_LOAD && this.#loadWindow > 0) {
      this.#loadWindow *= 0.9;
      if (this.#loadWindow < FIRST_LOAD_WINDOW_MS / 4) this.#loadWindow = 0;
    }
  }
}
