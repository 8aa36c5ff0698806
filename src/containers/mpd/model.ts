/**
 * Manifests of MPEG-DASH as values: the part of ISO/IEC 23009-1 that live streams with a SegmentTimeline need. Media times
 * are integers in units of the track's timescale; times of day are ms since 1970; other times are ms.
 */

/** S: `count` segments of `duration` each, the first at `time`. Spec: 5.3.9.6. */
export interface TimelineRun {
  readonly time: number;
  readonly duration: number;
  readonly count: number;
}

/** SegmentTemplate with its timeline. Spec: 5.3.9.4. */
export interface SegmentTemplate {
  /** Units per second. */
  readonly timescale: number;
  /** Template of the init segment's URL. */
  readonly initialization?: string;
  /** Template of the segments' URLs: `$RepresentationID$`, `$Number$`, `$Time$`, `$Bandwidth$`. */
  readonly media: string;
  /** Number of the first segment in the timeline; 1 where URLs have no numbers. */
  readonly startNumber: number;
  /** Media time at the start of the period. */
  readonly presentationTimeOffset: number;
  readonly timeline: readonly TimelineRun[];
}

/** Spec: 5.3.5. */
export interface Representation {
  readonly id: string;
  /** Bits per second. */
  readonly bandwidth: number;
  readonly mimeType: string;
  /** RFC 6381. */
  readonly codecs: string;
  readonly width?: number;
  readonly height?: number;
  /** `25` or `30000/1001`. */
  readonly frameRate?: string;
  /** Hz. */
  readonly audioSamplingRate?: number;
  readonly channels?: number;
}

/** Spec: 5.3.3. */
export interface AdaptationSet {
  readonly id: number;
  readonly contentType: 'video' | 'audio';
  readonly lang?: string;
  readonly template: SegmentTemplate;
  readonly representations: readonly Representation[];
}

/** Spec: 5.3.2. */
export interface Period {
  readonly id: string;
  /** From the begin of the presentation, ms. */
  readonly startMs: number;
  /** Of a period that is over, ms: what follows may begin later. */
  readonly durationMs?: number;
  readonly adaptationSets: readonly AdaptationSet[];
}

/** Spec: 5.3.1. */
export interface Mpd {
  readonly type: 'dynamic' | 'static';
  /** Dynamic only. */
  readonly availabilityStartTimeMs?: number;
  readonly publishTimeMs?: number;
  readonly minimumUpdatePeriodMs?: number;
  readonly timeShiftBufferDepthMs?: number;
  readonly suggestedPresentationDelayMs?: number;
  /** Static only. */
  readonly mediaPresentationDurationMs?: number;
  readonly minBufferTimeMs: number;
  readonly maxSegmentDurationMs?: number;
  /** Where a player asks for it next time; it is written, and not read. Spec: 5.3.1.2. */
  readonly location?: string;
  readonly utcTiming?: { readonly schemeIdUri: string; readonly value: string };
  readonly periods: readonly Period[];
}
