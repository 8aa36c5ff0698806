import type { Rows } from './row.ts';

/** vhost > cluster. */
export const CLUSTER = {
  mode: {
    type: 'enum',
    values: ['local', 'remote'],
    default: 'local',
    reload: 'restart',
    doc: 'remote makes this vhost an edge.',
  },
  origin: { type: 'list', default: [], reload: 'live', doc: 'Origins of an edge, tried in turn.' },
  token_traverse: {
    type: 'flag',
    default: false,
    reload: 'live',
    doc: 'Let the origin authenticate the clients of the edge.',
  },
  vhost: { type: 'text', default: '[vhost]', reload: 'live', doc: 'The vhost to ask for at the origin.' },
  debug_srs_upnode: { type: 'flag', default: true, reload: 'live', doc: 'Tell the origin who is asking.' },
  origin_cluster: {
    type: 'flag',
    default: false,
    reload: 'restart',
    doc: 'Look a missing stream up at the coworkers and redirect to it.',
  },
  coworkers: { type: 'list', default: [], reload: 'restart', doc: 'HTTP APIs of the other origins.' },
  protocol: {
    type: 'enum',
    values: ['rtmp', 'flv', 'flvs'],
    default: 'rtmp',
    reload: 'live',
    doc: 'How an edge fetches a stream: RTMP, HTTP-FLV, or HTTPS-FLV.',
  },
  follow_client: {
    type: 'flag',
    default: false,
    reload: 'live',
    doc: 'Fetch a stream by the protocol of the client that asks for it.',
  },
} as const satisfies Rows;

/** vhost > forward. */
export const FORWARD = {
  enabled: { type: 'flag', default: false, reload: 'hook', doc: 'Push every published stream on.' },
  destination: { type: 'list', default: [], reload: 'hook', doc: 'RTMP servers to push to.' },
  backend: {
    type: 'text',
    default: '',
    form: 'http-url',
    reload: 'hook',
    doc: 'A service that names the servers to push a stream to; it takes the place of destination.',
  },
} as const satisfies Rows;

/** vhost > refer. */
export const REFER = {
  enabled: { type: 'flag', default: false, reload: 'live', doc: 'Check the page that a client comes from.' },
  all: {
    type: 'list',
    default: [],
    reload: 'live',
    doc: 'Domains whose pages may publish and play; without a list every page may.',
  },
  publish: { type: 'list', default: [], reload: 'live', doc: 'Domains whose pages may publish.' },
  play: { type: 'list', default: [], reload: 'live', doc: 'Domains whose pages may play.' },
} as const satisfies Rows;

/** vhost > security. */
export const SECURITY = {
  enabled: { type: 'flag', default: false, reload: 'live', doc: 'Check the address of clients.' },
  allow: {
    type: 'lists',
    form: 'access-rule',
    reload: 'live',
    doc: 'Who may: publish or play, then all, an address or a range such as 10.0.0.0/8.',
  },
  deny: {
    type: 'lists',
    form: 'access-rule',
    reload: 'live',
    doc: 'Who may not, written as in allow; it counts before allow.',
  },
} as const satisfies Rows;

/** vhost > http_static. */
export const HTTP_STATIC = {
  enabled: { type: 'flag', default: false, reload: 'hook', doc: 'Serve files for this vhost.' },
  mount: {
    type: 'text',
    default: '[vhost]/',
    reload: 'hook',
    doc: 'URL prefix; with [vhost] in front it matches the host of the request (__defaultVhost__: every host).',
  },
  dir: {
    type: 'text',
    default: './objs/nginx/html',
    notEmpty: true,
    reload: 'hook',
    doc: 'Directory of the files.',
  },
} as const satisfies Rows;

/** vhost > http_hooks. */
export const HTTP_HOOKS = {
  enabled: {
    type: 'flag',
    default: false,
    reload: 'live',
    doc: 'Ask and tell HTTP services; see docs/callbacks.md.',
  },
  on_connect: {
    type: 'list',
    default: [],
    form: 'http-url',
    reload: 'live',
    doc: 'Asked when an RTMP client connects.',
  },
  on_close: {
    type: 'list',
    default: [],
    form: 'http-url',
    reload: 'live',
    doc: 'Told when an RTMP connection that was let in is over.',
  },
  on_publish: {
    type: 'list',
    default: [],
    form: 'http-url',
    reload: 'live',
    doc: 'Asked before a client publishes.',
  },
  on_unpublish: {
    type: 'list',
    default: [],
    form: 'http-url',
    reload: 'live',
    doc: 'Told when a publisher is gone.',
  },
  on_play: {
    type: 'list',
    default: [],
    form: 'http-url',
    reload: 'live',
    doc: 'Asked before a client plays.',
  },
  on_stop: {
    type: 'list',
    default: [],
    form: 'http-url',
    reload: 'live',
    doc: 'Told when a viewer is gone.',
  },
  on_dvr: {
    type: 'list',
    default: [],
    form: 'http-url',
    reload: 'live',
    doc: 'Told when a recording is finished.',
  },
  on_hls: {
    type: 'list',
    default: [],
    form: 'http-url',
    reload: 'live',
    doc: 'Told when a segment of HLS is finished.',
  },
  on_hls_notify: {
    type: 'list',
    default: [],
    form: 'http-url',
    reload: 'live',
    doc: 'Fetched when a segment of HLS is finished: [server_id], [app], [stream], [ts_url] and [param] are filled in.',
  },
  timeout: {
    type: 'duration',
    unit: 's',
    default: 10_000,
    min: 100,
    max: 60_000,
    reload: 'live',
    doc: 'The longest that one call may take (SRS: 30 seconds). A decision takes 25 seconds at most.',
  },
  retries: {
    type: 'int',
    default: 7,
    min: 0,
    max: 100,
    reload: 'live',
    doc: 'How often an event that does not decide is told again where nobody answered: after 1, 2, 4 and so on up to 30 seconds.',
  },
  fail_open: {
    type: 'list',
    default: [],
    form: 'deciding-hook',
    reload: 'live',
    doc: 'Which of on_connect, on_publish and on_play are granted where nobody answers; the others are refused then, as in SRS.',
  },
  secret: {
    type: 'text',
    default: '',
    secret: true,
    reload: 'live',
    doc: 'Key of the signature (HMAC-SHA-256) that each call carries; without one calls are not signed.',
  },
  tls_verify: {
    type: 'flag',
    default: true,
    reload: 'live',
    doc: 'Whether the certificate of an HTTPS service must be valid. SRS does not look at it.',
  },
} as const satisfies Rows;

/** vhost > exec. */
export const EXEC = {
  enabled: { type: 'flag', default: false, reload: 'hook', doc: 'Run programs while a stream is published.' },
  publish: {
    type: 'lists',
    reload: 'hook',
    doc: 'A program with its arguments; variables are filled in, and > and 2> redirect its output.',
  },
} as const satisfies Rows;

/** vhost > bandcheck. */
export const BANDCHECK = {
  enabled: {
    type: 'flag',
    default: false,
    reload: 'live',
    doc: 'Answer the bandwidth test that SRS had up to version 3.',
  },
  key: {
    type: 'text',
    default: '',
    secret: true,
    reload: 'live',
    doc: 'Key that a client of the test must know.',
  },
  interval: { type: 'duration', unit: 's', default: 30_000, reload: 'live', doc: 'Time between two tests.' },
  limit_kbps: {
    type: 'int',
    default: 1000,
    min: 0,
    max: 10_000_000,
    reload: 'live',
    doc: 'The most kbit/s that the test measures.',
  },
} as const satisfies Rows;
