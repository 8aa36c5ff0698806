import type { Mpd, Period, TimelineRun } from './model.ts';
import { asStatic } from './static-mpd.ts';
import { expandTemplate, namesByNumber } from './template.ts';
import { readTimelineJournal, writeTimelineJournal } from './timeline-journal.ts';
import type { TimelineEntry, TimelineTrack, WindowPeriod } from './timeline-state.ts';

/** Segments of one track in the window, however short they are. */
export const MAX_WINDOW_ENTRIES = 10_000;
/** Periods in the window: a publisher that comes and goes all the time. */
export const MAX_WINDOW_PERIODS = 1_000;

export interface TimelineWindowOptions {
  /** How far back a player may go (`dash_timeshift`), ms. */
  readonly timeShiftBufferDepthMs: number;
  /** How often a player asks for the manifest (`dash_update_period`), ms. */
  readonly minimumUpdatePeriodMs: number;
  readonly minBufferTimeMs: number;
  readonly suggestedPresentationDelayMs?: number;
  readonly utcTiming?: NonNullable<Mpd['utcTiming']>;
}

/**
 * The live manifest of one stream: a sliding window over the timelines of its tracks. Knows neither files nor clocks:
 * `nowMs` is the time of day, best as the wall clock at the start plus a clock that never steps back.
 *
 * Time does not drift: media times are added as integers and never converted back. The zero of the presentation
 * (availabilityStartTime) is fixed when the first segment is there, so that this segment is available at that very moment;
 * it stays (5.3.1.2), over a restart too. Every republish begins a period, at the time of day it has or right behind the last.
 */
export class TimelineWindow {
  readonly #options: TimelineWindowOptions;
  #availabilityStartMs: number | undefined;
  #publishMs = 0;
  #nextPeriod = 0;
  #nextNumbers: number[] = [];
  #longestMs = 0;
  #periods: WindowPeriod[] = [];
  #retired: (readonly [string, number])[] = [];
  #open = false;
  #ended = false;
  #mpd: Mpd | undefined;

  constructor(options: TimelineWindowOptions) {
    this.#options = options;
  }

  /** A window that goes on where the journal of an earlier one stopped. Throws MPD_INVALID when it cannot be read. */
  static restore(journal: string, options: TimelineWindowOptions, nowMs: number): TimelineWindow {
    const state = readTimelineJournal(journal);
    const window = new TimelineWindow(options);
    window.#availabilityStartMs = state.availabilityStartTimeMs;
    window.#publishMs = state.publishTimeMs;
    window.#nextPeriod = state.nextPeriod;
    window.#nextNumbers = [...state.nextNumbers];
    window.#longestMs = state.longestMs;
    window.#periods = [...state.periods];
    window.#retired = state.retired.map(([uri, keepMs]) => [uri, nowMs + keepMs]);
    return window;
  }

  /** Number that the next segment of a track gets. */
  nextNumber(track: number): number {
    return this.#nextNumbers[track] ?? 1;
  }

