import type { Frame } from '../../media/frame.ts';
import { readAacConfig } from '../../media/codecs/aac.ts';
import { readMp3Header } from '../../media/codecs/mp3.ts';
import { samplesToMs } from '../../media/time.ts';

/** Stands in for a frame's duration where one frame alone says nothing, ms: 25 frames per second. */
const DEFAULT_FRAME_MS = 40;

/** Where one track of a file begins and ends, as its frames pass by. Times are ms since the beginning of the file. */
export class TrackSpan {
  #count = 0;
  #first = 0;
  #last = 0;
  /** Of one frame, by the codec; undefined for video and for codecs that do not say. */
  #frameMs: number | undefined;

  get empty(): boolean {
    return this.#count === 0;
  }

  /** A config record or a frame of this track. */
  add(frame: Frame, time: number): void {
    if (frame.codec === 'aac' && frame.isConfig) this.#frameMs = aacFrameMs(frame);
    if (frame.codec === 'mp3') this.#frameMs ??= mp3FrameMs(frame);
    if (frame.isConfig) return;
    if (this.#count === 0) this.#first = time;
    this.#last = time;
    this.#count += 1;
  }

  /** When a frame after the last one would begin. */
  get end(): number {
    const frameMs = this.#frameMs;
    if (frameMs === undefined) {
      const steps = this.#count - 1;
      return this.#last + (steps > 0 ? (this.#last - this.#first) / steps : DEFAULT_FRAME_MS);
    }
    const byLast = this.#last + frameMs;
    // Timestamps are rounded to 1 ms; the count is exact, as long as no frame is missing.
    const byCount = this.#first + this.#count * frameMs;
    return Math.abs(byCount - byLast) < frameMs / 2 ? byCount : byLast;
  }
}

/**
 * How long a file lasts, so that the next round of it continues both tracks: the later end of the two. Where both ends are
 * the same but for the rounding of timestamps, the audio's counts, because it is exact.
 */
export function loopDuration(audio: TrackSpan, video: TrackSpan): number {
  if (audio.empty) return video.end;
  if (video.empty || Math.abs(audio.end - video.end) <= 1) return audio.end;
  return Math.max(audio.end, video.end);
}

function aacFrameMs(frame: Frame): number | undefined {
  return orUndefined(() => {
    const config = readAacConfig(frame.payload);
    return samplesToMs(config.frameSamples, config.sampleRate);
  });
}

function mp3FrameMs(frame: Frame): number | undefined {
  return orUndefined(() => {
    const header = readMp3Header(frame.payload);
    return samplesToMs(header.samples, header.sampleRate);
  });
}

// A record that cannot be read costs precision, not the stream.
function orUndefined(read: () => number): number | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
