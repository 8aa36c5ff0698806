import { readAacConfig } from '../../media/codecs/aac.ts';
import { readMp3Header } from '../../media/codecs/mp3.ts';
import type { Frame } from '../../media/frame.ts';
import { samplesToMs } from '../../media/time.ts';

/** Where the counted time is so far from the stream's, the stream's counts, ms: a gap, or a clock that is off. */
const MAX_DRIFT_MS = 100;

/**
 * [hls_dts_directly off] Times of audio frames by counting their samples: a sender's whole milliseconds make steps that are never
 * quite a frame. Times keep their fraction.
 */
export class SampleTimes {
  #frameMs = 0;
  #next: number | undefined;

  /** Takes an AudioSpecificConfig. */
  configure(frame: Frame): void {
    const { frameSamples, sampleRate } = readAacConfig(frame.payload);
    this.#frameMs = samplesToMs(frameSamples, sampleRate);
    this.#next = undefined;
  }

  /** The frame at its counted time. */
  at(frame: Frame): Frame {
    if (frame.codec === 'mp3') {
      const { samples, sampleRate } = readMp3Header(frame.payload);
      this.#frameMs = samplesToMs(samples, sampleRate);
    }
    if (this.#frameMs === 0) return frame;
    const next = this.#next;
    const time = next !== undefined && Math.abs(next - frame.dts) <= MAX_DRIFT_MS ? next : frame.dts;
    this.#next = time + this.#frameMs;
    return frame.at(time);
  }
}
