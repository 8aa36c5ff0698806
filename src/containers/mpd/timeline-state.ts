import type { Representation } from './model.ts';

/** A track of one period, with one representation. */
export interface TimelineTrack {
  readonly contentType: 'video' | 'audio';
  /** Units per second. */
  readonly timescale: number;
  /** Template of the init segment's URL. */
  readonly initialization: string;
  /** Template of the segments' URLs. Numbers never come twice for one place in the list of tracks. */
  readonly media: string;
  readonly representation: Representation;
}

/** One segment. */
export interface TimelineEntry {
  /** The least presentation time of its samples, in units of the track. Spec: 5.3.9.6.2. */
  readonly time: number;
  readonly duration: number;
  readonly number: number;
}

/** A track with what is listed of it. */
export interface WindowTrack extends TimelineTrack {
  readonly presentationTimeOffset: number;
  readonly entries: readonly TimelineEntry[];
}

/** A period of the window. */
export interface WindowPeriod {
  readonly id: number;
  /** Undefined until its first segment is there. */
  readonly startMs: number | undefined;
  readonly tracks: readonly WindowTrack[];
}

/** What a window needs to go on. */
export interface TimelineState {
  readonly availabilityStartTimeMs: number | undefined;
  readonly publishTimeMs: number;
  readonly nextPeriod: number;
  readonly nextNumbers: readonly number[];
  readonly longestMs: number;
  readonly periods: readonly WindowPeriod[];
  /** URL and how long it stays, ms. */
  readonly retired: readonly (readonly [string, number])[];
}
