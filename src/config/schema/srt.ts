import type { Rows } from './row.ts';

/** srt_server. */
export const SRT_SERVER = {
  enabled: { type: 'flag', default: false, reload: 'restart', doc: 'Take and serve streams over SRT.' },
  listen: { type: 'listens', default: 10_080, reload: 'restart', doc: 'Where SRT listens (UDP).' },
  maxbw: {
    type: 'int',
    default: -1,
    min: -1,
    reload: 'restart',
    doc: 'Most bytes per second that are sent; -1 is without bound, 0 follows the input.',
  },
  mss: {
    type: 'int',
    default: 1500,
    min: 76,
    max: 65_535,
    reload: 'restart',
    doc: 'Largest IP packet, in bytes.',
  },
  payloadsize: {
    type: 'int',
    default: 1316,
    min: 0,
    max: 1456,
    reload: 'restart',
    doc: 'Most payload of one packet, in bytes; 1316 is seven MPEG-TS packets.',
  },
  connect_timeout: {
    type: 'duration',
    unit: 'ms',
    default: 3000,
    min: 1,
    reload: 'restart',
    doc: 'The handshake must end within this time.',
  },
  peer_idle_timeout: {
    type: 'duration',
    unit: 'ms',
    default: 10_000,
    min: 1,
    reload: 'restart',
    doc: 'A peer that is silent for so long is gone.',
  },
  latency: {
    type: 'duration',
    unit: 'ms',
    default: 120,
    reload: 'restart',
    doc: 'How long packets wait for lost ones, for both directions.',
  },
  recvlatency: {
    type: 'duration',
    unit: 'ms',
    default: 120,
    reload: 'restart',
    doc: 'How long received packets wait for lost ones.',
  },
  peerlatency: {
    type: 'duration',
    unit: 'ms',
    default: 0,
    reload: 'restart',
    doc: 'The least that the peer must wait for lost packets.',
  },
  tsbpdmode: {
    type: 'flag',
    default: true,
    reload: 'restart',
    doc: 'Deliver packets at the pace at which they were sent.',
  },
  tlpktdrop: { type: 'flag', default: true, reload: 'restart', doc: 'Give up packets that come too late.' },
  sendbuf: {
    type: 'bytes',
    default: 8192 * (1500 - 28),
    min: 1500,
    reload: 'restart',
    doc: 'Memory for sent packets of one connection.',
  },
  recvbuf: {
    type: 'bytes',
    default: 8192 * (1500 - 28),
    min: 1500,
    reload: 'restart',
    doc: 'Memory for received packets of one connection.',
  },
  passphrase: {
    type: 'text',
    default: '',
    secret: true,
    reload: 'restart',
    doc: 'Encrypts the connections (AES); 10 to 79 characters, empty is no encryption.',
  },
  pbkeylen: {
    type: 'enum',
    values: ['0', '16', '24', '32'],
    default: '0',
    reload: 'restart',
    doc: 'Bytes of the encryption key; 0 leaves it to the peer.',
  },
  default_app: {
    type: 'text',
    default: 'live',
    reload: 'restart',
    doc: 'The app when the stream id names none.',
  },
  default_streamid: {
    type: 'text',
    default: '',
    reload: 'restart',
    doc: 'The stream id of a device that sends none.',
  },
  default_mode: {
    type: 'enum',
    values: ['request', 'publish'],
    default: 'request',
    reload: 'restart',
    doc: 'What a stream id without a mode asks for.',
  },
  mix_correct: {
    type: 'flag',
    default: true,
    reload: 'restart',
    doc: 'Reorder audio and video so that their common timeline only grows.',
  },
  sei_filter: { type: 'flag', default: true, reload: 'restart', doc: 'Leave out the SEI of H.264.' },
} as const satisfies Rows;

/** vhost > srt. */
export const VHOST_SRT = {
  enabled: { type: 'flag', default: false, reload: 'hook', doc: 'Let this vhost be used over SRT.' },
  srt_to_rtmp: {
    type: 'flag',
    default: true,
    reload: 'hook',
    doc: 'Make what is published over SRT a stream for all other protocols.',
  },
} as const satisfies Rows;

/** rtsp_server. */
export const RTSP_SERVER = {
  enabled: { type: 'flag', default: false, reload: 'restart', doc: 'Serve streams over RTSP.' },
  listen: { type: 'listens', default: 8554, reload: 'restart', doc: 'Where RTSP listens.' },
} as const satisfies Rows;

/** vhost > rtsp. */
export const VHOST_RTSP = {
  enabled: { type: 'flag', default: false, reload: 'hook', doc: 'Let this vhost be played over RTSP.' },
  rtmp_to_rtsp: {
    type: 'flag',
    default: false,
    reload: 'hook',
    doc: 'Serve over RTSP what was published over RTMP.',
  },
} as const satisfies Rows;
