import { Buffer } from 'node:buffer';
import { Frame } from '../media/frame.ts';

/** Bytes of one stream's cached group of pictures; a longer group is not cached at all. */
export const MAX_GOP_CACHE_BYTES = 32 * 1024 * 1024;

/** So many audio frames after the last video frame: the video has stopped, the cached picture is of no use. SRS: 115. */
const MAX_AUDIO_AFTER_VIDEO = 115;

const FIRST_BLOCK_BYTES = 16 * 1024;
const FIRST_FRAMES = 64;
/** Memory for the next group is kept unless the last one needed less than this part of it. */
const WORTH_KEEPING = 1 / 4;

/** Numbers per frame in `#fields`. */
const STRIDE = 6;
const DTS = 0;
const CTS = 1;
const FROM = 2;
const LENGTH = 3;
const PAYLOAD_OFFSET = 4;
/** Index into `#shapes`, times two, plus one for a keyframe. */
const SHAPE = 5;

/** What is the same for nearly all frames of a track. */
type Shape = Pick<Frame, 'kind' | 'codec'>;

/**
 * The frames since the last keyframe, for joiners. Nothing is kept of a stream without video.
 *
 * They are kept packed, as bytes in one block and numbers in one array, and become frames again when somebody asks. Most
 * streams of a busy server are not joined during most of their groups: thousands of small objects that live for two seconds
 * are what a generational collector handles worst (docs/adr/0002), while a block that nobody has
 * looked at is simply written over by the next group.
 */
export class GopCache {
  #maxFrames: number;
  readonly #maxBytes: number;
  readonly #shapes: Shape[] = [];
  #block: Buffer | undefined = undefined;
  #fields: Float64Array = new Float64Array(0);
  #count = 0;
  #bytes = 0;
  /** The frames made so far; their bodies are views of the block, which then is theirs. */
  #frames: Frame[] = [];
  #audioAfterVideo = 0;
  #generation = 0;

  constructor(maxFrames: number, maxBytes = MAX_GOP_CACHE_BYTES) {
    this.#maxFrames = maxFrames;
    this.#maxBytes = maxBytes;
  }

  /** Begins with a keyframe; empty when there is nothing to start from. The same objects at each call. */
  get frames(): readonly Frame[] {
    for (let index = this.#frames.length; index < this.#count; index += 1)
      this.#frames.push(this.#unpack(index));
    return this.#frames;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Changes whenever the group begins anew or is forgotten. */
  get generation(): number {
    return this.#generation;
  }

  /** Takes an access unit. Config records and data are kept elsewhere. */
  push(frame: Frame): void {
    if (frame.kind === 'video') {
      if (frame.isKeyframe) this.clear();
      else if (this.#count === 0) return;
      this.#audioAfterVideo = 0;
    } else {
      if (this.#count === 0) return;
      this.#audioAfterVideo += 1;
    }
    if (
      this.#count >= this.#maxFrames ||
      this.#bytes + frame.flvBody.length > this.#maxBytes ||
      this.#audioAfterVideo > MAX_AUDIO_AFTER_VIDEO
    ) {
      this.clear();
      return;
    }
    this.#pack(frame);
  }

  /** Forgets the group. */
  clear(): void {
    const block = this.#block;
    if (this.#frames.length > 0) {
      this.#frames = [];
      this.#block = undefined;
    } else if (block !== undefined && this.#bytes < block.length * WORTH_KEEPING) {
      this.#block = undefined;
    }
    this.#count = 0;
    this.#bytes = 0;
    this.#audioAfterVideo = 0;
    this.#generation += 1;
  }

  /** Changes the bound. A group that is longer is forgotten as a whole: without its beginning it is of no use. */
  set maxFrames(maxFrames: number) {
    this.#maxFrames = maxFrames;
    if (this.#count > maxFrames) this.clear();
  }

  /** Forgets the group and gives its memory back. */
  free(): void {
    this.clear();
    this.#block = undefined;
    this.#fields = new Float64Array(0);
  }

  #pack(frame: Frame): void {
    const body = frame.flvBody;
    const from = this.#bytes;
    const needed = from + body.length;
    let block = this.#block;
    if (block === undefined || block.length < needed) block = this.#growBlock(needed);
    body.copy(block, from);
    this.#bytes = needed;

    let fields = this.#fields;
    const at = this.#count * STRIDE;
    if (fields.length < at + STRIDE) fields = this.#growFields(at);
    fields[at + DTS] = frame.dts;
    fields[at + CTS] = frame.cts;
    fields[at + FROM] = from;
    fields[at + LENGTH] = body.length;
    fields[at + PAYLOAD_OFFSET] = frame.payloadOffset;
    fields[at + SHAPE] = this.#shapeOf(frame) * 2 + (frame.isKeyframe ? 1 : 0);
    this.#count += 1;
  }

  #unpack(index: number): Frame {
    const fields = this.#fields;
    const at = index * STRIDE;
    const field = (offset: number): number => fields[at + offset] ?? 0;
    const shape = this.#shapes[field(SHAPE) >> 1] as Shape;
    const from = field(FROM);
    return new Frame(
      shape.kind,
      shape.codec,
      field(DTS),
      field(CTS),
      (field(SHAPE) & 1) === 1,
      false,
      (this.#block as Buffer).subarray(from, from + field(LENGTH)),
      field(PAYLOAD_OFFSET),
    );
  }

  #shapeOf(frame: Frame): number {
    const shapes = this.#shapes;
    for (let index = 0; index < shapes.length; index += 1) {
      const shape = shapes[index];
      if (shape?.kind === frame.kind && shape.codec === frame.codec) return index;
    }
    return shapes.push({ kind: frame.kind, codec: frame.codec }) - 1;
  }

  // Frames that were made keep the old block, whose bytes are the same.
  #growBlock(needed: number): Buffer {
    const old = this.#block;
    const size = Math.max(FIRST_BLOCK_BYTES, needed, Math.min((old?.length ?? 0) * 2, this.#maxBytes));
    const block = Buffer.allocUnsafeSlow(size);
    old?.copy(block, 0, 0, this.#bytes);
    this.#block = block;
    return block;
  }

  #growFields(used: number): Float64Array {
    const fields = new Float64Array(Math.max(FIRST_FRAMES * STRIDE, used * 2));
    fields.set(this.#fields);
    this.#fields = fields;
    return fields;
  }
}
