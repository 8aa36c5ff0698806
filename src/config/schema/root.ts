import { HEARTBEAT, HTTP_API, HTTP_SERVER, STATS, STREAM_CASTER } from './http.ts';
import type { Options, Rows } from './row.ts';
import { CHUNK_SIZE_RANGE, VHOST } from './vhost.ts';

/** The whole table: every directive is one row in the block where it may stand. Everything else is derived from it. */
export const ROOT = {
  listen: { type: 'listens', reload: 'hook', doc: 'Where RTMP listens.' },
  max_connections: {
    type: 'int',
    default: 1000,
    min: 1,
    max: 1_000_000,
    reload: 'hook',
    doc: 'Connections beyond this number are closed at once.',
  },
  chunk_size: {
    type: 'bytes',
    default: 60_000,
    ...CHUNK_SIZE_RANGE,
    reload: 'live',
    doc: 'RTMP chunk size announced to clients.',
  },
  rtmp_handshake_timeout: {
    type: 'duration',
    unit: 'ms',
    default: 10_000,
    min: 1,
    reload: 'live',
    doc: 'A client must finish the RTMP handshake within this time.',
  },
  daemon: {
    type: 'flag',
    default: true,
    reload: 'restart',
    doc: 'Run in the background; off is what service managers and containers want.',
  },
  pid: {
    type: 'text',
    default: './objs/srs.pid',
    reload: 'hook',
    doc: 'File that holds the process id.',
  },
  work_dir: {
    type: 'text',
    default: './',
    notEmpty: true,
    reload: 'restart',
    doc: 'Directory that relative paths start from.',
  },
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
    values: ['', 'trace', 'debug', 'info', 'warn', 'error'],
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
  http_api: { type: 'block', reload: 'hook', doc: 'The HTTP API.', rows: HTTP_API },
  http_server: { type: 'block', reload: 'hook', doc: 'Files and live streams over HTTP.', rows: HTTP_SERVER },
  vhost: {
    type: 'blocks',
    argument: { option: 'name', required: true },
    reload: 'hook',
    doc: 'Settings of one virtual host; `__defaultVhost__` serves every name that has no block of its own.',
    rows: VHOST,
  },
  asprocess: {
    type: 'flag',
    default: false,
    reload: 'restart',
    doc: 'Exit when the parent process is gone.',
  },
  empty_ip_ok: {
    type: 'flag',
    default: true,
    reload: 'live',
    doc: 'Accept connections whose peer is gone already.',
  },
  grace_start_wait: {
    type: 'duration',
    unit: 'ms',
    default: 2300,
    reload: 'live',
    doc: 'Graceful quit: wait before the listeners close.',
  },
  grace_final_wait: {
    type: 'duration',
    unit: 'ms',
    default: 3200,
    reload: 'live',
    doc: 'Graceful quit: last wait.',
  },
  force_grace_quit: {
    type: 'flag',
    default: false,
    reload: 'live',
    doc: 'SIGTERM quits gracefully.',
  },
  disable_daemon_for_docker: {
    type: 'flag',
    default: true,
    reload: 'restart',
    doc: 'No daemon inside a container.',
  },
  in_docker: {
    type: 'flag',
    default: false,
    reload: 'restart',
    doc: 'Behave as inside a container, also where none is detected.',
  },
  inotify_auto_reload: {
    type: 'flag',
    default: false,
    reload: 'restart',
    doc: 'Reload when the file changes.',
  },
  auto_reload_for_docker: {
    type: 'flag',
    default: true,
    reload: 'restart',
    doc: 'Reload when the file changes inside a container.',
  },
  query_latest_version: {
    type: 'flag',
    default: true,
    feature: 'planned',
    reload: 'live',
    doc: 'Ask for a newer version of SRS.',
  },
  heartbeat: {
    type: 'block',
    feature: 'planned',
    reload: 'live',
    doc: 'Regular report to a service.',
    rows: HEARTBEAT,
  },
  stats: { type: 'block', feature: 'planned', reload: 'live', doc: 'What is counted.', rows: STATS },
  stream_caster: {
    type: 'blocks',
    argument: { option: 'name', required: false },
    feature: 'planned',
    reload: 'restart',
    doc: 'Streams of other protocols.',
    rows: STREAM_CASTER,
  },
} as const satisfies Rows;

/** The options of a whole file. Every member has its unit in its name; nothing in it can be changed. */
export type Config = Options<typeof ROOT>;
/** The options of one vhost. */
export type VhostConfig = Config['vhosts'][number];
/** The options of one ingest. */
export type IngestConfig = VhostConfig['ingests'][number];
