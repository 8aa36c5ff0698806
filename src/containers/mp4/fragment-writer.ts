import { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import type { Frame } from '../../media/frame.ts';
import { BOX_HEADER_BYTES, box, fullBox, render, u32, zeros, writeBoxHeader, type Part } from './box.ts';
import { sidx, sizeOfMoof, trex, writeMoof } from './fragment-boxes.ts';
import { ftyp, mdia, mvhd, styp, tkhd } from './movie-boxes.ts';
import type { Mp4Index } from './mp4-index.ts';
import { stsd } from './sample-entries.ts';
import { SampleRun } from './sample-run.ts';
import { AudioClock, VideoClock } from './tick-clock.ts';
import { mp4Track, sameTrack, type Mp4AudioTrack, type Mp4Track, type Mp4VideoTrack } from './track.ts';

/** Bytes that may wait for one fragment. A caller cuts long before: at a keyframe, or anywhere. */
export const MAX_FRAGMENT_BYTES = 256 * 1024 * 1024;

/** Samples of one track that may wait for one fragment: keeps timestamps that are all equal from costing without end. */
export const MAX_FRAGMENT_SAMPLES = 65_536;

/** Track ids, which stay whichever of the two tracks there are. */
export const TRACK_ID = { VIDEO: 1, AUDIO: 2 } as const;

/** Length of a picture when nothing tells it: 40 ms. */
const DEFAULT_VIDEO_DURATION = 3600;

/** How a fragment is cut; see `FragmentWriter.cut`. */
export interface CutOptions {
  /** Decoding time of the next picture, ms: makes the last one's length exact. Else it is as long as the one before. */
  readonly nextVideoDts?: number;
  /** Begin a segment: a styp box in front. */
  readonly styp?: boolean;
  /** A sidx box with the fragment as its only subsegment. */
  readonly sidx?: boolean;
  /** Where each sample is noted down, and where in the file the returned bytes will begin. */
  readonly index?: { readonly into: Mp4Index; readonly at: number };
}

/** Where the samples of one track in a fragment lie, in ticks of the track since the origin. */
export interface FragmentSpan {
  /** Ticks per second. */
  readonly timescale: number;
  /** Decoding time of the first sample, as its tfdt has it. */
  readonly decodeTime: number;
  /** The least presentation time. */
  readonly presentationTime: number;
  /** From the first sample's decoding to the end of the last. */
  readonly duration: number;
  readonly samples: number;
}

/**
 * Frames → fragmented MP4: an init segment, and one fragment (moof and mdat) for each `cut`. What a segment or a low-latency
 * part is, the caller decides by cutting: several fragments in a row are a segment.
 *
 * Video counts in 1/90000 s, audio in samples (see AudioClock). Times start at the origin, in ms; without one it is the
 * earliest decoding time of the first fragment. Decoding times that do not grow are moved up by a tick, so that every file
 * is valid: repairing time is the timeline's part.
 */
export class FragmentWriter {
  #origin: number | undefined;
  #video: Mp4VideoTrack | undefined;
  #audio: Mp4AudioTrack | undefined;
  #videoClock = new VideoClock();
  #audioClock = new AudioClock(1, 1);
  #videoRun: SampleRun | undefined;
  #audioRun: SampleRun | undefined;
  #videoDuration = DEFAULT_VIDEO_DURATION;
  #sequence = 0;
  #videoSpan: FragmentSpan | undefined;
  #audioSpan: FragmentSpan | undefined;

  constructor(options: { readonly originMs?: number } = {}) {
    this.#origin = options.originMs;
  }

  get videoTrack(): Mp4VideoTrack | undefined {
    return this.#video;
  }

  get audioTrack(): Mp4AudioTrack | undefined {
    return this.#audio;
  }

  /** What every time in the output counts from, ms; undefined before the first fragment if none was given. */
  get originMs(): number | undefined {
    return this.#origin;
  }

  /** Where the pictures of the last cut lie; undefined when it had none. */
  get videoSpan(): FragmentSpan | undefined {
    return this.#videoSpan;
  }

  /** Where the sound of the last cut lies; undefined when it had none. */
  get audioSpan(): FragmentSpan | undefined {
    return this.#audioSpan;
  }

  /** Bytes of media that wait for the next cut. */
  get pendingBytes(): number {
    return (this.#videoRun?.bytes ?? 0) + (this.#audioRun?.bytes ?? 0);
  }

  /**
   * Looks at a frame before it is pushed: true when it makes the init segment another one (a first or a changed config
   * record, another MP3 rate). Then cut what waits, call `configure`, and give out `init()` again. Throws CODEC_INVALID and
   * MP4_CODEC_UNSUPPORTED.
   */
  changesInit(frame: Frame): boolean {
    const track = mp4Track(frame);
    return track !== undefined && !sameTrack(track.kind === 'video' ? this.#video : this.#audio, track);
  }

  /** Takes the codec from a config record (or an MP3 frame). Frames of its kind may not be waiting. */
  configure(frame: Frame): void {
    const track = mp4Track(frame);
    if (track === undefined) return;
    if (track.kind === 'video') {
      if (this.#videoRun !== undefined) throw waiting('video');
      this.#video = track;
    } else {
      if (this.#audioRun !== undefined) throw waiting('audio');
      if (!sameTrack(this.#audio, track)) {
        this.#audioClock = new AudioClock(track.timescale, track.frameSamples);
      }
      this.#audio = track;
    }
  }

  /** ftyp and moov for the tracks that are known. Spec: ISO/IEC 14496-12, 8.8; ISO/IEC 23009-1, 6.3.3. */
  init(): Buffer {
    return render(ftyp(), this.moov());
  }

  /** The moov of the init segment: tracks without samples, and mvex. */
  moov(): Part {
    const traks: Part[] = [];
    const extends_: Part[] = [];
    for (const [id, track] of this.#tracks()) {
      const stbl = box(
        'stbl',
        stsd(track),
        fullBox('stts', 0, 0, u32(0)),
        fullBox('stsc', 0, 0, u32(0)),
        fullBox('stsz', 0, 0, zeros(8)),
        fullBox('stco', 0, 0, u32(0)),
      );
      traks.push(box('trak', tkhd(id, track, 0), mdia(track, 0, stbl)));
      extends_.push(trex(id));
    }
    return box('moov', mvhd(0, 3), ...traks, box('mvex', ...extends_));
  }

  *#tracks(): Generator<readonly [number, Mp4Track]> {
    if (this.#video !== undefined) yield [TRACK_ID.VIDEO, this.#video];
    if (this.#audio !== undefined) yield [TRACK_ID.AUDIO, this.#audio];
  }

  /**
   * Takes a frame into the next fragment. False for what has no place: data, config records, empty frames, frames before
   * their config record or before the origin. Throws MP4_TOO_LARGE when it was never cut.
   */
  push(frame: Frame): boolean {
    if (frame.isConfig || frame.kind === 'data') return false;
    const isVideo = frame.kind === 'video';
    const track = isVideo ? this.#video : this.#audio;
    if (track?.codec !== frame.codec) return false;
    if (this.#origin !== undefined && frame.dts < this.#origin) return false;
    const run = isVideo ? this.#runOfVideo() : this.#runOfAudio();
    const size = run.sampleBytes(frame);
    if (size === 0) {
      this.#dropEmptyRuns();
      return false;
    }
    if (this.pendingBytes + size > MAX_FRAGMENT_BYTES || run.count === MAX_FRAGMENT_SAMPLES) {
      throw new ServerError('MP4_TOO_LARGE', `fragment of more than ${this.pendingBytes} bytes`);
    }
    const dts = isVideo ? this.#videoClock.tick(frame.dts) : this.#audioClock.tick(frame.dts);
    const cts = isVideo ? Math.round(frame.pts * (track.timescale / 1000)) - dts : 0;
    run.add(frame, size, dts, cts);
    return true;
  }

  #runOfVideo(): SampleRun {
    const { timescale = 1, nalLengthSize = 4 } = this.#video ?? {};
    return (this.#videoRun ??= new SampleRun(TRACK_ID.VIDEO, true, timescale, nalLengthSize));
  }

  #runOfAudio(): SampleRun {
    return (this.#audioRun ??= new SampleRun(TRACK_ID.AUDIO, false, this.#audio?.timescale ?? 1, 4));
  }

  #dropEmptyRuns(): void {
    if (this.#videoRun?.count === 0) this.#videoRun = undefined;
    if (this.#audioRun?.count === 0) this.#audioRun = undefined;
  }

  /** What waits, as one Buffer: [styp] [sidx] moof mdat. Undefined when nothing waits. */
  cut(options: CutOptions = {}): Buffer | undefined {
    const runs: SampleRun[] = [];
    if (this.#videoRun !== undefined) runs.push(this.#videoRun);
    if (this.#audioRun !== undefined) runs.push(this.#audioRun);
    const first = runs[0];
    if (first === undefined) return undefined;
    this.#endRuns(options.nextVideoDts);
    this.#place(runs);
    const moofBytes = sizeOfMoof(runs);
    const mdatBytes = BOX_HEADER_BYTES + this.pendingBytes;
    const head: Part[] = [];
    if (options.styp === true) head.push(styp());
    if (options.sidx === true) head.push(sidx(first, first.timescale, moofBytes + mdatBytes));
    const headBytes = head.reduce((sum, part) => sum + part.size, 0);
    const out = Buffer.allocUnsafe(headBytes + moofBytes + mdatBytes);
    let at = 0;
    for (const part of head) {
      part.write(out, at);
      at += part.size;
    }
    this.#sequence += 1;
    at = writeMoof(out, at, this.#sequence, runs, moofBytes + BOX_HEADER_BYTES);
    at = writeBoxHeader(out, at, mdatBytes, 'mdat');
    for (const run of runs) {
      if (options.index !== undefined) noteDown(run, options.index.into, options.index.at + at);
      at = run.write(out, at);
    }
    this.#videoSpan = this.#videoRun === undefined ? undefined : spanOf(this.#videoRun);
    this.#audioSpan = this.#audioRun === undefined ? undefined : spanOf(this.#audioRun);
    this.#videoRun = undefined;
    this.#audioRun = undefined;
    return out;
  }

  /** Gives the last sample of each run its length. */
  #endRuns(nextVideoDts: number | undefined): void {
    const video = this.#videoRun;
    if (video !== undefined) {
      const last = video.count - 1;
      const toNext =
        nextVideoDts === undefined
          ? 0
          : Math.round((nextVideoDts * video.timescale) / 1000) - (video.dts[last] ?? 0);
      if (last > 0) this.#videoDuration = video.durations[last - 1] ?? this.#videoDuration;
      video.durations[last] = toNext > 0 ? toNext : this.#videoDuration;
    }
    const audio = this.#audioRun;
    if (audio !== undefined) audio.durations[audio.count - 1] = this.#audio?.frameSamples ?? 0;
  }

  #place(runs: readonly SampleRun[]): void {
    this.#origin ??= Math.min(...runs.map((run) => ((run.dts[0] ?? 0) * 1000) / run.timescale));
    for (const run of runs) {
      const zero = Math.round((this.#origin * run.timescale) / 1000);
      run.baseTime = Math.max(0, (run.dts[0] ?? 0) - zero);
    }
  }
}

function spanOf(run: SampleRun): FragmentSpan {
  return {
    timescale: run.timescale,
    decodeTime: run.baseTime,
    presentationTime: run.earliestPresentation(),
    duration: run.totalDuration(),
    samples: run.count,
  };
}

/** Notes the samples of a run in an index; their bytes begin at `at` in the file. */
function noteDown(run: SampleRun, index: Mp4Index, at: number): void {
  const track = index.track(run.trackId);
  track.beginChunk(at);
  const shift = run.baseTime - (run.dts[0] ?? 0);
  for (let i = 0; i < run.count; i++) {
    track.add(
      run.sizes[i] ?? 0,
      (run.dts[i] ?? 0) + shift,
      run.durations[i] ?? 0,
      run.cts[i] ?? 0,
      run.keys[i] === true,
    );
  }
}

function waiting(kind: string): ServerError {
  return new ServerError('INTERNAL', `${kind} codec changed while frames wait for their fragment`);
}
