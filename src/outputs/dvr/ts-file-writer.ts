import { TsMuxer } from '../../containers/mpegts/index.ts';
import type { Frame } from '../../media/frame.ts';
import type { Beginning, FormatWriter } from './format-writer.ts';
import type { RecordingSink } from './recording-sink.ts';
import type { TsEnd } from './ts-end.ts';

/** A recording in MPEG-TS, which needs no end. */
export class TsFileWriter implements FormatWriter {
  readonly #muxer = new TsMuxer();
  readonly #keepTimes: boolean;
  #base = 0;
  readonly #continues: boolean;
  readonly #startMs: number;
  /** Length of what the file had before, ms. */
  readonly #before: number;
  #first: number | undefined;
  #last = 0;

  /** `continued`: the end of a file to go on with. */
  constructor(keepTimes: boolean, continued?: Pick<TsEnd, 'nextMs' | 'durationMs'>) {
    this.#continues = continued !== undefined;
    this.#keepTimes = keepTimes && !this.#continues;
    this.#startMs = continued?.nextMs ?? 0;
    this.#before = continued?.durationMs ?? 0;
    if (this.#continues) this.#muxer.discontinuity();
  }

  get durationMs(): number {
    return this.#before + (this.#first === undefined ? 0 : this.#last - this.#first);
  }

  get hasMedia(): boolean {
    return this.#continues || this.#first !== undefined;
  }

  needsNewFile(): boolean {
    return false;
  }

  begin({ configs, frames, refuse }: Beginning, sink: RecordingSink): void {
    const first = frames.reduce((least, { dts }) => Math.min(least, dts), Number.POSITIVE_INFINITY);
    const start = Number.isFinite(first) ? first : 0;
    this.#base = this.#keepTimes ? 0 : start - this.#startMs;
    for (const config of configs) {
      try {
        this.#muxer.write(config, sink);
      } catch (error) {
        refuse(config, error);
      }
    }
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
