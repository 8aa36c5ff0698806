import type { Rows } from './row.ts';

const HTML = './objs/nginx/html';

/** vhost > hls. */
export const HLS = {
  enabled: { type: 'flag', default: false, reload: 'hook', doc: 'Write HLS.' },
  hls_fragment: {
    type: 'duration',
    unit: 's',
    default: 10_000,
    min: 1,
    reload: 'hook',
    doc: 'Target length of a segment.',
  },
  hls_td_ratio: {
    type: 'float',
    default: 1.5,
    min: 0,
    reload: 'hook',
    doc: 'Target duration as a multiple of hls_fragment.',
  },
  hls_aof_ratio: {
    type: 'float',
    default: 2,
    min: 0,
    reload: 'hook',
    doc: 'Audio-only streams are cut at this multiple of hls_fragment.',
  },
  hls_window: {
    type: 'duration',
    unit: 's',
    default: 60_000,
    min: 1,
    reload: 'hook',
    doc: 'Length of the playlist.',
  },
  hls_on_error: {
    type: 'enum',
    values: ['ignore', 'disconnect', 'continue'],
    default: 'continue',
    reload: 'hook',
    doc: 'When writing fails: stop HLS, drop the publisher, or keep trying.',
  },
  hls_path: { type: 'text', default: HTML, reload: 'hook', doc: 'Root directory of the files.' },
  hls_m3u8_file: {
    type: 'text',
    default: '[app]/[stream].m3u8',
    reload: 'hook',
    doc: 'Name of the playlist.',
  },
  hls_ts_file: {
    type: 'text',
    default: '[app]/[stream]-[seq].ts',
    reload: 'hook',
    doc: 'Name of a segment.',
  },
  hls_ts_floor: {
    type: 'flag',
    default: false,
    reload: 'hook',
    doc: 'Name segments by the time divided by hls_fragment.',
  },
  hls_entry_prefix: {
    type: 'text',
    default: '',
    reload: 'hook',
    doc: 'Prefix of the segment URLs in the playlist.',
  },
  hls_acodec: {
    type: 'enum',
    values: ['aac', 'mp3', 'an'],
    default: 'aac',
    reload: 'hook',
    doc: 'Expected audio codec.',
  },
  hls_vcodec: {
    type: 'enum',
    values: ['h264', 'vn'],
    default: 'h264',
    reload: 'hook',
    doc: 'Expected video codec.',
  },
  hls_cleanup: {
    type: 'flag',
    default: true,
    reload: 'hook',
    doc: 'Delete segments that left the playlist.',
  },
  hls_dispose: {
    type: 'duration',
    unit: 's',
    default: 0,
    reload: 'hook',
    doc: 'Delete everything after so much silence; 0 is never.',
  },
  hls_nb_notify: {
    type: 'bytes',
    default: 64,
    reload: 'hook',
    doc: 'How much of the answer to on_hls_notify is read.',
  },
  hls_wait_keyframe: { type: 'flag', default: true, reload: 'hook', doc: 'Cut at keyframes only.' },
  hls_keys: { type: 'flag', default: false, prefer: 'on', reload: 'hook', doc: 'Encrypt with AES-128.' },
  hls_fragments_per_key: {
    type: 'int',
    default: 5,
    min: 1,
    reload: 'hook',
    doc: 'Segments that share a key.',
  },
  hls_key_file: {
    type: 'text',
    default: '[app]/[stream]-[seq].key',
    reload: 'hook',
    doc: 'Name of a key file.',
  },
  hls_key_file_path: {
    type: 'text',
    default: '',
    reload: 'hook',
    doc: 'Root directory of the key files; empty is hls_path.',
  },
  hls_key_url: {
    type: 'text',
    default: '',
    reload: 'hook',
    doc: 'Prefix of the key URLs in the playlist; empty is hls_path.',
  },
  hls_dts_directly: {
    type: 'flag',
    default: true,
    reload: 'hook',
    doc: 'Take audio timestamps as they are; off counts samples.',
  },
  hls_storage: {
    type: 'text',
    default: '',
    feature: 'planned',
    reload: 'hook',
    doc: 'Accepted and ignored, as in SRS 3.',
  },
  hls_mount: {
    type: 'text',
    default: '',
    feature: 'planned',
    reload: 'hook',
    doc: 'Accepted and ignored, as in SRS 3.',
  },
} as const satisfies Rows;

/** vhost > hds. */
export const HDS = {
  enabled: { type: 'flag', default: false, reload: 'hook', doc: 'Write HDS.' },
  hds_fragment: {
    type: 'duration',
    unit: 's',
    default: 10_000,
    min: 1,
    reload: 'hook',
    doc: 'Target length of a fragment.',
  },
  hds_window: {
    type: 'duration',
    unit: 's',
    default: 60_000,
    min: 1,
    reload: 'hook',
    doc: 'Length of the manifest.',
  },
  hds_path: { type: 'text', default: HTML, reload: 'hook', doc: 'Root directory of the files.' },
} as const satisfies Rows;

/** vhost > dash. */
export const DASH = {
  enabled: { type: 'flag', default: false, reload: 'hook', doc: 'Write DASH.' },
  dash_fragment: {
    type: 'duration',
    unit: 's',
    default: 30_000,
    min: 1,
    reload: 'hook',
    doc: 'Length of a segment.',
  },
  dash_update_period: {
    type: 'duration',
    unit: 's',
    default: 150_000,
    min: 1,
    reload: 'hook',
    doc: 'How often players read the MPD again.',
  },
  dash_timeshift: {
    type: 'duration',
    unit: 's',
    default: 300_000,
    min: 1,
    reload: 'hook',
    doc: 'How far a viewer may go back.',
  },
  dash_path: { type: 'text', default: HTML, reload: 'hook', doc: 'Root directory of the files.' },
  dash_mpd_file: { type: 'text', default: '[app]/[stream].mpd', reload: 'hook', doc: 'Name of the MPD.' },
} as const satisfies Rows;

/** vhost > dvr. */
export const DVR = {
  enabled: { type: 'flag', default: false, reload: 'hook', doc: 'Record streams.' },
  dvr_apply: {
    type: 'list',
    default: ['all'],
    reload: 'hook',
    doc: 'Streams to record: all, none, or app/stream.',
  },
  dvr_plan: {
    type: 'enum',
    values: ['session', 'segment'],
    default: 'session',
    reload: 'hook',
    doc: 'One file per publish, or one per dvr_duration.',
  },
  dvr_path: {
    type: 'text',
    default: `${HTML}/[app]/[stream].[timestamp].flv`,
    reload: 'hook',
    doc: 'Name of a file; .flv or .mp4 picks the format.',
  },
  dvr_duration: {
    type: 'duration',
    unit: 's',
    default: 30_000,
    min: 1,
    reload: 'hook',
    doc: 'Length of a file with the plan segment.',
  },
  dvr_wait_keyframe: { type: 'flag', default: true, reload: 'hook', doc: 'Cut at keyframes only.' },
  time_jitter: {
    type: 'enum',
    values: ['full', 'zero', 'off'],
    default: 'full',
    reload: 'hook',
    doc: 'Timestamps of recorded files, as in play.',
  },
} as const satisfies Rows;
