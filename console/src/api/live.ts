/** What a stream is doing: `live` can be played now, `waiting` has viewers but no publisher, `idle` has neither. */
export type StreamState = 'idle' | 'live' | 'waiting';

export type PlayableFormat = 'flv' | 'ts' | 'hls' | 'll-hls' | 'dash' | 'aac' | 'mp3';

/** One way to play a stream over HTTP. */
export interface Playable {
  readonly format: PlayableFormat;
  /** Path from the server's root, such as `/live/demo.flv`; may carry a query. */
  readonly url: string;
}

/** One row of `live.json`. */
export interface LiveStream {
  readonly vhost: string;
  readonly app: string;
  readonly stream: string;
  readonly state: StreamState;
  readonly playable: readonly Playable[];
  readonly hasAudio: boolean;
  readonly hasVideo: boolean;
  readonly videoCodec?: string;
  /** Pixels. */
  readonly width?: number;
  readonly height?: number;
  /** Frames per second. */
  readonly fps?: number;
  readonly audioCodec?: string;
  /** Hz. */
  readonly sampleRate?: number;
  readonly viewers: number;
  /** kbit/s that the server receives. */
  readonly kbps: number;
  /** Unix ms. */
  readonly publishedAtMs?: number;
}

/** The server's own row of `live.json`. */
export interface ServerInfo {
  readonly version: string;
  readonly rtmpPort: number;
  readonly apiPort: number;
}

/** The answer to `GET live.json`. */
export interface LiveAnswer {
  readonly server: ServerInfo;
  readonly streams: readonly LiveStream[];
}
