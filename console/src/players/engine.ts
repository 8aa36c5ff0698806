import type { Obstacle, TransportId } from '../model/transport.ts';

/** Why playing ended badly. `network`, `media` and `not-yet` are worth another try, the others are not. */
export interface Problem {
  readonly code: 'network' | 'media' | 'not-yet' | 'video-codec' | 'audio-codec' | 'format' | 'browser';
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

/** How far behind the live edge an engine is, seconds. */
export interface Distance {
  readonly behindS: number;
  /** What the engine aims at. */
  readonly aimS: number | undefined;
}

/** One connection, from opening to its end. It never reconnects: that is the playback controller's job. */
export interface Engine {
  /** kbit/s of the stream over the last second or segment; undefined when not known yet. */
  kbps(): number | undefined;
  /**
   * `controller`: bytes come as they are made, so the end of the buffer is the live edge and the controller keeps near it. Else
   * the engine does that itself and tells the distance; undefined when not known yet.
   */
  distance(): Distance | 'controller' | undefined;
  /** How long nothing new may come before the connection counts as dead, ms. */
  patienceMs(): number;
  /** Stops loading and lets the video element go. Idempotent; no event follows. */
  close(): void;
}

/** A player kind: whether it can play here, and how to open it. */
export interface EngineKind {
  readonly id: TransportId;
  readonly label: string;
  /** What keeps this kind from playing a stream of this video codec (as `live.json` names it) in this browser. */
  obstacle(videoCodec: string | undefined): Obstacle | undefined;
  open(options: EngineOptions): Engine;
}
