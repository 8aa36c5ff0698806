import { STREAM_CASTER } from './caster.ts';
import { EXPORTER, HEARTBEAT, HTTP_API, HTTP_SERVER, RTMPS, STATS } from './http.ts';
import { INAPPLICABLE } from './inapplicable.ts';
import { BANS } from './limits.ts';
import { LOG } from './log.ts';
import { CIRCUIT_BREAKER, PROCESS } from './process.ts';
import { PROXIES } from './proxies.ts';
import type { Options, Rows } from './row.ts';
import { RTC_SERVER } from './rtc.ts';
import { RTSP_SERVER, SRT_SERVER } from './srt.ts';
import { SPOOL } from './spool.ts';
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
  empty_ip_ok: {
    type: 'flag',
    default: true,
    reload: 'live',
    doc: 'Accept connections whose peer is gone already.',
  },
  ...PROXIES,
  ...SPOOL,
  ...PROCESS,
  ...LOG,
  ...INAPPLICABLE,
  ...BANS,
  http_api: { type: 'block', reload: 'hook', doc: 'The HTTP API.', rows: HTTP_API },
  http_server: { type: 'block', reload: 'hook', doc: 'Files and live streams over HTTP.', rows: HTTP_SERVER },
  vhost: {
    type: 'blocks',
    argument: { option: 'name', required: true },
    reload: 'hook',
    doc: 'Settings of one virtual host; `__defaultVhost__` serves every name that has no block of its own.',
    rows: VHOST,
  },
  rtmps: { type: 'block', reload: 'hook', doc: 'RTMP over TLS.', rows: RTMPS },
  exporter: {
    type: 'block',
    reload: 'hook',
    doc: 'Figures for Prometheus.',
    rows: EXPORTER,
  },
  rtc_server: {
    type: 'block',
    feature: 'planned',
    reload: 'restart',
    doc: 'The WebRTC server.',
    rows: RTC_SERVER,
  },
  srt_server: {
    type: 'block',
    feature: 'planned',
    reload: 'restart',
    doc: 'The SRT server.',
    rows: SRT_SERVER,
  },
  rtsp_server: {
    type: 'block',
    feature: 'planned',
    reload: 'restart',
    doc: 'The RTSP server.',
    rows: RTSP_SERVER,
  },
  circuit_breaker: {
    type: 'block',
    feature: 'planned',
    reload: 'live',
    doc: 'Do less when the processor is busy.',
    rows: CIRCUIT_BREAKER,
  },
  heartbeat: {
    type: 'block',
    reload: 'live',
    doc: 'Regular report to a service.',
    rows: HEARTBEAT,
  },
  stats: {
    type: 'block',
    reload: 'live',
    doc: 'What is measured of the machine.',
    rows: STATS,
  },
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
