import type { Rows } from './row.ts';

/** The log: directives of the root. */
export const LOG = {
  srs_log_tank: {
    type: 'enum',
    values: ['file', 'console'],
    default: 'file',
    otherwise: 'file',
    reload: 'hook',
    doc: 'Where the log goes.',
  },
  srs_log_file: {
    type: 'text',
    default: './objs/srs.log',
    reload: 'hook',
    doc: 'The log file when srs_log_tank is file.',
  },
  srs_log_level: {
    type: 'enum',
    values: ['verbose', 'info', 'trace', 'warn', 'error'],
    default: 'trace',
    reload: 'hook',
    doc: 'The least level that is logged; trace is the normal one.',
  },
  srs_log_level_v2: {
    type: 'enum',
    values: ['trace', 'debug', 'info', 'warn', 'error'],
    default: '',
    reload: 'hook',
    doc: 'The least level by the names of SRS 5; replaces srs_log_level when it is set.',
  },
  srs_log_format: {
    type: 'enum',
    values: ['srs', 'json'],
    default: 'srs',
    reload: 'hook',
    doc: 'How a line of the log looks: as in SRS, or one JSON object.',
  },
  utc_time: {
    type: 'flag',
    default: false,
    reload: 'hook',
    doc: 'Write times in UTC instead of local time.',
  },
  pithy_print_ms: {
    type: 'duration',
    unit: 'ms',
    default: 10_000,
    min: 1,
    reload: 'hook',
    doc: 'How often a session writes its line into the log.',
  },
  ff_log_dir: {
    type: 'text',
    default: './objs',
    feature: 'planned',
    reload: 'live',
    doc: 'Directory for the logs of ffmpeg; /dev/null writes none.',
  },
  ff_log_level: {
    type: 'text',
    default: 'info',
    feature: 'planned',
    reload: 'live',
    doc: 'Log level of ffmpeg.',
  },
} as const satisfies Rows;
