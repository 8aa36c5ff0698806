import { Buffer } from 'node:buffer';
import type { Frame } from '../../media/frame.ts';
import { audioTrackOf, videoTrackOf } from '../../media/track-info.ts';
import { flvHeader, sizeOfTag, TAG_HEADER_BYTES, writeTag } from './flv-writer.ts';
import { KeyframeIndex } from './keyframe-index.ts';
import { TAG_TYPE } from './tag-body.ts';

/** Rows of the keyframe index of one file: 36 kB, so that a reader of the first 64 kB also sees the config records. */
export const MAX_FLV_INDEX_ROWS = 2_000;
/** A longer step than this is a gap, and says nothing of how long a frame lasts, ms. */
const LONGEST_FRAME_MS = 1_000;

/** Property names of the head, in order; all are numbers or flags, so that its length never changes. */
const NUMBERS = [
  ...['duration', 'filesize', 'width', 'height', 'framerate', 'videocodecid', 'audiocodecid'],
  ...['audiosamplerate', 'audiosamplesize', 'lasttimestamp', 'lastkeyframetimestamp', 'lastkeyframelocation'],
] as const;
const FLAGS = ['stereo', 'hasVideo', 'hasAudio', 'hasMetadata', 'hasKeyframes', 'canSeekToEnd'] as const;

type Numbers = Record<(typeof NUMBERS)[number], number>;
type Flags = Record<(typeof FLAGS)[number], boolean>;

const NAME = 'onMetaData';
const LISTS = ['filepositions', 'times'] as const;
const PROPERTIES = NUMBERS.length + FLAGS.length + 1;

/** Bytes of the tag's body without the rows of the index. */
const FIXED_BODY_BYTES =
  3 +
  NAME.length +
  5 +
  NUMBERS.reduce((sum, name) => sum + 2 + name.length + 9, 0) +
  FLAGS.reduce((sum, name) => sum + 2 + name.length + 2, 0) +
  (2 + 'keyframes'.length + 1) +
  LISTS.reduce((sum, name) => sum + 2 + name.length + 5, 0) +
  3 +
  3;

const ROW_BYTES = 2 * 9;
const BEFORE_TAGS = flvHeader({ audio: false, video: false }).length;

/**
 * The beginning of an FLV file on a disk: its header and a metadata tag with duration, size and the index of its keyframes.
 * Its length is settled by the rows of the index alone, so that it can be written over when the file is done: rows that are not
 * needed repeat the last one, and an index that is full keeps every second row. All numbers are doubles, so that files of more
 * than 4 GiB are right. Spec: FLV 10.1, E.2, E.5; the index is the one that players know as `keyframes`.
 */
export class FlvFileHead {
  readonly #index: KeyframeIndex;
  /** The same for sound, a row for each second: for a file without pictures. */
  readonly #sounds: KeyframeIndex;
  #lastSoundSecond = 0;
  readonly #rows: number;
  readonly #facts: Partial<Numbers & Flags> = {};
  #audio = false;
  #video = false;
  #lastTime = 0;
  #lastVideo = -1;
  #lastAudio = -1;
  #videoStep = 0;
  #audioStep = 0;
  #lastKey: { readonly time: number; readonly at: number } | undefined;
  #firstMedia: number | undefined;

  /** `rows` of the index, 2 to MAX_FLV_INDEX_ROWS. */
  constructor(rows: number) {
    this.#rows = Math.min(Math.max(Math.ceil(rows), 2), MAX_FLV_INDEX_ROWS);
    this.#index = new KeyframeIndex(this.#rows);
    this.#sounds = new KeyframeIndex(this.#rows);
  }

  /** Rows of its index. */
  get rows(): number {
    return this.#rows;
  }

