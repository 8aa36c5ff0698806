import { audioCodecString, videoCodecString } from '../../media/codec-string.ts';
import type { AudioCodec, VideoCodec } from '../../media/frame.ts';
import { videoTrackOf } from '../../media/track-info.ts';
import type { VideoTrack } from '../../media/track.ts';
import type { Tracks } from './containers.ts';
import type { VariantFacts } from './live-playlist.ts';

const BITS = 8;
const SECOND_MS = 1_000;

/** Measures what a master playlist says of a stream. Spec: RFC 8216, 4.3.4.2. */
export class FactsMeter {
  readonly #leastMs: number;
  #codecs: string | undefined;
  #video: VideoTrack | undefined;
  /** Rates of the tracks before: what is expected of these until they have a segment. */
  #expected = { peak: 0, average: 0 };
  #peak = 0;
  #bytes = 0;
  #ms = 0;
  #videoFrames = 0;
  /** Segments since the last look at the peak: short ones count together. */
  #runBytes = 0;
  #runMs = 0;

  /** `targetMs`: the peak is that of what lasts at least half a target duration. */
  constructor(targetMs: number) {
    this.#leastMs = targetMs / 2;
  }

  get facts(): VariantFacts {
    const { width, height, frameRate } = this.#video ?? {};
    const { peak, average } = this.#rates();
    return {
      bandwidth: Math.max(peak, average),
      averageBandwidth: average,
      codecs: this.#codecs,
      width,
      height,
      frameRate: frameRate ?? this.#measuredRate(),
    };
  }

  /** The tracks from now on; what was measured before is of others. */
  begin({ video, audio }: Tracks): void {
    this.#expected = this.#rates();
    const names = [
      video === undefined ? undefined : videoCodecString(video.codec as VideoCodec, video.payload),
      audio === undefined ? undefined : audioCodecString(audio.codec as AudioCodec, audio.payload),
    ].filter((name) => name !== undefined);
    this.#codecs = names.length === 0 ? undefined : names.join(',');
    this.#video = video === undefined ? undefined : videoTrackOf(video);
    this.#videoFrames = 0;
    this.#bytes = 0;
    this.#ms = 0;
    this.#peak = 0;
    this.#runBytes = 0;
    this.#runMs = 0;
  }

  segment(bytes: number, durationMs: number, videoFrames: number): void {
    this.#bytes += bytes;
    this.#ms += durationMs;
    this.#videoFrames += videoFrames;
    this.#runBytes += bytes;
    this.#runMs += durationMs;
    if (this.#runMs < this.#leastMs) return;
    this.#peak = Math.max(this.#peak, Math.ceil((this.#runBytes * BITS * SECOND_MS) / this.#runMs));
    this.#runBytes = 0;
    this.#runMs = 0;
  }

  #rates(): { readonly peak: number; readonly average: number } {
    if (this.#ms === 0) return this.#expected;
    return { peak: this.#peak, average: Math.ceil((this.#bytes * BITS * SECOND_MS) / this.#ms) };
  }

  #measuredRate(): number | undefined {
    if (this.#videoFrames === 0 || this.#ms === 0) return undefined;
    return Math.round((this.#videoFrames * 1_000 * SECOND_MS) / this.#ms) / 1_000;
  }
}
