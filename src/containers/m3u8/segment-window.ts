import {
  leastTargetSec,
  shownMs,
  type MediaPlaylist,
  type PlaylistPart,
  type PlaylistSegment,
  type PreloadHint,
  type RenditionReport,
  type SegmentHead,
} from './model.ts';
import { RetiredUris, usesUri, type ExpiredUris } from './retired-uris.ts';
import { readWindowJournal, writeWindowJournal, type WindowState } from './window-journal.ts';

/** Segments in one window, however short they are: beyond it the oldest leave, whatever `windowMs` says. */
export const MAX_WINDOW_SEGMENTS = 10_000;

/** Target durations from the end within which parts are listed. Spec: bis, 6.2.2. */
const PART_TARGETS = 3;
/** RFC 8216, 6.2.2: a live playlist keeps at least so many target durations; bis, 4.4.3.8: what a delta update never skips. */
const MIN_TARGETS = 3;
const SKIP_TARGETS = 6;

export interface SegmentWindowOptions {
  /** What a segment should last, ms (`hls_fragment`). */
  readonly fragmentMs: number;
  /** The target duration in fragments (`hls_td_ratio`). */
  readonly targetRatio: number;
  /** What the playlist should hold, ms (`hls_window`); it never holds less than three target durations. */
  readonly windowMs: number;
  /** Every segment begins with a keyframe. @default false */
  readonly independentSegments?: boolean;
  /** What a part should last at most, ms: makes the playlist a low-latency one. */
  readonly partTargetMs?: number;
}

/**
 * The live playlist of one stream: a sliding window of segments, of which text and files follow. Knows neither files nor
 * clocks; `nowMs` is any clock that never steps back.
 *
 * The target duration: RFC 8216, 6.2.1 forbids to change it, 4.3.3.1 forbids a segment that is longer. Both hold as long as
 * segments keep to `targetRatio` × `fragmentMs`. A longer one (a stream with rare keyframes) raises it once and for good,
 * because players break off at a segment over the target but take a new target; it never sinks, not even over a restart.
 */
export class SegmentWindow {
  readonly #options: SegmentWindowOptions;
  readonly #retired = new RetiredUris();
  #segments: PlaylistSegment[] = [];
  /** The longest playlist that each segment was in, ms. */
  #longestMs: number[] = [];
  #totalMs = 0;
  #mediaSequence = 0;
  #discontinuitySequence = 0;
  #targetSec: number;
  #partTargetMs: number | undefined;
  #breakBeforeNext = false;
  #ended = false;
  #independent: boolean;
  #parts: PlaylistPart[] = [];
  #partial: SegmentHead = {};
  #hints: readonly PreloadHint[] = [];
  #reports: readonly RenditionReport[] = [];
  #playlist: MediaPlaylist | undefined;

  constructor(options: SegmentWindowOptions, state?: WindowState, nowMs = 0) {
    this.#options = options;
    this.#targetSec = Math.max(1, Math.ceil(shownMs(options.fragmentMs * options.targetRatio) / 1000));
    this.#partTargetMs = options.partTargetMs;
    this.#independent = options.independentSegments === true && state?.dependent !== true;
    if (state === undefined) return;
    this.#targetSec = Math.max(this.#targetSec, state.targetDurationSec);
    if (this.#partTargetMs !== undefined && state.partTargetMs !== undefined) {
      this.#partTargetMs = Math.max(this.#partTargetMs, state.partTargetMs);
    }
    this.#mediaSequence = state.mediaSequence;
    this.#discontinuitySequence = state.discontinuitySequence;
    this.#segments = [...state.segments];
    this.#totalMs = this.#segments.reduce((sum, { durationMs }) => sum + durationMs, 0);
    this.#longestMs = this.#segments.map(() => this.#totalMs);
    this.#retired.restore(state.retired, nowMs);
    this.#breakBeforeNext = true;
  }

  /** A window that goes on where the journal of an earlier one stopped. Throws M3U8_INVALID when it cannot be read. */
  static restore(journal: string, options: SegmentWindowOptions, nowMs: number): SegmentWindow {
    return new SegmentWindow(options, readWindowJournal(journal), nowMs);
  }

  /** A window that goes on behind a playlist, when the journal is lost but the playlist is there. */
  static resume(playlist: MediaPlaylist, options: SegmentWindowOptions): SegmentWindow {
    // A playlist that does not promise it may list a segment that is not.
    const dependent = playlist.independentSegments !== true && playlist.segments.length > 0;
    return new SegmentWindow(options, { ...playlist, retired: [], ...(dependent ? { dependent } : {}) });
  }

