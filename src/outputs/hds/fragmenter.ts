import { Buffer } from 'node:buffer';
import { sizeOfTag, TAG_TYPE, writeTag } from '../../containers/flv/index.ts';
import type { Frame } from '../../media/frame.ts';

/** Bytes of one fragment; it is cut then, keyframe or not. */
export const MAX_HDS_FRAGMENT_BYTES = 64 * 1024 * 1024;
/** Tags of one fragment: timestamps that are all equal reach no length. */
export const MAX_HDS_FRAGMENT_TAGS = 65_536;

/** A fragment that waits for a keyframe is cut without one after so many times its length, and so many ms. */
const MAX_LENGTHS_WITHOUT_KEYFRAME = 4;
const MIN_WAIT_FOR_KEYFRAME_MS = 20_000;
/** Steps of time that players cannot follow, ms. */
const BACK_STEP_MS = 5_000;
const FORWARD_STEP_MS = 60_000;

/** An mdat box of FLV tags: the config records in force, then what came. */
export interface CutFragment {
  readonly bytes: Buffer;
  /** Stream time of its first frame, ms. */
  readonly startMs: number;
  readonly durationMs: number;
  /** Its times do not follow those of the one before. */
  readonly isNewStart: boolean;
}

/** Frames of a stream → fragments. Each begins with a keyframe where there are pictures, and can be played by itself. */
export class HdsFragmenter {
  readonly #fragmentMs: number;
  readonly #onFragment: (fragment: CutFragment) => void;
  #videoConfig: Frame | undefined;
  #audioConfig: Frame | undefined;
  /** Pictures came, or their config record: fragments wait for keyframes. */
  #hasVideo = false;
  /** In force when the waiting fragment began. */
  #configs: readonly Frame[] = [];
  #tags: Frame[] = [];
  #bytes = 0;
  #startDts = 0;
  #lastDts: number | undefined;
  #isNewStart = true;

  constructor(fragmentMs: number, onFragment: (fragment: CutFragment) => void) {
    this.#fragmentMs = fragmentMs;
    this.#onFragment = onFragment;
  }

  /** Another publisher, who will send all config records. */
  beginPublication(): void {
    this.end();
    this.#videoConfig = undefined;
    this.#audioConfig = undefined;
    this.#hasVideo = false;
    this.#isNewStart = true;
  }

  push(frame: Frame): void {
    if (frame.kind === 'data') return;
    const isVideo = frame.kind === 'video';
    if (isVideo) this.#hasVideo = true;
    if (frame.isConfig) {
      if (isVideo) this.#videoConfig = frame;
      else this.#audioConfig = frame;
      // In the middle of a fragment a record is a tag like others.
      if (this.#tags.length > 0) this.#take(frame, this.#lastDts ?? frame.dts);
      return;
    }
    if (frame.payloadOffset >= frame.flvBody.length) return;
    const step = frame.dts - (this.#lastDts ?? frame.dts);
    if (step < -BACK_STEP_MS || step > FORWARD_STEP_MS) {
      this.#cut(undefined);
      this.#isNewStart = true;
    }
    const begins = frame.isKeyframe || !this.#hasVideo;
    if (this.#tags.length > 0 && this.#isDue(frame, begins)) this.#cut(frame.dts);
    // Sound may go on without pictures where a fragment was cut for its length.
    if (this.#tags.length === 0) {
      if (this.#isNewStart && !begins) return;
      this.#startDts = frame.dts;
      this.#configs = [this.#videoConfig, this.#audioConfig].filter((config) => config !== undefined);
      this.#bytes = this.#configs.reduce((sum, { flvBody }) => sum + sizeOfTag(flvBody.length), 0);
    }
    this.#take(frame, frame.dts);
    this.#lastDts = frame.dts;
  }

  /** Gives out what waits. */
  end(): void {
    this.#cut(undefined);
  }

  #take(frame: Frame, dts: number): void {
    this.#tags.push(frame.at(dts));
    this.#bytes += sizeOfTag(frame.flvBody.length);
  }

  #isDue(frame: Frame, isGood: boolean): boolean {
    const length = frame.dts - this.#startDts;
    if (isGood && length >= this.#fragmentMs) return true;
    return (
      length >= Math.max(MAX_LENGTHS_WITHOUT_KEYFRAME * this.#fragmentMs, MIN_WAIT_FOR_KEYFRAME_MS) ||
      this.#bytes + sizeOfTag(frame.flvBody.length) > MAX_HDS_FRAGMENT_BYTES ||
      this.#tags.length >= MAX_HDS_FRAGMENT_TAGS
    );
  }

  /** `nextDts`: where the next fragment begins; else this one ends with its last frame. */
  #cut(nextDts: number | undefined): void {
    if (this.#tags.length === 0) return;
    const bytes = Buffer.allocUnsafe(8 + this.#bytes);
    bytes.writeUInt32BE(bytes.length, 0);
    bytes.write('mdat', 4, 'latin1');
    let at = 8;
    for (const config of this.#configs) at = writeFrame(bytes, at, config, this.#startDts);
    for (const tag of this.#tags) at = writeFrame(bytes, at, tag, tag.dts);
    const endDts = nextDts ?? this.#lastDts ?? this.#startDts;
    const fragment: CutFragment = {
      bytes,
      startMs: this.#startDts,
      durationMs: Math.max(1, Math.round(endDts - this.#startDts)),
      isNewStart: this.#isNewStart,
    };
    this.#tags = [];
    this.#configs = [];
    this.#isNewStart = false;
    this.#onFragment(fragment);
  }
}

function writeFrame(into: Buffer, at: number, frame: Frame, dts: number): number {
  return writeTag(into, at, frame.kind === 'video' ? TAG_TYPE.VIDEO : TAG_TYPE.AUDIO, dts, frame.flvBody);
}
