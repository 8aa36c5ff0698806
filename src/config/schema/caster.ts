import type { Rows } from './row.ts';

/** stream_caster > sip. */
const SIP = {
  enabled: {
    type: 'flag',
    default: true,
    reload: 'restart',
    doc: 'Answer the cameras by the built-in SIP server.',
  },
  listen: { type: 'listens', default: 5060, reload: 'restart', doc: 'Where SIP listens.' },
  timeout: {
    type: 'duration',
    unit: 's',
    default: 60_000,
    min: 1,
    reload: 'restart',
    doc: 'A camera that is silent for so long is gone.',
  },
  reinvite: {
    type: 'duration',
    unit: 's',
    default: 5000,
    min: 1,
    reload: 'restart',
    doc: 'How long to wait before a camera is invited again.',
  },
  candidate: {
    type: 'text',
    default: '*',
    reload: 'restart',
    doc: 'The address of this server that cameras are told; * finds it out.',
  },
} as const satisfies Rows;

/** stream_caster. */
export const STREAM_CASTER = {
  enabled: { type: 'flag', default: false, reload: 'restart', doc: 'Take streams of another protocol.' },
  caster: {
    type: 'enum',
    values: ['mpegts_over_udp', 'rtsp', 'flv', 'gb28181'],
    default: 'mpegts_over_udp',
    reload: 'restart',
    doc: 'What comes in: MPEG-TS over UDP, RTSP, FLV over HTTP, or GB28181.',
  },
  output: { type: 'text', default: '', reload: 'restart', doc: 'RTMP URL to publish to.' },
  listen: {
    type: 'int',
    default: 0,
    min: 0,
    max: 65_535,
    reload: 'restart',
    doc: 'Port that it listens on: UDP for mpegts_over_udp, else TCP.',
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
  sip: {
    type: 'block',
    feature: 'planned',
    reload: 'restart',
    doc: 'SIP server of the caster gb28181.',
    rows: SIP,
  },
} as const satisfies Rows;
