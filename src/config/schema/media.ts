import type { Rows } from './row.ts';

/** vhost > play: what viewers get. */
export const PLAY = {
  gop_cache: {
    type: 'flag',
    default: true,
    reload: 'hook',
    doc: 'Keep the last group of pictures, so that a joining viewer sees a picture at once.',
  },
  gop_cache_max_frames: {
    type: 'int',
    default: 2500,
    min: 1,
    max: 100_000,
    reload: 'hook',
    doc: 'Bound of that cache, in frames: a stream without keyframes cannot fill the memory.',
  },
  queue_length: {
    type: 'duration',
    unit: 's',
    default: 30_000,
    min: 1,
    reload: 'hook',
    doc: 'How much media may wait for one slow viewer; beyond it whole groups of pictures are dropped.',
  },
  queue_max_size: {
    type: 'bytes',
    default: 32 * 1024 * 1024,
    min: 65_536,
    reload: 'hook',
    doc: 'How many bytes may wait for one slow viewer; beyond it whole groups of pictures are dropped.',
  },
  send_timeout: {
    type: 'duration',
    unit: 'ms',
    default: 30_000,
    min: 1,
    reload: 'hook',
    doc: 'A viewer whose connection took nothing for so long is closed.',
  },
  mw_latency: {
    type: 'duration',
    unit: 'ms',
    default: 350,
    reload: 'hook',
    doc: 'Merged write: the longest time that media is gathered before it is sent to the viewers.',
  },
  mw_adaptive: {
    type: 'flag',
    default: true,
    reload: 'hook',
    doc: 'Gather only as long as the load asks for, up to mw_latency; off: always mw_latency, as SRS does.',
  },
  time_jitter: {
    type: 'enum',
    values: ['full', 'zero', 'off'],
    default: 'full',
    reload: 'hook',
    doc: 'Timestamps: full starts at 0 and repairs jumps, zero only starts at 0, off leaves them alone.',
  },
  mix_correct: {
    type: 'flag',
    default: false,
    reload: 'hook',
    doc: 'Reorder audio and video so that their common timeline only grows; for atc on or time_jitter off.',
  },
  atc: {
    type: 'flag',
    default: false,
    reload: 'hook',
    doc: 'Absolute timestamps for redundant origins; turns time_jitter off.',
  },
  atc_auto: {
    type: 'flag',
    default: false,
    reload: 'hook',
    doc: 'Turn atc on for a stream whose metadata says bravo_atc=true.',
  },
  reduce_sequence_header: {
    type: 'flag',
    default: false,
    reload: 'hook',
    doc: 'Do not send a codec configuration again when it did not change.',
  },
  send_min_interval: {
    type: 'duration',
    unit: 'ms',
    default: 0,
    fraction: true,
    reload: 'hook',
    doc: 'Above 0: one message at a time with at least so much time between two, for devices that cannot take more.',
  },
  mw_msgs: {
    type: 'int',
    default: 8,
    min: 0,
    max: 128,
    feature: 'planned',
    reload: 'hook',
    doc: 'Merged write: the least number of messages that are worth a write.',
  },
} as const satisfies Rows;

/** vhost > publish: what is asked of publishers. */
export const PUBLISH = {
  mr: {
    type: 'flag',
    default: true,
    reload: 'hook',
    doc: 'Merged read: with more than a hundred publishers, read each of them less often. On by default, unlike in SRS: it adapts.',
  },
  mr_latency: {
    type: 'duration',
    unit: 'ms',
    default: 350,
    reload: 'hook',
    doc: 'The longest time that a publisher may wait for a merged read.',
  },
  firstpkt_timeout: {
    type: 'duration',
    unit: 'ms',
    default: 20_000,
    min: 1,
    reload: 'hook',
    doc: 'A publisher must send its first packet within this time.',
  },
  normal_timeout: {
    type: 'duration',
    unit: 'ms',
    default: 5000,
    min: 1,
    reload: 'hook',
    doc: 'The longest silence of a publisher after its first packet.',
  },
  parse_sps: {
    type: 'flag',
    default: true,
    reload: 'hook',
    doc: 'Read picture size and frame rate from the codec configuration; off for encoders that write a broken one.',
  },
  hold_time: {
    type: 'duration',
    unit: 'ms',
    default: 5000,
    reload: 'hook',
    doc: 'How long viewers are kept when their publisher is gone, in case it comes back.',
  },
  try_annexb_first: {
    type: 'flag',
    default: true,
    feature: 'planned',
    reload: 'hook',
    doc: 'Look for start codes before lengths in H.264 whose packing is not clear.',
  },
  kickoff_for_idle: {
    type: 'duration',
    unit: 's',
    default: 0,
    feature: 'planned',
    reload: 'live',
    doc: 'Disconnect a publisher that nobody watched for so long; 0 is never.',
  },
} as const satisfies Rows;

/** vhost > http_remux: live streams over HTTP. */
export const HTTP_REMUX = {
  enabled: {
    type: 'flag',
    default: false,
    reload: 'hook',
    doc: 'Serve the live streams of this vhost over HTTP.',
  },
  fast_cache: {
    type: 'duration',
    unit: 's',
    default: 0,
    reload: 'hook',
    doc: 'How much sound a joining viewer of .aac and .mp3 gets at once; it is kept in memory.',
  },
  mount: {
    type: 'text',
    default: '[vhost]/[app]/[stream].flv',
    notEmpty: true,
    reload: 'hook',
    doc: 'The URL; [vhost], [app] and [stream] stand for the parts of the name. Ends in .flv, .ts, .aac or .mp3; after [stream] the other endings play too.',
  },
  has_audio: {
    type: 'flag',
    default: true,
    reload: 'hook',
    doc: 'With guess_has_av off: announce audio at the start of FLV.',
  },
  has_video: {
    type: 'flag',
    default: true,
    reload: 'hook',
    doc: 'With guess_has_av off: announce video at the start of FLV.',
  },
  guess_has_av: {
    type: 'flag',
    default: true,
    reload: 'hook',
    doc: 'Announce what the stream really has, once that is known, instead of has_audio and has_video.',
  },
  drop_if_not_match: {
    type: 'flag',
    default: true,
    reload: 'hook',
    doc: 'With guess_has_av off: leave out of FLV and TS what has_audio and has_video do not announce.',
  },
} as const satisfies Rows;
