import { TsMuxer } from '../../containers/mpegts/index.ts';
import type { Frame } from '../../media/frame.ts';
import type { Beginning, FormatWriter } from './format-writer.ts';
import type { RecordingSink } from './recording-sink.ts';

/** A recording in MPEG-TS, which needs no end. */
export class TsFileWriter implements FormatWriter {
  readonly #muxer = new TsMuxer();
  readonly #keepTimes: boolean;
  #base = 0;
  readonly #startMs: number;
  #first: number | undefined;
  #last = 0;

  /** `startMs`: time of the first frame in a file that goes on. */
  constructor(keepTimes: boolean, startMs: number | undefined) {
    this.#keepTimes = keepTimes && startMs === undefined;
    this.#startMs = startMs ?? 0;
    if (startMs !== undefined) this.#muxer.discontinuity();
  }

  get durationMs(): number {
    return this.#first === undefined ? 0 : this.#last - this.#first;
  }

  get hasMedia(): boolean {
    return this.#first !== undefined;
  }

  needsNewFile(): boolean {
    return false;
  }

  begin({ configs, frames }: Beginning, sink: RecordingSink): void {
    const first = frames.reduce((least, { dts }) => Math.min(least, dts), Number.POSITIVE_INFINITY);
    const start = Number.isFinite(first) ? first : 0;
    this.#base = this.#keepTimes ? 0 : start - this.#startMs;
    for (const config of configs) this.#muxer.write(config, sink);
  }

  write(frame: Frame, sink: RecordingSink): void {
    const skipped = this.#muxer.skippedFrames;
    this.#muxer.write(frame.at(Math.max(0, frame.dts - this.#base)), sink);
    if (frame.isConfig || frame.kind === 'data' || this.#muxer.skippedFrames > skipped) return;
    this.#first ??= frame.dts;
    this.#last = Math.max(this.#last, frame.dts);
  }

  cut(sink: RecordingSink): void {
    this.#muxer.flush(sink);
  }

  finish(): void {
    // Packets need no index.
  }
}
