import type { Buffer } from 'node:buffer';
import { FragmentWriter, type FragmentSpan } from '../../containers/mp4/index.ts';
import { audioCodecString, videoCodecString } from '../../media/codec-string.ts';
import type { Frame } from '../../media/frame.ts';
import { audioTrackOf, videoTrackOf } from '../../media/track-info.ts';

/** What the manifest says of one track, and its init segment. */
export interface DashTrack {
  readonly kind: 'video' | 'audio';
  /** Units per second. */
  readonly timescale: number;
  readonly init: Buffer;
  readonly mimeType: string;
  /** RFC 6381. */
  readonly codecs: string;
  readonly width?: number;
  readonly height?: number;
  /** `25` or `30000/1001`. */
  readonly frameRate?: string;
  /** Hz. */
  readonly audioSamplingRate?: number;
  readonly channels?: number;
}

/** The part of one track in a segment. */
export interface DashPiece {
  readonly kind: 'video' | 'audio';
  readonly bytes: Buffer;
  readonly span: FragmentSpan;
}

/** Frames of one track on their way into its segments. */
export class TrackFeed {
  readonly kind: 'video' | 'audio';
  /** Its frames are taken; pictures only from a keyframe on. */
  active = false;
  /** Frames that wait for the next cut. */
  waiting = 0;
  #writer = new FragmentWriter({ originMs: 0 });
  #config: Frame | undefined;
  #track: DashTrack | undefined;

  constructor(kind: 'video' | 'audio') {
    this.kind = kind;
  }

  /** Undefined before its config record. */
  get track(): DashTrack | undefined {
    return this.#track;
  }

  get pendingBytes(): number {
    return this.#writer.pendingBytes;
  }

  /** Throws CODEC_INVALID and MP4_CODEC_UNSUPPORTED. */
  changes(frame: Frame): boolean {
    return this.#writer.changesInit(frame);
  }

  /** Takes the codec from a frame that `changes` it. Nothing may wait. Throws CODEC_INVALID. */
  configure(frame: Frame): void {
    this.#writer.configure(frame);
    this.#config = frame;
    this.#track = describe(frame, this.#writer);
  }

  push(frame: Frame): boolean {
    if (!this.#writer.push(frame)) return false;
    this.waiting += 1;
    return true;
  }

  /** `nextVideoDts`: see `FragmentWriter.cut`. */
  cut(nextVideoDts: number | undefined): DashPiece | undefined {
    const bytes = this.#writer.cut({ styp: true, ...(nextVideoDts === undefined ? {} : { nextVideoDts }) });
    const span = this.kind === 'video' ? this.#writer.videoSpan : this.#writer.audioSpan;
    this.waiting = 0;
    return bytes === undefined || span === undefined ? undefined : { kind: this.kind, bytes, span };
  }

  /** Forgets what waits, and the time that was; the codec stays. */
  restart(): void {
    this.#writer = new FragmentWriter({ originMs: 0 });
    this.waiting = 0;
    if (this.#config !== undefined) this.#writer.configure(this.#config);
  }

  /** Forgets all. */
  reset(): void {
    this.#config = undefined;
    this.#track = undefined;
    this.active = false;
    this.restart();
  }
}

function describe(frame: Frame, writer: FragmentWriter): DashTrack | undefined {
  const { videoTrack, audioTrack } = writer;
  if (videoTrack !== undefined) {
    const { width, height, timescale, record, codec } = videoTrack;
    const { frameRate } = videoTrackOf(frame);
    return {
      kind: 'video',
      timescale,
      init: writer.init(),
      mimeType: 'video/mp4',
      codecs: videoCodecString(codec, record) ?? codec,
      ...(width > 0 && height > 0 ? { width, height } : {}),
      ...(frameRate === undefined ? {} : rateText(frameRate)),
    };
  }
  if (audioTrack === undefined) return undefined;
  const { codec, record, timescale, channels } = audioTrack;
  return {
    kind: 'audio',
    timescale,
    init: writer.init(),
    mimeType: 'audio/mp4',
    codecs: audioCodecString(codec, codec === 'mp3' ? frame.payload : record, 'mp4') ?? codec,
    audioSamplingRate: audioTrackOf(frame).sampleRate ?? timescale,
    ...(channels > 0 ? { channels } : {}),
  };
}

/** Spec: ISO/IEC 23009-1, 5.3.7.2: a whole number, or two. */
function rateText(rate: number): { frameRate?: string } {
  if (!(rate > 0 && rate < 1_000)) return {};
  const near = Math.round(rate);
  if (Math.abs(rate - near) < 0.001) return { frameRate: String(near) };
  const ntsc = Math.round((rate * 1_001) / 1_000);
  return Math.abs(rate - (ntsc * 1_000) / 1_001) < 0.01 ? { frameRate: `${ntsc * 1_000}/1001` } : {};
}
