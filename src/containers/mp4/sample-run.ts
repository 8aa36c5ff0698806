import type { Buffer } from 'node:buffer';
import { NalWalk } from '../../media/codecs/nal.ts';
import type { Frame } from '../../media/frame.ts';

/** The samples of one track that wait for their fragment, as columns. Times in ticks of the track. */
export class SampleRun {
  readonly trackId: number;
  readonly isVideo: boolean;
  readonly timescale: number;
  readonly #nalLengthSize: number;
  readonly #frames: Frame[] = [];
  readonly sizes: number[] = [];
  /** Since the clock's zero; `baseTime` counts from the origin of the output. */
  readonly dts: number[] = [];
  readonly cts: number[] = [];
  readonly keys: boolean[] = [];
  readonly durations: number[] = [];
  /** Of all samples, as they are written. */
  bytes = 0;
  /** Some sample has a composition offset. */
  hasCts = false;
  /** A sample after the first is a keyframe. */
  keyAfterFirst = false;
  /** Decoding time of the first sample from the origin of the output on; set by the writer. */
  baseTime = 0;

  /** `nalLengthSize` of the incoming frames, bytes; 4 for audio, whose bytes are taken as they are. */
  constructor(trackId: number, isVideo: boolean, timescale: number, nalLengthSize: number) {
    this.trackId = trackId;
    this.isVideo = isVideo;
    this.timescale = timescale;
    this.#nalLengthSize = nalLengthSize;
  }

  get count(): number {
    return this.#frames.length;
  }

  /** `dts` and `cts` in ticks; `size` as `sampleBytes` told. */
  add(frame: Frame, size: number, dts: number, cts: number): void {
    if (this.count > 0) {
      this.durations[this.count - 1] = dts - (this.dts[this.count - 1] ?? 0);
      this.keyAfterFirst ||= frame.isKeyframe;
    }
    this.#frames.push(frame);
    this.sizes.push(size);
    this.dts.push(dts);
    this.cts.push(cts);
    this.keys.push(frame.isKeyframe || !this.isVideo);
    this.durations.push(0);
    this.bytes += size;
    this.hasCts ||= cts !== 0;
  }

  /** Bytes of a frame once its NAL lengths have four bytes. */
  sampleBytes(frame: Frame): number {
    const plain = frame.flvBody.length - frame.payloadOffset;
    if (this.#nalLengthSize === 4) return plain;
    const walk = new NalWalk(frame.flvBody, this.#nalLengthSize, frame.payloadOffset);
    let size = 0;
    while (walk.next()) size += 4 + walk.end - walk.start;
    return size;
  }

  /** Writes the samples one after another; returns the position after them. */
  write(out: Buffer, from: number): number {
    let at = from;
    for (const frame of this.#frames) {
      if (this.#nalLengthSize === 4) {
        at += frame.flvBody.copy(out, at, frame.payloadOffset);
        continue;
      }
      const walk = new NalWalk(frame.flvBody, this.#nalLengthSize, frame.payloadOffset);
      while (walk.next()) {
        at = out.writeUInt32BE(walk.end - walk.start, at);
        at += frame.flvBody.copy(out, at, walk.start, walk.end);
      }
    }
    return at;
  }

  equalDurations(): boolean {
    for (let i = 1; i < this.count; i++) if (this.durations[i] !== this.durations[0]) return false;
    return true;
  }

  /** Ticks from the first sample's decoding to the end of the last. */
  totalDuration(): number {
    const last = this.count - 1;
    return (this.dts[last] ?? 0) - (this.dts[0] ?? 0) + (this.durations[last] ?? 0);
  }

  /** The least presentation time, ticks from the origin of the output on. */
  earliestPresentation(): number {
    const shift = this.baseTime - (this.dts[0] ?? 0);
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.count; i++) {
      least = Math.min(least, (this.dts[i] ?? 0) + (this.cts[i] ?? 0) + shift);
    }
    return Math.max(0, least);
  }
}