  /** Publish, republish, other codecs, jump of the timestamps: `originMs` on the media clock is where the period begins. */
  beginPeriod(tracks: readonly TimelineTrack[], originMs: number): void {
    this.#dropEmptyPeriod();
    this.#periods.push({
      id: this.#nextPeriod,
      startMs: undefined,
      tracks: tracks.map((track) => ({
        ...track,
        presentationTimeOffset: Math.max(0, Math.round((originMs * track.timescale) / 1000)),
        entries: [],
      })),
    });
    this.#nextPeriod += 1;
    this.#open = true;
    this.#ended = false;
  }

  /**
   * A segment is whole. Returns its number; undefined when it is not listed because no period is open or its time goes back,
   * for which a new period is needed. Where it begins before the last one ended, the last one is shown shorter.
   */
  add(trackIndex: number, time: number, duration: number, nowMs: number): number | undefined {
    const period = this.#periods.at(-1);
    const track = period?.tracks[trackIndex];
    if (!this.#open || period === undefined || track === undefined) return undefined;
    const last = track.entries.at(-1);
    const shown = Math.max(1, Math.round(duration));
    if (!Number.isSafeInteger(time + shown) || time < 0 || (last !== undefined && time <= last.time))
      return undefined;
    const number = this.nextNumber(trackIndex);
    while (this.#nextNumbers.length <= trackIndex) this.#nextNumbers.push(1);
    this.#nextNumbers[trackIndex] = number + 1;
    const entries = [...track.entries, { time, duration: shown, number }];
    if (last !== undefined && last.time + last.duration > time) {
      entries[entries.length - 2] = { ...last, duration: time - last.time };
    }
    const endMs = Math.ceil(((time + shown - track.presentationTimeOffset) * 1000) / track.timescale);
    const now = Math.round(nowMs);
    this.#availabilityStartMs ??= Math.max(0, now - endMs);
    // The end of what came before bounds it, so that periods never overlap when the clock was set back.
    const startMs = period.startMs ?? Math.max(this.#endMs(-1), now - this.#availabilityStartMs - endMs);
    this.#longestMs = Math.max(this.#longestMs, Math.ceil((shown * 1000) / track.timescale));
    this.#periods[this.#periods.length - 1] = {
      ...period,
      startMs,
      tracks: period.tracks.map((one, i) => (i === trackIndex ? { ...one, entries } : one)),
    };
    this.#slide(nowMs);
    this.#publishMs = Math.max(this.#publishMs, now);
    this.#mpd = undefined;
    return number;
  }

  /** No segment will follow: the manifest becomes static. A new period takes it back. */
  end(): void {
    this.#dropEmptyPeriod();
    this.#open = false;
    this.#ended = true;
    this.#mpd = undefined;
  }

  /** The manifest as it is now; the same object until something changes. */
  mpd(): Mpd {
    this.#mpd ??= this.#build();
    return this.#mpd;
  }

  /**
   * How long ago the newest segment became available by the manifest, ms; negative when it is listed before its time. Grows
   * with a publisher whose clock is slow, and where it should not, a new period begins at the time of day.
   */
  latenessMs(nowMs: number): number {
    return this.#availabilityStartMs === undefined ? 0 : nowMs - this.#availabilityStartMs - this.#endMs(0);
  }

  /**
   * Moves the zero of the presentation, ms; negative is earlier. Only for a publisher that is far ahead of the clock: no
   * period can begin before the last one ends, and segments would leave the window before their time has come.
   */
  moveStart(byMs: number): void {
    if (this.#availabilityStartMs === undefined) return;
    this.#availabilityStartMs = Math.max(0, Math.round(this.#availabilityStartMs + byMs));
    this.#mpd = undefined;
  }

  /** URLs of segments that may be deleted now: they were out of the manifest for an update period and a segment. */
  takeExpired(nowMs: number): string[] {
    const gone = this.#retired.filter(([, untilMs]) => untilMs <= nowMs).map(([uri]) => uri);
    if (gone.length > 0) this.#retired = this.#retired.filter(([, untilMs]) => untilMs > nowMs);
    return gone;
  }

  /** The state as JSON, for `restore`. */
  journal(nowMs: number): string {
    return writeTimelineJournal({
      availabilityStartTimeMs: this.#availabilityStartMs,
      publishTimeMs: this.#publishMs,
      nextPeriod: this.#nextPeriod,
      nextNumbers: this.#nextNumbers,
      longestMs: this.#longestMs,
      periods: this.#periods.filter(({ startMs }) => startMs !== undefined),
      retired: this.#retired.map(([uri, untilMs]) => [uri, Math.max(0, Math.round(untilMs - nowMs))]),
    });
  }

  #dropEmptyPeriod(): void {
    if (this.#periods.at(-1)?.startMs === undefined) this.#periods.pop();
  }

  /** End of a period on the presentation's clock, ms; 0 when there is none. */
  #endMs(back: 0 | -1): number {
    const period = this.#periods[this.#periods.length - 1 + back];
    return period === undefined ? 0 : endOfPeriod(period);
  }

  #slide(nowMs: number): void {
    const fromMs = this.#endMs(0) - this.#options.timeShiftBufferDepthMs;
    const untilMs = nowMs + this.#options.minimumUpdatePeriodMs + this.#longestMs;
    const many = this.#periods.length - MAX_WINDOW_PERIODS;
    const last = this.#periods.length - 1;
    const kept: WindowPeriod[] = [];
    this.#periods.forEach((period, i) => {
      const tracks = period.tracks.map((track) => {
        const { entries, timescale, presentationTimeOffset } = track;
        // The last segment of a track stays while its period is the current one.
        const most = i === last ? entries.length - 1 : entries.length;
        let leaving = 0;
        for (const { time, duration } of entries) {
          const offset = time + duration - presentationTimeOffset;
          const old = (period.startMs ?? 0) + (offset * 1000) / timescale <= fromMs;
          if (leaving >= most || (!old && i >= many && entries.length - leaving <= MAX_WINDOW_ENTRIES)) break;
          leaving += 1;
        }
        if (leaving === 0) return track;
        for (const entry of entries.slice(0, leaving)) this.#retired.push([urlOf(track, entry), untilMs]);
        return { ...track, entries: entries.slice(leaving) };
      });
      const empty = i !== last && tracks.every(({ entries }) => entries.length === 0);
      if (!empty) kept.push({ ...period, tracks });
    });
    this.#periods = kept;
  }

  #build(): Mpd {
    const { timeShiftBufferDepthMs, minimumUpdatePeriodMs, suggestedPresentationDelayMs } = this.#options;
    const { minBufferTimeMs, utcTiming } = this.#options;
    const mpd: Mpd = {
      type: 'dynamic',
      availabilityStartTimeMs: this.#availabilityStartMs ?? 0,
      publishTimeMs: this.#publishMs,
      minimumUpdatePeriodMs,
      timeShiftBufferDepthMs,
      ...(suggestedPresentationDelayMs === undefined ? {} : { suggestedPresentationDelayMs }),
      minBufferTimeMs,
      maxSegmentDurationMs: this.#longestMs,
      ...(utcTiming === undefined ? {} : { utcTiming }),
      periods: this.#periods.filter(({ startMs }) => startMs !== undefined).map(shownPeriod),
    };
    return this.#ended ? asStatic(mpd) : mpd;
  }
}

