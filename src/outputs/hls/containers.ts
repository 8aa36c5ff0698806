import { Buffer } from 'node:buffer';
import { FragmentWriter } from '../../containers/mp4/index.ts';
import { TsMuxer } from '../../containers/mpegts/index.ts';
import type { Frame } from '../../media/frame.ts';

/** Which tracks a run of segments has; MP3 has no config record, so its first frame stands for one. */
export interface Tracks {
  readonly video: Frame | undefined;
  readonly audio: Frame | undefined;
}

/** Frames → bytes of segments, in one of the containers. */
export interface SegmentContainer {
  /** Bytes of the segment in progress, some of them perhaps not in their final form. */
  readonly bytes: number;
  /** Begins a run of segments with these tracks, behind a discontinuity. `jumps`: times do not continue either. */
  open(tracks: Tracks, jumps: boolean): void;
  /** What has to be in front of every segment of this run; undefined where segments stand alone. */
  init(): Buffer | undefined;
  beginSegment(): void;
  write(frame: Frame): void;
  /** Ends a part of the segment, of which the next frame is at `nextDts` ms. Its bytes, if there are any. */
  cutPart(nextDts: number | undefined): Buffer | undefined;
  /** Ends the segment: its bytes, parts included. */
  endSegment(nextDts: number | undefined): Buffer;
  /** Throws the segment away. */
  discard(): void;
}

const SLAB_BYTES = 256 * 1024;

/** Bytes in the order in which they were reserved. */
class SlabSink {
  #slabs: Buffer[] = [];
  #used = 0;
  #full = 0;
  readonly #reservation: { buffer: Buffer; offset: number } = { buffer: Buffer.alloc(0), offset: 0 };

  get bytes(): number {
    return this.#full + this.#used;
  }

  reserve(size: number): { readonly buffer: Buffer; readonly offset: number } {
    let slab = this.#slabs.at(-1);
    if (slab === undefined || slab.length - this.#used < size) {
      if (slab !== undefined) this.#slabs[this.#slabs.length - 1] = slab.subarray(0, this.#used);
      this.#full += this.#used;
      this.#used = 0;
      slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, size));
      this.#slabs.push(slab);
    }
    this.#reservation.buffer = slab;
    this.#reservation.offset = this.#used;
    this.#used += size;
    return this.#reservation;
  }

  /** All bytes, as memory of their own. */
  take(): Buffer {
    const last = this.#slabs.length - 1;
    if (last >= 0) this.#slabs[last] = (this.#slabs[last] as Buffer).subarray(0, this.#used);
    const all = Buffer.concat(this.#slabs);
    this.clear();
    return all;
  }

  clear(): void {
    this.#slabs = [];
    this.#used = 0;
    this.#full = 0;
  }
}

/** MPEG-TS: one muxer for all segments, so that counters and clock go on. */
export class TsSegments implements SegmentContainer {
  readonly #muxer = new TsMuxer({ tablesIntervalMs: Number.POSITIVE_INFINITY });
  readonly #sink = new SlabSink();

  get bytes(): number {
    return this.#sink.bytes;
  }

  open({ video, audio }: Tracks, jumps: boolean): void {
    const muxer = this.#muxer;
    if (jumps) muxer.discontinuity();
    if (video === undefined) muxer.drop('video');
    else muxer.write(video, this.#sink);
    if (audio === undefined) muxer.drop('audio');
    else if (audio.isConfig) muxer.write(audio, this.#sink);
    else muxer.declare({ audio: 'mp3' });
  }

  init(): undefined {
    return undefined;
  }

  beginSegment(): void {
    this.#muxer.startSegment();
  }

  write(frame: Frame): void {
    this.#muxer.write(frame, this.#sink);
  }

  cutPart(): undefined {
    return undefined;
  }

  endSegment(): Buffer {
    this.#muxer.flush(this.#sink);
    return this.#sink.take();
  }

  discard(): void {
    this.#muxer.flush(this.#sink);
    this.#sink.clear();
  }
}

/** Fragmented MP4: a writer for each run. Times are those of the stream, so that they go on from run to run. */
export class Mp4Segments implements SegmentContainer {
  #writer = new FragmentWriter({ originMs: 0 });
  #pieces: Buffer[] = [];
  #pieceBytes = 0;

  get bytes(): number {
    return this.#pieceBytes + this.#writer.pendingBytes;
  }

  open({ video, audio }: Tracks): void {
    const writer = new FragmentWriter({ originMs: 0 });
    if (video !== undefined) writer.configure(video);
    if (audio !== undefined) writer.configure(audio);
    this.#writer = writer;
  }

  init(): Buffer {
    return this.#writer.init();
  }

  beginSegment(): void {
    this.#pieces = [];
    this.#pieceBytes = 0;
  }

  write(frame: Frame): void {
    this.#writer.push(frame);
  }

  cutPart(nextDts: number | undefined): Buffer | undefined {
    const styp = this.#pieces.length === 0;
    const piece = this.#writer.cut({ styp, ...(nextDts === undefined ? {} : { nextVideoDts: nextDts }) });
    if (piece === undefined) return undefined;
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
    return piece;
  }

  endSegment(nextDts: number | undefined): Buffer {
    this.cutPart(nextDts);
    const [only] = this.#pieces;
    const all = this.#pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces);
    this.beginSegment();
    return all;
  }

  discard(): void {
    this.#writer.cut();
    this.beginSegment();
  }
}
