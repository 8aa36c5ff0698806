import type { Rows } from './row.ts';

const ENGINE_FORMAT = {
  perfile: { type: 'free', feature: 'planned', reload: 'hook', doc: 'Options of ffmpeg before its input.' },
  iformat: {
    type: 'text',
    default: 'flv',
    feature: 'planned',
    reload: 'hook',
    doc: 'Format of the input; off lets ffmpeg guess.',
  },
  vfilter: { type: 'free', feature: 'planned', reload: 'hook', doc: 'Filters after the input.' },
  vcodec: {
    type: 'text',
    default: '',
    feature: 'planned',
    reload: 'hook',
    doc: 'Video encoder, copy, or vn for none.',
  },
  vbitrate: {
    type: 'int',
    default: 0,
    min: 0,
    feature: 'planned',
    reload: 'hook',
    doc: 'Video kbit/s; 0 is as the source.',
  },
  vfps: {
    type: 'float',
    default: 0,
    min: 0,
    feature: 'planned',
    reload: 'hook',
    doc: 'Frames per second; 0 is as the source.',
  },
  vwidth: {
    type: 'int',
    default: 0,
    min: 0,
    feature: 'planned',
    reload: 'hook',
    doc: 'Picture width; 0 is as the source.',
  },
  vheight: {
    type: 'int',
    default: 0,
    min: 0,
    feature: 'planned',
    reload: 'hook',
    doc: 'Picture height; 0 is as the source.',
  },
  vthreads: {
    type: 'int',
    default: 1,
    min: 0,
    feature: 'planned',
    reload: 'hook',
    doc: 'Threads of the video encoder.',
  },
  vprofile: {
    type: 'text',
    default: '',
    feature: 'planned',
    reload: 'hook',
    doc: 'Profile of the video encoder.',
  },
  vpreset: {
    type: 'text',
    default: '',
    feature: 'planned',
    reload: 'hook',
    doc: 'Preset of the video encoder.',
  },
  vparams: { type: 'free', feature: 'planned', reload: 'hook', doc: 'More options for video.' },
  acodec: {
    type: 'text',
    default: '',
    feature: 'planned',
    reload: 'hook',
    doc: 'Audio encoder, copy, or an for none.',
  },
  abitrate: {
    type: 'int',
    default: 0,
    min: 0,
    feature: 'planned',
    reload: 'hook',
    doc: 'Audio kbit/s; 0 is as the source.',
  },
  asample_rate: {
    type: 'int',
    default: 0,
    min: 0,
    feature: 'planned',
    reload: 'hook',
    doc: 'Audio samples per second; 0 is as the source.',
  },
  achannels: {
    type: 'int',
    default: 0,
    min: 0,
    feature: 'planned',
    reload: 'hook',
    doc: 'Audio channels; 0 is as the source.',
  },
  aparams: { type: 'free', feature: 'planned', reload: 'hook', doc: 'More options for audio.' },
  oformat: {
    type: 'text',
    default: 'flv',
    feature: 'planned',
    reload: 'hook',
    doc: 'Format of the output; off names none.',
  },
} as const satisfies Rows;

/** vhost > ingest or transcode > engine. */
const ENGINE = {
  enabled: {
    type: 'flag',
    default: false,
    reload: 'hook',
    doc: 'Encode again; off passes the media on as it is.',
  },
  output: {
    type: 'text',
    default: '',
    reload: 'hook',
    doc: 'RTMP URL to publish to; [vhost], [port] and, for transcode, [app], [stream], [engine] are filled in.',
  },
  ...ENGINE_FORMAT,
} as const satisfies Rows;

/** vhost > ingest ID: media that this server fetches and publishes itself. */
export const INGEST = {
  enabled: { type: 'flag', default: false, reload: 'hook', doc: 'Start this ingest with the server.' },
  input: {
    type: 'block',
    reload: 'hook',
    doc: 'Where the media comes from.',
    rows: {
      type: {
        type: 'enum',
        values: ['file', 'stream'],
        default: 'file',
        reload: 'hook',
        doc: 'A file is played in real time and over and over; a stream comes at its own pace.',
      },
      url: { type: 'text', default: '', reload: 'hook', doc: 'Path of the file or URL of the stream.' },
    },
  },
  ffmpeg: {
    type: 'text',
    default: '',
    reload: 'hook',
    doc: 'Path of an ffmpeg that does the work; without it the built-in reader does.',
  },
  engine: {
    type: 'blocks',
    argument: { option: 'name', required: false },
    reload: 'hook',
    doc: 'What is published, and where.',
    rows: ENGINE,
  },
} as const satisfies Rows;

/** vhost > transcode [APP[/STREAM]]. */
export const TRANSCODE = {
  enabled: {
    type: 'flag',
    default: false,
    reload: 'hook',
    doc: 'Transcode the streams that the argument names; none is all.',
  },
  ffmpeg: { type: 'text', default: '', reload: 'hook', doc: 'Path of ffmpeg.' },
  engine: {
    type: 'blocks',
    argument: { option: 'name', required: false },
    reload: 'hook',
    doc: 'One output.',
    rows: ENGINE,
  },
} as const satisfies Rows;