  /** Where the first tag after the head begins. */
  get end(): number {
    return BEFORE_TAGS + sizeOfTag(FIXED_BODY_BYTES + this.#rows * ROW_BYTES);
  }

  /** Whether there were frames of sound or pictures. */
  get hasMedia(): boolean {
    return this.#firstMedia !== undefined;
  }

  /** From the start of the file to the end of its last frame, ms. */
  get durationMs(): number {
    return Math.max(this.#lastVideo + this.#videoStep, this.#lastAudio + this.#audioStep, 0);
  }

  /** Timestamp of the last frame, ms. */
  get lastTimeMs(): number {
    return this.#lastTime;
  }

  /** Tells of a frame whose tag begins at `at` and has the timestamp `time`, ms. */
  note(frame: Frame, at: number, time: number): void {
    if (frame.kind === 'data') return;
    const isVideo = frame.kind === 'video';
    if (isVideo ? !this.#video : !this.#audio) this.#describe(frame);
    if (isVideo) this.#video = true;
    else this.#audio = true;
    if (frame.isConfig) {
      this.#describe(frame);
      const index = isVideo ? this.#index : this.#sounds;
      if (index.size === 0) index.add(at, time);
      return;
    }
    this.#firstMedia ??= at;
    this.#lastTime = Math.max(this.#lastTime, time);
    if (isVideo) {
      const step = time - this.#lastVideo;
      if (this.#lastVideo >= 0 && step > 0 && step <= LONGEST_FRAME_MS) this.#videoStep = step;
      this.#lastVideo = Math.max(this.#lastVideo, time);
    } else {
      const step = time - this.#lastAudio;
      if (this.#lastAudio >= 0 && step > 0 && step <= LONGEST_FRAME_MS) this.#audioStep = step;
      this.#lastAudio = Math.max(this.#lastAudio, time);
      // Two at least: ffmpeg takes an index for wrong whose first rows are the same.
      const second = Math.floor(time / 1000);
      if (this.#sounds.size < 2 || second > this.#lastSoundSecond) {
        this.#sounds.add(at, time);
        this.#lastSoundSecond = second;
      }
    }
    if (!frame.isKeyframe) return;
    this.#index.add(at, time);
    this.#lastKey = { time, at };
  }

  #describe(frame: Frame): void {
    const facts = this.#facts;
    const codecId = codecIdOf(frame);
    if (frame.kind === 'video') {
      facts.videocodecid = codecId;
      const { width, height, frameRate } = videoTrackOf(frame);
      if (width !== undefined) facts.width = width;
      if (height !== undefined) facts.height = height;
      if (frameRate !== undefined) facts.framerate = frameRate;
      return;
    }
    facts.audiocodecid = codecId;
    facts.audiosamplesize = 16;
    const { sampleRate, channels } = audioTrackOf(frame);
    if (sampleRate !== undefined) facts.audiosamplerate = sampleRate;
    if (channels !== undefined) facts.stereo = channels > 1;
  }

  /** Header and metadata tag, `end` bytes, for a file of `fileBytes`. */
  bytes(fileBytes: number): Buffer {
    const facts = {
      ...this.#facts,
      duration: this.durationMs / 1000,
      filesize: fileBytes,
      lasttimestamp: this.#lastTime / 1000,
      lastkeyframetimestamp: (this.#lastKey?.time ?? 0) / 1000,
      lastkeyframelocation: this.#lastKey?.at ?? 0,
      hasVideo: this.#video,
      hasAudio: this.#audio,
      hasMetadata: true,
      hasKeyframes: this.#lastKey !== undefined,
      canSeekToEnd: this.#lastKey !== undefined && this.#lastKey.time === this.#lastVideo,
    };
    if (facts.framerate === undefined && this.#videoStep > 0) facts.framerate = 1000 / this.#videoStep;
    const body = this.#body(facts);
    const out = Buffer.alloc(this.end);
    flvHeader({ audio: this.#audio, video: this.#video }).copy(out);
    writeTag(out, BEFORE_TAGS, TAG_TYPE.SCRIPT, 0, body);
    return out;
  }

  // Spec: AMF0, 2.2 (number), 2.3 (boolean), 2.5 (object), 2.10 (ECMA array), 2.12 (strict array).
  #body(facts: Partial<Numbers & Flags>): Buffer {
    const body = Buffer.alloc(FIXED_BODY_BYTES + this.#rows * ROW_BYTES);
    let at = body.writeUInt8(2, 0);
    at = writeName(body, at, NAME);
    at = body.writeUInt8(8, at);
    at = body.writeUInt32BE(PROPERTIES, at);
    for (const name of NUMBERS) {
      at = writeName(body, at, name);
      at = body.writeUInt8(0, at);
      at = body.writeDoubleBE(facts[name] ?? 0, at);
    }
    for (const name of FLAGS) {
      at = writeName(body, at, name);
      at = body.writeUInt8(1, at);
      at = body.writeUInt8(facts[name] === true ? 1 : 0, at);
    }
    at = writeName(body, at, 'keyframes');
    at = body.writeUInt8(3, at);
    const index = this.#index.size > 0 ? this.#index : this.#sounds;
    for (const list of LISTS) {
      at = writeName(body, at, list);
      at = body.writeUInt8(10, at);
      at = body.writeUInt32BE(this.#rows, at);
      for (let row = 0; row < this.#rows; row += 1) {
        const value =
          list === 'times'
            ? secondsOf(index.timeAt(row))
            : index.positionAt(row, this.#firstMedia ?? this.end);
        at = body.writeUInt8(0, at);
        at = body.writeDoubleBE(value, at);
      }
    }
    body.writeUIntBE(9, at, 3);
    body.writeUIntBE(9, at + 3, 3);
    return body;
  }
}

/** Rows of the index of a file that begins as `FlvFileHead` begins it; undefined for any other. `head` is its first 64 bytes. */
export function flvFileHeadRows(head: Buffer): number | undefined {
  if (head.length < 64 || head.toString('latin1', 0, 3) !== 'FLV' || head.readUInt32BE(5) !== 9)
    return undefined;
  if (head[BEFORE_TAGS] !== TAG_TYPE.SCRIPT) return undefined;
  const rows = (head.readUIntBE(BEFORE_TAGS + 1, 3) - FIXED_BODY_BYTES) / ROW_BYTES;
  const expected = new FlvFileHead(2).bytes(0).subarray(BEFORE_TAGS + TAG_HEADER_BYTES, 64 - 12);
  const there = head.subarray(BEFORE_TAGS + TAG_HEADER_BYTES, 64 - 12);
  const known = Number.isInteger(rows) && rows >= 2 && rows <= MAX_FLV_INDEX_ROWS;
  return known && there.subarray(0, 28).equals(expected.subarray(0, 28)) ? rows : undefined;
}

/** Seconds that are never below their ms: ffmpeg cuts off what is behind the ms, and would not find the tag of that time. */
function secondsOf(ms: number): number {
  const seconds = ms / 1000;
  return seconds * 1000 < ms ? seconds * (1 + Number.EPSILON) : seconds;
}

function writeName(into: Buffer, at: number, name: string): number {
  return into.writeUInt16BE(into.write(name, at + 2, 'latin1'), at) + name.length;
}

/** As the tags have it: a number of the legacy headers, or the FourCC of the enhanced ones. Spec: Enhanced RTMP v2, onMetaData. */
function codecIdOf(frame: Frame): number {
  const { flvBody } = frame;
  const first = flvBody[0] ?? 0;
  const enhanced = frame.kind === 'video' ? (first & 0x80) !== 0 : first >> 4 === 9;
  if (enhanced) return flvBody.length >= 5 ? flvBody.readUInt32BE(1) : 0;
  return frame.kind === 'video' ? first & 0x0f : first >> 4;
}
