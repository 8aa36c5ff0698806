import type { Rows } from './row.ts';

const HTML = './objs/nginx/html';

/** vhost > hds. */
export const HDS = {
  enabled: { type: 'flag', default: false, reload: 'hook', doc: 'Write HDS.' },
  hds_fragment: {
    type: 'duration',
    unit: 's',
    default: 10_000,
    min: 1,
    reload: 'hook',
    doc: 'Least length of a fragment, which ends with the next keyframe.',
  },
  hds_window: {
    type: 'duration',
    unit: 's',
    default: 60_000,
    min: 1,
    reload: 'hook',
    doc: 'Length of what the bootstrap information lists.',
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
    doc: 'Least length of a segment, which ends with the next keyframe.',
  },
  dash_update_period: {
    type: 'duration',
    unit: 's',
    default: 150_000,
    min: 1,
    reload: 'hook',
    doc: 'How often players read the MPD again; at most half a segment is told them.',
  },
  dash_timeshift: {
    type: 'duration',
    unit: 's',
    default: 300_000,
    min: 1,
    reload: 'hook',
    doc: 'How far a viewer may go back; the larger of this and dash_window_size holds.',
  },
  dash_path: { type: 'text', default: HTML, reload: 'hook', doc: 'Root directory of the files.' },
  dash_mpd_file: { type: 'text', default: '[app]/[stream].mpd', reload: 'hook', doc: 'Name of the MPD.' },
  dash_window_size: {
    type: 'int',
    default: 5,
    min: 1,
    max: 100_000,
    reload: 'hook',
    doc: 'How many segments the MPD lists at least.',
  },
  dash_cleanup: { type: 'flag', default: true, reload: 'hook', doc: 'Delete segments that left the MPD.' },
  dash_dispose: {
    type: 'duration',
    unit: 's',
    default: 120_000,
    reload: 'hook',
    doc: 'Delete everything after so much silence; 0 is never.',
  },
  dash_ctx: {
    type: 'flag',
    default: true,
    reload: 'hook',
    doc: 'Give each DASH viewer a session, whose id is in the URLs of segments, so that viewers can be counted.',
  },
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
    values: ['session', 'segment', 'append'],
    default: 'session',
    reload: 'hook',
    doc: 'One file per publish, one per dvr_duration, or one that grows with each publish.',
  },
  dvr_path: {
    type: 'text',
    default: `${HTML}/[app]/[stream].[timestamp].flv`,
    reload: 'hook',
    doc: 'Name of a file; .flv, .mp4 or .ts picks the format.',
  },
  dvr_public: {
    type: 'flag',
    default: false,
    reload: 'hook',
    doc: 'Give recordings below a folder of the HTTP server to everybody, also where rules say who may play.',
  },
  dvr_fmp4: {
    type: 'flag',
    default: false,
    reload: 'hook',
    doc: 'Files that end in .mp4 stay fragmented.',
  },
  dvr_duration: {
    type: 'duration',
    unit: 's',
    default: 30_000,
    min: 1,
    reload: 'hook',
    doc: 'Length of a file with the plan segment.',
  },
  dvr_wait_keyframe: { type: 'flag', default: true, reload: 'hook', doc: 'Begin files with keyframes.' },
  time_jitter: {
    type: 'enum',
    values: ['full', 'zero', 'off'],
    default: 'full',
    reload: 'hook',
    doc: 'Times in the files: from 0 on; off: as in the stream.',
  },
} as const satisfies Rows;
