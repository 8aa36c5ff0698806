import type { StreamAddresses } from '../model/addresses.ts';

/** Ways to carry a stream into the page. A new way is one more row in `kinds.ts`. */
export type EngineId = 'http-flv' | 'ws-flv';

/** Why playing ended badly. `network` and `media` are worth another try, the others are not. */
export interface Problem {
  readonly code: 'network' | 'media' | 'video-codec' | 'audio-codec' | 'format' | 'browser';
  /** The library's own words, for the curious. */
  readonly detail: string;
}

/** What an engine tells its owner: at most one of the two, once. Both come after the engine's own work is done. */
export interface EngineEvents {
  ended(): void;
  failed(problem: Problem): void;
}

export interface EngineOptions {
  readonly video: HTMLVideoElement;
  readonly url: string;
  /** False: leave the sound out, because the browser cannot decode it. */
  readonly withAudio: boolean;
  readonly events: EngineEvents;
}

/** One connection, from opening to its end. It never reconnects: that is the playback controller's job. */
export interface Engine {
  /** kbit/s received over the last second or so; undefined when not known yet. */
  kbps(): number | undefined;
  /** Stops loading and lets the video element go. Idempotent; no event follows. */
  close(): void;
}

/** A player kind: how to find a stream's address and how to open it. */
export interface EngineKind {
  readonly id: EngineId;
  readonly label: string;
  address(addresses: StreamAddresses): string;
  /** Video and audio codecs, as `live.json` names them, that this kind cannot play here. */
  cannotPlay(videoCodec: string | undefined): boolean;
  open(options: EngineOptions): Engine;
}
