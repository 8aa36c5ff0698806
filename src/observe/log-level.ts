/** [srs_log_level] SRS's five levels, from most lines to fewest. */
export type SrsLogLevel = 'verbose' | 'info' | 'trace' | 'warn' | 'error';

/** [srs_log_level_v2] The names of the same five levels since SRS 5, in the same order. */
export type SrsLogLevelV2 = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/**
 * Below which lines are not written, and by which names lines say their level: `trace` is SRS 3's (`[Trace]`), `v2:info` the
 * same level as SRS 5 and later call it (`[INFO]`).
 */
export type LogLevel = SrsLogLevel | `v2:${SrsLogLevelV2}`;

/** The four kinds of line that a logger writes. */
export type LineLevel = 'debug' | 'info' | 'warn' | 'error';

const V1_RANK = { verbose: 0, info: 1, trace: 2, warn: 3, error: 4 } as const satisfies Record<
  SrsLogLevel,
  number
>;
const V2_RANK = { trace: 0, debug: 1, info: 2, warn: 3, error: 4 } as const satisfies Record<
  SrsLogLevelV2,
  number
>;

/** Our debug and info are SRS's info and trace. */
export const LINE_RANK = { debug: 1, info: 2, warn: 3, error: 4 } as const satisfies Record<
  LineLevel,
  number
>;

/** What stands in a line's second bracket. */
export type LevelNames = Readonly<Record<LineLevel, string>>;

const V1_NAMES: LevelNames = { debug: 'Info', info: 'Trace', warn: 'Warn', error: 'Error' };
const V2_NAMES: LevelNames = { debug: 'DEBUG', info: 'INFO', warn: 'WARN', error: 'ERROR' };

/** The level that the two directives ask for: `srs_log_level_v2` wins where it is set (not empty). */
export function logLevelOf(
  srsLogLevel: SrsLogLevel,
  srsLogLevelV2: SrsLogLevelV2 | '' | undefined,
): LogLevel {
  return srsLogLevelV2 === undefined || srsLogLevelV2 === '' ? srsLogLevel : `v2:${srsLogLevelV2}`;
}

/** The rank below which lines are dropped, and the names of the levels. */
export function readLevel(level: LogLevel): { readonly rank: number; readonly names: LevelNames } {
  return level.startsWith('v2:')
    ? { rank: V2_RANK[level.slice(3) as SrsLogLevelV2], names: V2_NAMES }
    : { rank: V1_RANK[level as SrsLogLevel], names: V1_NAMES };
}
