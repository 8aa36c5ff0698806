import type { AudioCodec, VideoCodec } from './frame.ts';

/** What a video config record tells. Undefined = not said or not parsed (`parse_sps off`). */
export interface VideoTrack {
  readonly codec: VideoCodec;
  /** `High`, `Main`, `Baseline(Constrained)` …, as SRS's API spells them. */
  readonly profile?: string;
  /** As text such as `3.1`. */
  readonly level?: string;
  /** Pixels, after cropping. */
  readonly width?: number;
  readonly height?: number;
  /** Frames per second by the VUI timing, where present. */
  readonly frameRate?: number;
}

export interface AudioTrack {
  readonly codec: AudioCodec;
  /** `LC`, `HE`, `HEv2`, `Main` …, as SRS's API spells them. */
  readonly profile?: string;
  /** Hz. */
  readonly sampleRate?: number;
  readonly channels?: number;
}
