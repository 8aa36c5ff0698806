import type { Rows } from './row.ts';

/** http_api. */
export const HTTP_API = {
  enabled: { type: 'flag', default: false, reload: 'hook', doc: 'Serve the HTTP API.' },
  listen: { type: 'listen', default: 1985, reload: 'hook', doc: 'Where the HTTP API listens.' },
  crossdomain: {
    type: 'flag',
    default: true,
    reload: 'hook',
    doc: 'Let pages of other sites call it (CORS).',
  },
  raw_api: {
    type: 'block',
    feature: 'planned',
    reload: 'hook',
    doc: 'Configuration over HTTP.',
    rows: {
      enabled: { type: 'flag', default: false, reload: 'hook', doc: 'Serve /api/v1/raw.' },
      allow_reload: { type: 'flag', default: false, reload: 'hook', doc: 'Allow rpc=reload.' },
      allow_query: { type: 'flag', default: false, reload: 'hook', doc: 'Allow rpc=query.' },
      allow_update: { type: 'flag', default: false, reload: 'hook', doc: 'Allow rpc=update.' },
    },
  },
} as const satisfies Rows;

/** http_server. */
export const HTTP_SERVER = {
  enabled: { type: 'flag', default: false, reload: 'hook', doc: 'Serve files and live streams over HTTP.' },
  listen: { type: 'listen', default: 8080, reload: 'hook', doc: 'Where the HTTP server listens.' },
  dir: {
    type: 'text',
    default: './objs/nginx/html',
    notEmpty: true,
    reload: 'hook',
    doc: 'Directory of the files.',
  },
  crossdomain: { type: 'flag', default: true, reload: 'hook', doc: 'Let pages of other sites play (CORS).' },
  page: {
    type: 'flag',
    default: true,
    reload: 'hook',
    doc: 'Show the built-in page with the live streams at / when dir has no index.html; off turns the page off.',
  },
} as const satisfies Rows;

/** heartbeat. */
export const HEARTBEAT = {
  enabled: { type: 'flag', default: false, reload: 'live', doc: 'Report to a service from time to time.' },
  interval: {
    type: 'duration',
    unit: 's',
    default: 9900,
    min: 1,
    reload: 'live',
    doc: 'Time between two reports.',
  },
  url: { type: 'text', default: 'http://127.0.0.1:8085/api/v1/servers', reload: 'live', doc: 'The service.' },
  device_id: { type: 'text', default: '', reload: 'live', doc: 'Who reports.' },
  summaries: { type: 'flag', default: false, reload: 'live', doc: 'Add the data of /api/v1/summaries.' },
} as const satisfies Rows;

/** stats. */
export const STATS = {
  network: { type: 'int', default: 0, min: 0, reload: 'live', doc: 'Which local address the API reports.' },
  disk: { type: 'list', default: [], reload: 'live', doc: 'Disks whose load is counted.' },
} as const satisfies Rows;

/** stream_caster. */
export const STREAM_CASTER = {
  enabled: { type: 'flag', default: false, reload: 'restart', doc: 'Take streams of another protocol.' },
  caster: {
    type: 'enum',
    values: ['mpegts_over_udp', 'rtsp', 'flv'],
    default: 'mpegts_over_udp',
    reload: 'restart',
    doc: 'The protocol.',
  },
  output: { type: 'text', default: '', reload: 'restart', doc: 'RTMP URL to publish to.' },
  listen: {
    type: 'int',
    default: 0,
    min: 0,
    max: 65_535,
    reload: 'restart',
    doc: 'Port: UDP for mpegts_over_udp, else TCP.',
  },
  rtp_port_min: {
    type: 'int',
    default: 0,
    min: 0,
    max: 65_535,
    reload: 'restart',
    doc: 'First UDP port for RTP.',
  },
  rtp_port_max: {
    type: 'int',
    default: 0,
    min: 0,
    max: 65_535,
    reload: 'restart',
    doc: 'The UDP port after the last one for RTP.',
  },
} as const satisfies Rows;
