import type { Rows } from './row.ts';

/** tencentcloud_cls. */
const CLOUD_LOG = {
  enabled: { type: 'flag', default: false, reload: 'restart', doc: 'Send the log to that service.' },
  stat_heartbeat: { type: 'flag', default: true, reload: 'restart', doc: 'Send figures of the server.' },
  stat_streams: { type: 'flag', default: true, reload: 'restart', doc: 'Send figures of the streams.' },
  debug_logging: { type: 'flag', default: false, reload: 'restart', doc: 'Log what is sent.' },
  heartbeat_ratio: {
    type: 'text',
    default: '',
    reload: 'restart',
    doc: 'How often figures of the server are sent.',
  },
  streams_ratio: {
    type: 'text',
    default: '',
    reload: 'restart',
    doc: 'How often figures of the streams are sent.',
  },
  label: { type: 'text', default: '', reload: 'restart', doc: 'Label of what is sent.' },
  tag: { type: 'text', default: '', reload: 'restart', doc: 'Tag of what is sent.' },
  secret_id: { type: 'text', default: '', reload: 'restart', doc: 'Name of the access key.' },
  secret_key: { type: 'text', default: '', secret: true, reload: 'restart', doc: 'The access key.' },
  endpoint: { type: 'text', default: '', reload: 'restart', doc: 'Host of the service.' },
  topic: { type: 'text', default: '', reload: 'restart', doc: 'Topic of the log.' },
} as const satisfies Rows;

/** tencentcloud_apm. */
const CLOUD_TRACE = {
  enabled: { type: 'flag', default: false, reload: 'restart', doc: 'Send traces to that service.' },
  debug_logging: { type: 'flag', default: false, reload: 'restart', doc: 'Log what is sent.' },
  service_name: {
    type: 'text',
    default: '',
    reload: 'restart',
    doc: 'Name under which this server appears.',
  },
  endpoint: { type: 'text', default: '', reload: 'restart', doc: 'Host and port of the service.' },
  token: { type: 'text', default: '', secret: true, reload: 'restart', doc: 'Token of the team.' },
  team: { type: 'text', default: '', reload: 'restart', doc: 'Id of the team.' },
} as const satisfies Rows;

/** Names of the root that make sense inside the program SRS only. */
export const INAPPLICABLE = {
  query_latest_version: {
    type: 'flag',
    default: false,
    feature: 'none',
    reload: 'live',
    doc: 'Asks the makers of SRS for a newer version of SRS.',
  },
  first_wait_for_qlv: {
    type: 'duration',
    unit: 's',
    default: 300_000,
    feature: 'none',
    reload: 'restart',
    doc: 'Wait before the first question for a newer version.',
  },
  is_full: {
    type: 'flag',
    default: false,
    feature: 'none',
    reload: 'restart',
    doc: 'Marks the file that shows every directive of SRS.',
  },
  tcmalloc_release_rate: {
    type: 'float',
    default: 0.8,
    min: 0,
    max: 10,
    feature: 'none',
    reload: 'restart',
    doc: 'How fast the allocator of SRS gives memory back.',
  },
  threads: {
    type: 'block',
    feature: 'none',
    reload: 'restart',
    doc: 'Threads of SRS.',
    rows: {
      interval: {
        type: 'duration',
        unit: 's',
        default: 5000,
        min: 1,
        reload: 'restart',
        doc: 'How often the threads of SRS are looked after.',
      },
    },
  },
  tencentcloud_cls: {
    type: 'block',
    feature: 'none',
    reload: 'restart',
    doc: 'Log service of a cloud, in SRS 5 and 6.',
    rows: CLOUD_LOG,
  },
  tencentcloud_apm: {
    type: 'block',
    feature: 'none',
    reload: 'restart',
    doc: 'Trace service of a cloud, in SRS 5 and 6.',
    rows: CLOUD_TRACE,
  },
} as const satisfies Rows;
