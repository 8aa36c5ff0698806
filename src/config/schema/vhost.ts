import * as access from './access.ts';
import { HEALTH } from './health.ts';
import { INGEST, TRANSCODE } from './ingest.ts';
import { HTTP_REMUX, PLAY, PUBLISH } from './media.ts';
import { HLS } from './hls.ts';
import { LIMITS } from './limits.ts';
import { DASH, DVR, HDS } from './recording.ts';
import type { Rows } from './row.ts';
import { ACCESS } from './tokens.ts';
import { VHOST_RTC } from './rtc.ts';
import { VHOST_RTSP, VHOST_SRT } from './srt.ts';

/** What a chunk size can be at all (31 bits), and what is sensible. */
export const CHUNK_SIZE_RANGE = { min: 1, max: 0x7fffffff, sane: [128, 65_536] } as const;

/** vhost NAME. */
export const VHOST = {
  enabled: { type: 'flag', default: true, reload: 'hook', doc: 'off refuses every client of this vhost.' },
  min_latency: {
    type: 'flag',
    default: false,
    reload: 'hook',
    doc: 'Send each packet at once instead of gathering: the least latency for the most work.',
  },
  tcp_nodelay: {
    type: 'flag',
    default: true,
    reload: 'hook',
    doc: 'Set TCP_NODELAY for viewers. On by default, unlike in SRS: each write is a whole merge window already.',
  },
  chunk_size: {
    type: 'bytes',
    default: 'inherited',
    ...CHUNK_SIZE_RANGE,
    reload: 'hook',
    doc: 'RTMP chunk size announced to the clients of this vhost.',
  },
  in_ack_size: {
    type: 'bytes',
    default: 0,
    max: 0x7fffffff,
    reload: 'live',
    doc: 'After so many bytes this server acknowledges what a publisher sent; 0 leaves it to the publisher.',
  },
  out_ack_size: {
    type: 'bytes',
    default: 2_500_000,
    max: 0x7fffffff,
    reload: 'live',
    doc: 'After so many bytes a client should acknowledge; 0 does not ask for it.',
  },
  play: { type: 'block', reload: 'hook', doc: 'What viewers get.', rows: PLAY },
  publish: { type: 'block', reload: 'hook', doc: 'What is asked of publishers.', rows: PUBLISH },
  http_remux: { type: 'block', reload: 'hook', doc: 'Live streams over HTTP.', rows: HTTP_REMUX },
  ingest: {
    type: 'blocks',
    argument: { option: 'id', required: false },
    reload: 'hook',
    doc: 'Media that this server fetches and publishes itself.',
    rows: INGEST,
  },
  cluster: {
    type: 'block',
    feature: 'planned',
    reload: 'hook',
    doc: 'Edge and origin cluster.',
    rows: access.CLUSTER,
  },
  forward: {
    type: 'block',
    feature: 'planned',
    reload: 'hook',
    doc: 'Push streams to other servers.',
    rows: access.FORWARD,
  },
  refer: {
    type: 'block',
    reload: 'live',
    doc: 'Hotlink protection; see docs/access.md.',
    rows: access.REFER,
  },
  security: {
    type: 'block',
    reload: 'live',
    doc: 'Rules by address; see docs/access.md.',
    rows: access.SECURITY,
  },
  access: {
    type: 'block',
    reload: 'live',
    doc: 'Tokens and stream keys; see docs/access-tokens.md.',
    rows: ACCESS,
  },
  limits: {
    type: 'block',
    reload: 'live',
    doc: 'How many clients there may be at the same time.',
    rows: LIMITS,
  },
  http_static: {
    type: 'block',
    reload: 'hook',
    doc: 'Files of this vhost.',
    rows: access.HTTP_STATIC,
  },
  http_hooks: {
    type: 'block',
    reload: 'live',
    doc: 'HTTP callbacks.',
    rows: access.HTTP_HOOKS,
  },
  health: {
    type: 'block',
    reload: 'live',
    doc: 'What of published streams is warned of.',
    rows: HEALTH,
  },
  exec: {
    type: 'block',
    feature: 'planned',
    reload: 'hook',
    doc: 'Programs started by streams.',
    rows: access.EXEC,
  },
  dash: {
    type: 'block',
    reload: 'hook',
    doc: 'MPEG-DASH: manifests and segments.',
    rows: DASH,
  },
  hls: { type: 'block', reload: 'hook', doc: 'HLS: playlists and segments.', rows: HLS },
  hds: {
    type: 'block',
    reload: 'hook',
    doc: 'HDS: manifests and fragments of Adobe.',
    rows: HDS,
  },
  dvr: { type: 'block', reload: 'hook', doc: 'Record streams into files.', rows: DVR },
  transcode: {
    type: 'blocks',
    argument: { option: 'scope', required: false },
    feature: 'planned',
    reload: 'hook',
    doc: 'Encoding by ffmpeg.',
    rows: TRANSCODE,
  },
  rtc: { type: 'block', feature: 'planned', reload: 'hook', doc: 'WebRTC for this vhost.', rows: VHOST_RTC },
  srt: { type: 'block', feature: 'planned', reload: 'hook', doc: 'SRT for this vhost.', rows: VHOST_SRT },
  rtsp: { type: 'block', feature: 'planned', reload: 'hook', doc: 'RTSP for this vhost.', rows: VHOST_RTSP },
  bandcheck: {
    type: 'block',
    feature: 'planned',
    reload: 'live',
    doc: 'Bandwidth test.',
    rows: access.BANDCHECK,
  },
} as const satisfies Rows;