function endOfPeriod(period: WindowPeriod): number {
  let endMs = period.startMs ?? 0;
  for (const { entries, timescale, presentationTimeOffset } of period.tracks) {
    const last = entries.at(-1);
    if (last === undefined) continue;
    const offset = last.time + last.duration - presentationTimeOffset;
    endMs = Math.max(endMs, (period.startMs ?? 0) + Math.ceil((offset * 1000) / timescale));
  }
  return endMs;
}

function shownPeriod(period: WindowPeriod, index: number, all: readonly WindowPeriod[]): Period {
  const startMs = period.startMs ?? 0;
  return {
    id: `p${period.id}`,
    startMs,
    // Players that join while nobody published then begin with the next period, instead of waiting for media that never was.
    ...(index === all.length - 1 ? {} : { durationMs: endOfPeriod(period) - startMs }),
    adaptationSets: period.tracks.flatMap((track, id) => {
      const [first] = track.entries;
      if (first === undefined) return [];
      const { timescale, initialization, media, presentationTimeOffset } = track;
      const timeline = runsOf(track.entries);
      const startNumber = namesByNumber(media) ? first.number : 1;
      return [
        {
          id,
          contentType: track.contentType,
          template: { timescale, initialization, media, startNumber, presentationTimeOffset, timeline },
          representations: [track.representation],
        },
      ];
    }),
  };
}

function runsOf(entries: readonly TimelineEntry[]): readonly TimelineRun[] {
  const runs: TimelineRun[] = [];
  for (const { time, duration } of entries) {
    const run = runs.at(-1);
    if (run?.duration === duration && run.time + run.count * duration === time) {
      runs[runs.length - 1] = { ...run, count: run.count + 1 };
    } else {
      runs.push({ time, duration, count: 1 });
    }
  }
  return runs;
}

function urlOf(track: TimelineTrack, { time, number }: TimelineEntry): string {
  const { id: representationId, bandwidth } = track.representation;
  return expandTemplate(track.media, { representationId, bandwidth, number, time });
}
