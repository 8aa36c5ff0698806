import { FlvFileHead, sizeOfTag, TAG_TYPE, writeTag } from '../../containers/flv/index.ts';
import type { Frame, FrameKind } from '../../media/frame.ts';
import type { Beginning, FormatWriter } from './format-writer.ts';
import type { RecordingSink } from './recording-sink.ts';

const TYPES: Record<FrameKind, number> = {
  audio: TAG_TYPE.AUDIO,
  video: TAG_TYPE.VIDEO,
  data: TAG_TYPE.SCRIPT,
};

/** An FLV file to go on with. */
export interface FlvEnd {
  readonly head: FlvFileHead;
  /** Timestamp of the first frame that follows, ms. */
  readonly timeMs: number;
}

/** A recording in FLV: what came, tag by tag, and a head that is written again when it is done. */
export class FlvFileWriter implements FormatWriter {
  readonly #head: FlvFileHead;
  readonly #keepTimes: boolean;
  readonly #continued: FlvEnd | undefined;
  #base = 0;

  /** `rows` of the keyframe index. */
  constructor(rows: number, keepTimes: boolean, continued: FlvEnd | undefined) {
    this.#head = continued?.head ?? new FlvFileHead(rows);
    this.#continued = continued;
    this.#keepTimes = keepTimes && continued === undefined;
  }

  get durationMs(): number {
    return this.#head.durationMs;
  }

  get hasMedia(): boolean {
    return this.#head.hasMedia;
  }

  needsNewFile(): boolean {
    return false;
  }

  begin({ configs, frames }: Beginning, sink: RecordingSink): void {
    const first = frames.reduce((least, { dts }) => Math.min(least, dts), Number.POSITIVE_INFINITY);
    const start = Number.isFinite(first) ? first : 0;
    this.#base = this.#keepTimes ? 0 : start - (this.#continued?.timeMs ?? 0);
    if (this.#continued === undefined) {
      // Tells the codecs to whoever finds the file before it is done.
      const told = new FlvFileHead(this.#head.rows);
      for (const frame of configs) told.note(frame, told.end, 0);
      sink.write(told.bytes(0));
    }
    for (const config of configs) this.write(config.at(start), sink);
  }

  write(frame: Frame, sink: RecordingSink): void {
    // Sound may be a little older than the picture that the file begins with.
    const time = Math.max(0, frame.dts - this.#base);
    const at = sink.position;
    const { buffer, offset } = sink.reserve(sizeOfTag(frame.flvBody.length));
    writeTag(buffer, offset, TYPES[frame.kind], time, frame.flvBody);
    this.#head.note(frame, at, time);
  }

  cut(): void {
    // Each tag was given out at once.
  }

  finish(sink: RecordingSink): void {
    sink.patch(this.#head.bytes(sink.position), 0);
  }
}