  /** Sequence number of the segment that comes next. */
  get nextSequence(): number {
    return this.#mediaSequence + this.#segments.length;
  }

  /** Parts of the segment in progress. */
  get partCount(): number {
    return this.#parts.length;
  }

  get targetDurationSec(): number {
    return this.#targetSec;
  }

  /** Longest segment that leaves the target duration as it is, ms. A packager that may cut anywhere cuts before. */
  get maxSegmentMs(): number {
    return this.#targetSec * 1000 + 499;
  }

  /** What is still to be deleted later: see `takeExpired`. */
  get hasRetired(): boolean {
    return this.#retired.size > 0;
  }

  /** True for a name that a listed segment has, or one that may still be asked for. */
  uses(uri: string): boolean {
    return this.#retired.uses(uri) || this.#segments.some((segment) => usesUri(segment, segment.uri, uri));
  }

  /** A segment has to begin without a keyframe: the promise of `independentSegments` is taken back, for good. */
  withdrawIndependence(): void {
    if (!this.#independent) return;
    this.#independent = false;
    this.#playlist = undefined;
  }

  /** Parts of whole segments are listed no more: those of an earlier run, where they were in memory only. */
  forgetParts(): void {
    this.#segments = this.#segments.map(withoutParts);
    this.#playlist = undefined;
  }

  /** The oldest `count` segments leave before their time, for instance because their files are lost. */
  drop(count: number, nowMs: number): void {
    this.#leave(Math.min(count, this.#segments.length), nowMs);
    this.#playlist = undefined;
  }

  /**
   * Forgets all segments and gives back every name that could still be asked for. Numbers go on behind them, and what
   * comes next is a discontinuity.
   */
  clear(): ExpiredUris {
    this.abandon();
    this.#leave(this.#segments.length, Number.NEGATIVE_INFINITY);
    return this.#retired.take(Number.POSITIVE_INFINITY, []);
  }

  /** The next segment does not continue the last one: republish, new codec or tracks, jump of the timestamps. */
  markDiscontinuity(): void {
    this.#breakBeforeNext = true;
  }

  /** What the segment in progress begins with, as far as it is known before its first part. */
  begin(head: SegmentHead): void {
    this.#partial = head;
    this.#playlist = undefined;
  }

  /** A part of the segment in progress. */
  addPart(part: PlaylistPart): void {
    const durationMs = shownMs(part.durationMs);
    this.#parts.push({ ...part, durationMs });
    if (this.#partTargetMs !== undefined && durationMs > this.#partTargetMs) this.#partTargetMs = durationMs;
    this.#playlist = undefined;
  }

  /** What comes next, and where the other playlists are; both stand until they are set again. */
  setHints(hints: readonly PreloadHint[], reports: readonly RenditionReport[] = []): void {
    this.#hints = hints;
    this.#reports = reports;
    this.#playlist = undefined;
  }

  /** A segment is whole: it is listed, with the parts that came before, and the oldest ones leave. Returns its number. */
  add(segment: PlaylistSegment, nowMs: number): number {
    const durationMs = shownMs(segment.durationMs);
    // What the parts promised holds for the whole segment.
    const { discontinuity = false, ...rest } = { ...this.#partial, ...segment };
    // The very first segment that anybody saw has nothing before it that it could continue.
    const breaks = (discontinuity || this.#breakBeforeNext) && this.nextSequence > 0;
    const sequence = this.nextSequence;
    this.#segments.push({
      ...rest,
      durationMs,
      ...(breaks ? { discontinuity: true } : {}),
      ...(this.#parts.length > 0 ? { parts: this.#parts } : {}),
    });
    this.#totalMs += durationMs;
    this.#longestMs.push(0);
    this.#targetSec = Math.max(this.#targetSec, leastTargetSec(durationMs));
    this.#parts = [];
    this.#partial = {};
    this.#breakBeforeNext = false;
    this.#ended = false;
    this.#slide(nowMs);
    this.#playlist = undefined;
    return sequence;
  }

  /** No segment will follow. A segment all the same, after a republish, takes it back. */
  end(): void {
    this.#ended = true;
    this.#breakBeforeNext = true;
    this.#parts = [];
    this.#partial = {};
    this.#hints = [];
    this.#playlist = undefined;
  }

  /** The publisher is gone and left an unfinished segment: its parts are withdrawn. */
  abandon(): void {
    this.#parts = [];
    this.#partial = {};
    this.#breakBeforeNext = true;
    this.#playlist = undefined;
  }

  /** The playlist as it is now; the same object until something changes. */
  playlist(): MediaPlaylist {
    this.#playlist ??= this.#build();
    return this.#playlist;
  }

  /**
   * What may be deleted now: a segment stays for its own duration plus that of the longest playlist it was in (RFC 8216,
   * 6.2.2), so that a player with an old playlist still gets it. Maps and keys go with the last segment that needs them.
   */
  takeExpired(nowMs: number): ExpiredUris {
    return this.#retired.take(nowMs, this.#segments);
  }

  /** The state as JSON, for `restore`. */
  journal(nowMs: number): string {
    return writeWindowJournal({
      targetDurationSec: this.#targetSec,
      mediaSequence: this.#mediaSequence,
      discontinuitySequence: this.#discontinuitySequence,
      segments: this.#segments,
      retired: this.#retired.state(nowMs),
      ...(this.#options.independentSegments === true && !this.#independent ? { dependent: true } : {}),
      ...(this.#partTargetMs === undefined ? {} : { partTargetMs: this.#partTargetMs }),
    });
  }

  #slide(nowMs: number): void {
    const keepMs = Math.max(this.#options.windowMs, MIN_TARGETS * this.#targetSec * 1000);
    let leaving = 0;
    let leftMs = this.#totalMs;
    for (const segment of this.#segments) {
      const over = this.#segments.length - leaving > MAX_WINDOW_SEGMENTS;
      leftMs -= segment.durationMs;
      if (!over && leftMs < keepMs) break;
      leaving += 1;
    }
    this.#leave(leaving, nowMs);
    for (let i = 0; i < this.#longestMs.length; i++) {
      this.#longestMs[i] = Math.max(this.#longestMs[i] ?? 0, this.#totalMs);
    }
  }

  #leave(count: number, nowMs: number): void {
    if (count === 0) return;
    this.#segments.slice(0, count).forEach((segment, i) => {
      this.#totalMs -= segment.durationMs;
      // 6.2.2: a discontinuity that leaves with its segment is counted from now on.
      if (segment.discontinuity === true) this.#discontinuitySequence += 1;
      this.#retired.add(segment, nowMs + segment.durationMs + (this.#longestMs[i] ?? 0));
    });
    this.#segments = this.#segments.slice(count);
    this.#longestMs = this.#longestMs.slice(count);
    this.#mediaSequence += count;
  }

  #build(): MediaPlaylist {
    const lowLatency = this.#partTargetMs !== undefined;
    const inProgress = lowLatency && this.#parts.length > 0;
    const breaks = this.#breakBeforeNext || this.#partial.discontinuity === true;
    return {
      targetDurationSec: this.#targetSec,
      mediaSequence: this.#mediaSequence,
      discontinuitySequence: this.#discontinuitySequence,
      ...(this.#independent ? { independentSegments: true } : {}),
      ...(this.#ended ? { endlist: true } : {}),
      ...(this.#partTargetMs === undefined
        ? {}
        : {
            partTargetMs: this.#partTargetMs,
            serverControl: {
              canBlockReload: true,
              canSkipUntilMs: SKIP_TARGETS * this.#targetSec * 1000,
              partHoldBackMs: 3 * this.#partTargetMs,
            },
          }),
      segments: this.#listed(lowLatency),
      ...(inProgress
        ? {
            partial: {
              ...this.#partial,
              discontinuity: breaks && this.nextSequence > 0,
              parts: [...this.#parts],
            },
          }
        : {}),
      ...(lowLatency && this.#hints.length > 0 ? { preloadHints: this.#hints } : {}),
      ...(lowLatency && this.#reports.length > 0 ? { renditionReports: this.#reports } : {}),
    };
  }

  /** The segments as listed: parts only near the end. */
  #listed(lowLatency: boolean): readonly PlaylistSegment[] {
    const nearMs = lowLatency ? PART_TARGETS * this.#targetSec * 1000 : 0;
    const listed: PlaylistSegment[] = new Array<PlaylistSegment>(this.#segments.length);
    let behindMs = 0;
    for (let i = this.#segments.length - 1; i >= 0; i--) {
      const segment = this.#segments[i] as PlaylistSegment;
      listed[i] = behindMs < nearMs || segment.parts === undefined ? segment : withoutParts(segment);
      behindMs += segment.durationMs;
    }
    return listed;
  }
}

function withoutParts(segment: PlaylistSegment): PlaylistSegment {
  const { parts, ...rest } = segment;
  return parts === undefined ? segment : rest;
}
