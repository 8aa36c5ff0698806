import { Program, requireProgram, run, type ProgramOptions } from './programs.ts';

const FFMPEG = '/usr/bin/ffmpeg';
const FFPROBE = '/usr/bin/ffprobe';
const QUIET = ['-hide_banner', '-nostdin', '-v', 'error'];

/** Sound and picture without data, which may never come: `-t` would wait for it. */
const TRACKS = ['-map', '0:v?', '-map', '0:a?'];

/** Starts ffmpeg, quiet but for errors. */
export function ffmpeg(args: readonly string[], options: ProgramOptions = {}): Program {
  return new Program(requireProgram(FFMPEG, 'ffmpeg'), [...QUIET, ...args], options);
}

export interface ClipOptions {
  readonly seconds: number;
  /** `none` leaves the track out. @default 'h264' */
  readonly video?: 'h264' | 'hevc' | 'av1' | 'flv1' | 'none';
  /** @default 'aac' */
  readonly audio?: 'aac' | 'mp3' | 'speex' | 'nellymoser' | 'pcm_alaw' | 'none';
  /** @default '320x180' */
  readonly size?: string;
  /** Pictures between keyframes, at 25 pictures a second. @default 25 */
  readonly gop?: number;
  readonly bFrames?: number;
  /** Constant bit rate of the video, kbit/s. */
  readonly kbps?: number;
}

/** Makes a short clip: a moving test picture and noise, so that no two packets are equal. */
export async function makeClip(file: string, options: ClipOptions): Promise<string> {
  const { seconds, video = 'h264', audio = 'aac', size = '320x180', gop = 25, bFrames = 0, kbps } = options;
  const args = ['-y'];
  if (video !== 'none') args.push('-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25:duration=${seconds}`);
  if (audio !== 'none') {
    args.push(
      '-f',
      'lavfi',
      '-i',
      `anoisesrc=color=pink:sample_rate=44100:amplitude=0.3:duration=${seconds}`,
    );
  }
  if (video === 'h264') {
    args.push('-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-sc_threshold', '0');
    args.push('-g', String(gop), '-bf', String(bFrames));
    if (kbps !== undefined) {
      args.push('-b:v', `${kbps}k`, '-minrate', `${kbps}k`, '-maxrate', `${kbps}k`, '-bufsize', `${kbps}k`);
      args.push('-x264-params', 'nal-hrd=cbr');
    }
  } else if (video === 'hevc') {
    args.push('-c:v', 'libx265', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p');
    args.push(
      '-x265-params',
      `keyint=${gop}:min-keyint=${gop}:scenecut=0:bframes=${bFrames}:log-level=error`,
    );
  } else if (video === 'av1') {
    args.push('-c:v', 'libsvtav1', '-preset', '12', '-pix_fmt', 'yuv420p', '-g', String(gop));
  }
  if (video === 'flv1') args.push('-c:v', 'flv1', '-b:v', '500k', '-g', String(gop));
  if (audio === 'aac') args.push('-c:a', 'aac', '-b:a', '96k');
  if (audio === 'mp3') args.push('-c:a', 'libmp3lame', '-b:a', '96k');
  if (audio === 'speex') args.push('-c:a', 'libspeex', '-ar', '16000', '-ac', '1');
  if (audio === 'nellymoser') args.push('-c:a', 'nellymoser', '-ar', '22050', '-ac', '1');
  if (audio === 'pcm_alaw') args.push('-c:a', 'pcm_alaw', '-ar', '8000', '-ac', '1');
  args.push(file);
  await run(requireProgram(FFMPEG, 'ffmpeg'), [...QUIET, ...args]);
  return file;
}

/** Publishes a file in real time, its packets untouched; `output` goes before the URL. */
export function publishFile(file: string, url: string, output: readonly string[] = []): Program {
  return ffmpeg(['-re', '-i', file, '-map', '0', '-c', 'copy', '-f', 'flv', ...output, url]);
}

/** Records a URL with its timestamps as they come. Ends when the stream ends. */
export function record(url: string, file: string, input: readonly string[] = []): Program {
  return ffmpeg([...input, '-i', url, ...TRACKS, '-c', 'copy', '-copyts', '-f', 'flv', '-y', file]);
}

/**
 * Decodes a whole file; throws with what the decoder complained about. Times stay in the file's own unit: ffmpeg would round
 * them to a frame rate that it guesses wrong where a file has a gap, and blame two frames for the same tick.
 */
export async function assertDecodes(file: string): Promise<void> {
  const end = await run(requireProgram(FFMPEG, 'ffmpeg'), [
    ...QUIET,
    '-xerror',
    '-i',
    file,
    '-enc_time_base',
    '-1',
    '-f',
    'null',
    '-',
  ]);
  if (end.stderr.trim() !== '') throw new Error(`${file} does not decode cleanly:\n${end.stderr}`);
}

/** One packet as ffprobe's demuxer sees it. */
export interface Packet {
  readonly dts: number;
  readonly cts: number;
  readonly key: boolean;
  /** Of the bytes. */
  readonly hash: string;
}

export interface MediaTrack {
  readonly codec: string;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly sampleRate: number | undefined;
  /** Hash of the codec config record. */
  readonly configHash: string | undefined;
  readonly packets: readonly Packet[];
}

export interface Media {
  readonly audio: MediaTrack | undefined;
  readonly video: MediaTrack | undefined;
}

interface ProbeStream {
  readonly codec_type: string;
  readonly codec_name: string;
  readonly width?: number;
  readonly height?: number;
  readonly sample_rate?: string;
  readonly extradata_hash?: string;
}

interface ProbePacket {
  readonly codec_type: string;
  readonly pts: number;
  readonly dts: number;
  readonly flags: string;
  readonly data_hash: string;
}

/** All packets of an FLV file; times in ms, as FLV counts them. */
export async function probe(file: string): Promise<Media> {
  const { stdout } = await run(requireProgram(FFPROBE, 'ffmpeg'), [
    ...['-v', 'error', '-show_data_hash', 'md5', '-of', 'json'],
    ...['-show_entries', 'stream=codec_type,codec_name,width,height,sample_rate,extradata_hash'],
    ...['-show_entries', 'packet=codec_type,pts,dts,flags,data_hash', file],
  ]);
  const { streams, packets } = JSON.parse(stdout) as { streams: ProbeStream[]; packets: ProbePacket[] };
  const track = (kind: string): MediaTrack | undefined => {
    const stream = streams.find(({ codec_type }) => codec_type === kind);
    if (stream === undefined) return undefined;
    return {
      codec: stream.codec_name,
      width: stream.width,
      height: stream.height,
      sampleRate: stream.sample_rate === undefined ? undefined : Number(stream.sample_rate),
      configHash: stream.extradata_hash,
      packets: packets
        .filter(({ codec_type }) => codec_type === kind)
        .map(({ pts, dts, flags, data_hash }) => ({
          dts,
          cts: pts - dts,
          key: flags.startsWith('K'),
          hash: data_hash,
        })),
    };
  };
  return { audio: track('audio'), video: track('video') };
}
