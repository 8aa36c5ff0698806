/** What a vhost's `dash` block says. SRS's directive names are in brackets. */
export interface DashOptions {
  /** [dash_fragment] Least length of a segment; it ends with the next keyframe. Media ms. */
  readonly fragmentMs: number;
  /** [dash_update_period] ms. */
  readonly updatePeriodMs: number;
  /** [dash_timeshift] ms. */
  readonly timeshiftMs: number;
  /** [dash_window_size] Segments. */
  readonly windowSegments: number;
  /** [dash_path] The folder that no file leaves. */
  readonly path: string;
  /** [dash_mpd_file] Below it, with variables. */
  readonly mpdFile: string;
  /** [dash_cleanup] */
  readonly cleanup: boolean;
  /** [dash_dispose] ms; 0 = never. */
  readonly disposeMs: number;
  /** [dash_ctx] Viewers get a session, whose id is in the URLs of segments. */
  readonly viewerSessions: boolean;
  /** [utc_time] Dates in names are UTC. */
  readonly utc: boolean;
}

/** The times that a manifest tells its players, ms. */
export interface DashTiming {
  readonly minimumUpdatePeriodMs: number;
  readonly timeShiftBufferDepthMs: number;
  readonly minBufferTimeMs: number;
}

/** Media that a player gathers before it begins, ms. */
const START_BUFFER_MS = 2_000;

/**
 * A player learns of a segment by reading the manifest again, so it does that twice a segment, or more often when the
 * operator wants it: with SRS's default of 150 s it would have nothing to play for two minutes. Of `dash_timeshift` and
 * `dash_window_size` the one that keeps more wins, and at least what the presentation delay needs is kept.
 */
export function dashTiming(options: DashOptions): DashTiming {
  const { fragmentMs, updatePeriodMs, timeshiftMs, windowSegments } = options;
  return {
    minimumUpdatePeriodMs: Math.round(Math.min(updatePeriodMs, Math.max(1_000, fragmentMs / 2))),
    timeShiftBufferDepthMs: Math.round(Math.max(timeshiftMs, windowSegments * fragmentMs, 5 * fragmentMs)),
    minBufferTimeMs: Math.round(Math.min(fragmentMs, START_BUFFER_MS)),
  };
}

/**
 * How far behind the live edge a player should stay, ms: the segment that is being made and the time until the manifest is
 * read again, and one more segment to live on.
 */
export function presentationDelayMs(longestMs: number, timing: DashTiming): number {
  const wanted = 2 * longestMs + timing.minimumUpdatePeriodMs;
  return Math.round(Math.min(wanted, timing.timeShiftBufferDepthMs));
}
