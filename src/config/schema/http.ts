import type { Rows } from './row.ts';

const CERTIFICATE = {
  key: {
    type: 'text',
    default: './conf/server.key',
    reload: 'hook',
    doc: 'File of the private key, in PEM form.',
  },
  cert: {
    type: 'text',
    default: './conf/server.crt',
    reload: 'hook',
    doc: 'File of the certificate and its chain, in PEM form.',
  },
} as const satisfies Rows;

/** http_api > https. */
const HTTPS_API = {
  enabled: { type: 'flag', default: false, reload: 'hook', doc: 'Serve the HTTP API over TLS as well.' },
  listen: { type: 'listens', default: 1990, reload: 'hook', doc: 'Where the API listens for TLS.' },
  ...CERTIFICATE,
} as const satisfies Rows;

/** http_server > https. */
const HTTPS_SERVER = {
  enabled: {
    type: 'flag',
    default: false,
    reload: 'hook',
    doc: 'Serve files and live streams over TLS as well.',
  },
  listen: { type: 'listens', default: 8088, reload: 'hook', doc: 'Where the HTTP server listens for TLS.' },
  ...CERTIFICATE,
} as const satisfies Rows;

/** rtmps: RTMP over TLS. */
export const RTMPS = {
  enabled: { type: 'flag', default: false, reload: 'hook', doc: 'Serve RTMP over TLS.' },
  listen: { type: 'listens', default: 1443, reload: 'hook', doc: 'Where RTMP over TLS listens.' },
  ...CERTIFICATE,
} as const satisfies Rows;

/** exporter: figures for Prometheus. `max_streams` is ours. */
export const EXPORTER = {
  enabled: {
    type: 'flag',
    default: false,
    reload: 'hook',
    doc: 'Serve figures for Prometheus at /metrics, here and on the HTTP API.',
  },
  listen: { type: 'listens', default: 9972, reload: 'hook', doc: 'Where the figures are served.' },
  label: { type: 'text', default: '', reload: 'live', doc: 'Label that srs_build_info carries.' },
  tag: { type: 'text', default: '', reload: 'live', doc: 'Tag that srs_build_info carries.' },
  max_streams: {
    type: 'int',
    default: 1000,
    min: 0,
    max: 100_000,
    reload: 'live',
    doc: 'How many streams have series of their own, the busiest first; the others are summed up.',
  },
} as const satisfies Rows;

/** http_api > auth. SRS has `enabled`, `username` and `password`. */
const HTTP_API_AUTH = {
  enabled: {
    type: 'enum',
    values: ['auto', 'on', 'off'],
    default: 'auto',
    reload: 'hook',
    doc: 'Ask callers for credentials: always, never, or (auto) unless the API listens on loopback addresses only and no credentials are configured.',
  },
  username: {
    type: 'text',
    default: '',
    reload: 'hook',
    doc: 'Name of HTTP basic authentication; who gives it and the password may do everything.',
  },
  password: {
    type: 'text',
    default: '',
    secret: true,
    reload: 'hook',
    doc: 'The password that goes with the name.',
  },
  token: {
    type: 'lists',
    form: 'api-token',
    secret: true,
    reload: 'hook',
    doc: 'A role (read, operate or admin) and a bearer token, or the SHA-256 of one as sha256:HASH.',
  },
  token_file: {
    type: 'text',
    default: './objs/api.token',
    notEmpty: true,
    reload: 'hook',
    doc: 'File with more tokens, one a line, a role before each that is no admin. When credentials are needed and there are none at all, it is made with a new token.',
  },
} as const satisfies Rows;

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
  auth: {
    type: 'block',
    reload: 'hook',
    doc: 'Who may call the HTTP API.',
    rows: HTTP_API_AUTH,
  },
  https: {
    type: 'block',
    reload: 'hook',
    doc: 'The HTTP API over TLS.',
    rows: HTTPS_API,
  },
  raw_api: {
    type: 'block',
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
  https: {
    type: 'block',
    reload: 'hook',
    doc: 'The HTTP server over TLS.',
    rows: HTTPS_SERVER,
  },
  live_memory: {
    type: 'bytes',
    default: 256 * 1024 * 1024,
    reload: 'hook',
    doc: 'How many bytes of HLS and DASH segments are kept in memory for viewers, for all streams; older ones are read from the disk.',
  },
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
  url: {
    type: 'text',
    default: 'http://127.0.0.1:8085/api/v1/servers',
    form: 'http-url',
    reload: 'live',
    doc: 'The service that gets the reports.',
  },
  device_id: { type: 'text', default: '', reload: 'live', doc: 'The name under which this server reports.' },
  ports: {
    type: 'flag',
    default: false,
    reload: 'live',
    doc: 'Add the ports of this server, for a proxy in front of it.',
  },
  summaries: { type: 'flag', default: false, reload: 'live', doc: 'Add the data of /api/v1/summaries.' },
} as const satisfies Rows;

/** stats. */
export const STATS = {
  enabled: { type: 'flag', default: true, reload: 'live', doc: 'Measure the machine and the process.' },
  network: {
    type: 'int',
    default: 0,
    min: 0,
    form: 'local-address',
    reload: 'live',
    doc: 'Which local address the API reports.',
  },
  disk: { type: 'list', default: [], reload: 'live', doc: 'Disks whose load is counted.' },
} as const satisfies Rows;
