import type { ServerError } from '../base/errors.ts';
import type { Undo } from '../base/undo.ts';
import type { Frame } from '../media/frame.ts';
import type { AudioTrack, VideoTrack } from '../media/track.ts';
import type { Pulse } from './media-pulse.ts';

/** A stream's name after vhost resolution. */
export interface StreamName {
  readonly vhost: string;
  readonly app: string;
  readonly stream: string;
}

/** `vhost/app/stream`, the key of every registry. */
export function streamKey(name: StreamName): string {
  return `${name.vhost}/${name.app}/${name.stream}`;
}

/** Settings of one stream, from its vhost. SRS's directive names are in brackets. */
export interface StreamOptions {
  /** [gop_cache] Keep the last group of pictures for joiners. */
  readonly gopCache: boolean;
  /** [gop_cache_max_frames] Bound of that cache, frames. */
  readonly gopCacheMaxFrames: number;
  /** [fast_cache] How much sound is kept for joiners of formats that want it, ms. @default 0 */
  readonly soundCacheMs?: number;
  /** [queue_length] Bound of a viewer's queue, media ms. */
  readonly queueLengthMs: number;
  /** Bound of a viewer's queue, bytes. */
  readonly queueMaxBytes: number;
  /** A viewer whose socket took nothing for so long is closed, ms. */
  readonly sendTimeoutMs: number;
  /** [time_jitter] */
  readonly timeJitter: 'full' | 'zero' | 'off';
  /** [atc] Absolute timestamps: turns timeJitter off. */
  readonly atc: boolean;
  /** [atc_auto] Turn atc on when the metadata says bravo_atc=true. */
  readonly atcAuto: boolean;
  /** [mix_correct] */
  readonly mixCorrect: boolean;
  /** [reduce_sequence_header] */
  readonly reduceSequenceHeader: boolean;
  /** [mw_latency] Upper bound of the merge window, ms. */
  readonly mwLatencyMs: number;
  /** [mw_adaptive] false pins the window to mwLatencyMs. */
  readonly mwAdaptive: boolean;
  /** [min_latency] Pins the window to 0. */
  readonly minLatency: boolean;
  /** [send_min_interval] Above 0: one message at a time, so many ms apart. */
  readonly sendMinIntervalMs: number;
  /** [hold_time] How long a stream waits for its publisher to come back before its viewers are told that it ended, ms. */
  readonly holdMs: number;
  /** [parse_sps] */
  readonly parseSps: boolean;
}

/** `idle`: viewers wait, nobody published yet. `waiting`: the publisher left and may come back. `gone`: freed. */
export type StreamState = 'idle' | 'live' | 'waiting' | 'gone';

/**
 * What a peer said of itself, as it said it: whoever shows it must know that queries hold tokens. What was not said, or what the
 * protocol has no word for, is not there.
 */
export interface SessionDetails {
  readonly transport: 'rtmp' | 'rtmps' | 'http' | 'https' | 'ws' | 'wss';
  /** The URL up to the app. */
  readonly tcUrl?: string;
  /** The page that it came from; the `Referer` over HTTP, or the `Origin`. */
  readonly pageUrl?: string;
  readonly swfUrl?: string;
  /** The query of app and stream with its `?`, or empty: SRS's `param`. */
  readonly params: string;
  /** `User-Agent` over HTTP, `flashVer` over RTMP. */
  readonly userAgent?: string;
  /** How an RTMP client began to publish: FCPublish first as most encoders do, behind createStream, or without as Flash does. */
  readonly publishStyle?: 'fmle' | 'haivision' | 'flash';
}

/** Who publishes or plays, for the registry, the log and the API. */
export interface SessionInfo {
  readonly id: string;
  readonly ip: string;
  /** `rtmp-publish`, `rtmp-play`, `flv-play`, `ws-flv-play`, `ingest` … */
  readonly type: string;
  readonly details?: SessionDetails;
  /** The round trip to the peer, ms, where the protocol can tell it and it is known. Changes: read it when it is wanted. */
  readonly rttMs?: number | undefined;
  /** Why it ends, once that is decided and where the protocol tells; undefined = the peer left by itself, or it has not ended. */
  readonly endReason?: ServerError | undefined;
  /** Ends the session from outside (kick, takeover, shutdown). Idempotent. */
  close(reason: ServerError): void;
}

/** The publisher's lock on a name. */
export interface PublishLease {
  /**
   * Takes one frame with the peer's own timestamp; the stream repairs time. Never throws for what a frame contains.
   * Calls after `release` are ignored.
   */
  write(frame: Frame): void;
  /** Gives the name back. Idempotent. */
  release(): void;
}

/** Which kinds of frames a format carries. Data frames go with `av` and `v`. */
export type TrackChoice = 'av' | 'a' | 'v';

/**
 * A wire format with one set of settings, e.g. `rtmp:60000:1:av`, `flv:chunked:av`. Viewers of the same `key` share a feed.
 */
export interface WireFormat {
  readonly key: string;
  readonly tracks: TrackChoice;
  /**
   * The first bytes say which tracks will come (FLV's header flags). A joiner of a stream that has just begun then waits
   * until that is known.
   */
  readonly declaresTracks: boolean;
  /** A format of sound alone whose joiners begin with the sound that is cached for them. */
  readonly wantsCachedSound?: boolean;
  createPackager(): Packager;
}

/** What the first bytes of a body may say of the stream. */
export interface Opening {
  readonly hasAudio: boolean;
  readonly hasVideo: boolean;
}

/**
 * What a joiner needs before live bytes continue: header, metadata, config records, cached frames, all rebased. It can grow
 * with the group of pictures, so that each frame of it is packaged once however many join.
 */
export interface CatchUp {
  add(frames: readonly Frame[]): void;
  /**
   * All bytes so far, one view. Promises that live bytes from the present end of the feed's log continue them: where the
   * last timestamp of a kind differs from the live state's, the packager makes its next live message absolute.
   */
  bytes(): Buffer;
}

/** Frames → bytes of one wire format, once for all viewers. See the packagers of `outputs/` and `hub/feed.ts`. */
export interface Packager {
  /** Appends one live frame to the feed's log. */
  append(frame: Frame, log: ByteLog): void;
  /**
   * The bytes of `log` between two positions as viewers whose time base is `base` ms must see them. A format whose live
   * bytes do not depend on the base (RTMP's deltas) returns the shared view itself. Both are ends of messages.
   */
  cut(log: ByteLog, from: number, to: number, base: number): Buffer;
  /** Begins the bytes of joiners whose time base is `base` ms; `opening` only for those who got nothing yet. */
  catchUp(opening: Opening | undefined, base: number): CatchUp;
  /**
   * The publisher left: what was held back goes out now. What comes next, if anything, is from another one. Only of formats that
   * hold something back.
   */
  rest?(log: ByteLog): void;
  /** Ends the body, e.g. HTTP's last chunk; empty where the format has none. */
  trailer(): Buffer;
}

/** A place inside a Buffer. */
export interface Reservation {
  readonly buffer: Buffer;
  readonly offset: number;
}

/** An append-only run of bytes shared by all viewers of a feed. Positions only grow. */
export interface ByteLog {
  /** Oldest position still held. */
  readonly start: number;
  readonly end: number;
  /**
   * Reserves `size` contiguous bytes and returns where to write them: `buffer` from `offset`. The caller fills all of them.
   * The returned object is reused by the next call.
   */
  reserve(size: number): Reservation;
  view(from: number, to: number): Buffer;
}

/** A viewer's way out: a socket. Implemented in `src/net`. */
export interface ViewerSink {
  /** Hands over one finished Buffer; it is shared, nobody writes to it. */
  write(bytes: Buffer): void;
  /** Bytes handed over that the peer's kernel has not taken yet (`writableLength`). */
  readonly pendingBytes: number;
  /** Ends the connection because of the viewer itself (stalled). */
  close(reason: ServerError): void;
}

export interface PlayRequest {
  readonly session: SessionInfo;
  readonly format: WireFormat;
  readonly sink: ViewerSink;
  /** Stop after so much media, ms. Undefined = no end. */
  readonly durationMs?: number | undefined;
  /**
   * What happens when the publisher did not come back within the hold time: `end` = trailer and onEnd('gone') (HTTP),
   * `wait` = the viewer stays for the next publisher (RTMP). Default: `end`.
   */
  readonly afterHold?: 'end' | 'wait';
  /** Media begins (again) or pauses because the publisher came or left; not called for the state at the time of play(). */
  onState?(state: StreamState): void;
  /** The stream is over for this viewer (publisher gone after the hold time, duration reached). The trailer was written. */
  onEnd(reason: 'gone' | 'duration'): void;
}

export interface PlaybackStats {
  /** Media ms in the queue of this viewer. */
  readonly queuedMs: number;
  readonly queuedBytes: number;
  /** Bytes handed to the sink. */
  readonly sentBytes: number;
  /** Times that the queue overflowed, and bytes dropped by it. */
  readonly drops: number;
  readonly droppedBytes: number;
}

/** One viewer on one feed. */
export interface Playback {
  readonly stats: PlaybackStats;
  /** The sink became writable again. */
  drained(): void;
  pause(): void;
  /** Continues at the live edge, from the newest keyframe. */
  resume(): void;
  /** Changes the feed (receiveAudio/receiveVideo); the time base is kept. */
  switchFormat(format: WireFormat): void;
  /** Sends what is queued and the end of the body, as at the end of `durationMs`; then the request is told. Idempotent. */
  finish(reason: 'duration'): void;
  /** Nothing more is sent. Idempotent. */
  close(): void;
}

/** A viewer who is served by an output's files (HLS) and not by a feed. */
export interface AttendRequest {
  readonly session: SessionInfo;
  /** As it is now; read at any time and a last time in the end. */
  readonly stats: PlaybackStats;
  /** The stream is over: the publisher did not come back within the hold time. The viewer is not counted any more. */
  onEnd(): void;
}

/** A snapshot for the API and the page. */
export interface StreamSnapshot {
  readonly name: StreamName;
  readonly state: StreamState;
  readonly publisher: { readonly id: string; readonly ip: string; readonly type: string } | undefined;
  readonly viewers: number;
  readonly video: VideoTrack | undefined;
  readonly audio: AudioTrack | undefined;
  readonly videoFrames: number;
  readonly audioFrames: number;
  readonly receivedBytes: number;
  /** kbit/s over the last seconds. */
  readonly receivedKbps: number;
  /** Unix ms of the current publish; undefined when not live. */
  readonly publishedAtMs: number | undefined;
  /** Timestamps that the timeline had to repair. */
  readonly timelineRepairs: number;
  /** How the media of the present publisher comes; undefined where nobody publishes. */
  readonly pulse: Pulse | undefined;
}

/**
 * An output that makes files of a stream: it sees what the publisher sends, once, in stream time and in order. Called within the
 * media path: it must not block. Who throws is removed, with a warning, and told by `onEnd('failed')`.
 */
export interface FrameTap {
  /** For the log: `hls`, `dvr` … */
  readonly name: string;
  /** `gop`: begins with the cached group of pictures. Default `now`: with the next frame. */
  readonly from?: 'now' | 'gop';
  /**
   * A config record, a data message or an access unit. A tap begins with the metadata and the config records that are in
   * force; their dts is that of when they came. The frame and its bytes are shared: keep what must last as a copy.
   */
  onFrame(frame: Frame): void;
  /**
   * The state at the time of `tap()`, then each change. `publication` counts the publishers of the stream; at a new one all
   * config records come again, time goes on. `waiting`: the publisher may come back within the hold time.
   */
  onState(state: StreamState, publication: number): void;
  /** The one end: the stream is `gone`, or the tap `failed`. Not called after the undo. */
  onEnd(reason: 'gone' | 'failed'): void;
}

export interface LiveStream {
  readonly name: StreamName;
  readonly state: StreamState;
  play(request: PlayRequest): Playback;
  /**
   * Adds a tap, which is no viewer: it is not counted, and the stream ends with its hold time whether it is tapped or not.
   * Called from `StreamObserver.publishStarted`, a tap misses nothing; that is called again when a publisher comes back, while
   * the taps stay. A tap of a stream that is gone already is ended at once.
   */
  tap(tap: FrameTap): Undo;
  /**
   * Counts a viewer without a feed from now until the undo or the end: in the snapshot, by its session id, for the observers.
   * The stream ends with its hold time whoever attends. Where nobody publishes and nothing is held, the viewer is not counted
   * and hears `onEnd` at once. Throws when nobody may play here any more.
   */
  attend(request: AttendRequest): Undo;
  snapshot(): StreamSnapshot;
}

/** What inputs, outputs and endpoints see of the hub. */
export interface Hub {
  /** Locks the name. Throws STREAM_BUSY while another session holds it. */
  publish(name: StreamName, session: SessionInfo): PublishLease;
  /** The stream if it is live, held or waited for. */
  find(name: StreamName): LiveStream | undefined;
  /**
   * The one seam for a viewer who asks for a stream: the stream if it is here, else what the resolvers bring (edge pull,
   * sibling worker, on-demand ingest), else by `whenMissing` an idle stream to wait on, or undefined.
   */
  resolve(name: StreamName, whenMissing: 'wait' | 'fail'): Promise<LiveStream | undefined>;
  list(): StreamSnapshot[];
  /** Looks up the sessions by id (kick). */
  session(id: string): SessionInfo | undefined;
}

/** Brings a missing stream into the hub (or says that it cannot). Tried in order by `Hub.resolve`. */
export interface StreamResolver {
  /** True once the stream is being published into the hub by this resolver. */
  resolve(name: StreamName): Promise<boolean>;
}

/** Sees each start and its one end. Errors of an observer never reach the media path. */
export interface StreamObserver {
  publishStarted?(name: StreamName, session: SessionInfo, stream: LiveStream): void;
  publishEnded?(name: StreamName, session: SessionInfo): void;
  playStarted?(name: StreamName, session: SessionInfo, playback: Playback): void;
  /** The first media was handed to the viewer's connection. Not called of viewers who fetch files. */
  playBegan?(name: StreamName, session: SessionInfo): void;
  playEnded?(name: StreamName, session: SessionInfo, stats: PlaybackStats): void;
  /** Nobody publishes, plays or waits any more, and nothing is held: the hub has forgotten the stream. */
  streamGone?(name: StreamName): void;
}

export type AccessAction = 'connect' | 'publish' | 'play';

export interface AccessRequest {
  readonly action: AccessAction;
  readonly session: SessionInfo;
  readonly vhost: string;
  readonly app: string;
  readonly stream?: string;
  /** Query string of app and stream, without `?`. */
  readonly params: string;
  readonly tcUrl?: string;
  readonly pageUrl?: string;
  /** The token of the header `Authorization: Bearer` over HTTP: a secret. */
  readonly bearer?: string;
  /** An earlier policy took the place of what the client asked for, which was a secret. */
  readonly isKey?: boolean;
}

/** What a yes comes with. */
export interface AccessGrant {
  /** The session publishes or plays this stream of the same vhost and app in place of the one that it asked for. */
  readonly stream?: string;
  /**
   * What was asked for is a secret (a stream key): it must not be seen in a log, a file, the API or another answer. Only together
   * with `stream`.
   */
  readonly isKey?: boolean;
  /** The client is sent there (an RTMP URL over RTMP, an HTTP URL over HTTP) and no session begins. */
  readonly redirect?: string;
  /** The session ends after so long, ms. */
  readonly durationMs?: number;
  /** The session ends when it carries more for some seconds, kbit/s. */
  readonly maxKbps?: number;
}

/** Decides before the peer hears success. Throws a ServerError to refuse. */
export interface AccessPolicy {
  /** Resolves with what the yes comes with; undefined = nothing besides. */
  check(request: AccessRequest): Promise<AccessGrant | undefined>;
  /**
   * Whether it may refuse somebody to play streams of a vhost: their files are then given out only to who was let in. Default: it
   * does not; the policy of a program that embeds the server does.
   */
  protects?(vhost: string): boolean;
  /**
   * Called once after each `check`, when the session has begun, was refused or has failed: what was granted and has not begun by
   * now never will.
   */
  settled?(session: SessionInfo): void;
}

/** Hears of the ends of connections that asked for `connect`, whatever became of it. */
export interface ConnectionObserver {
  /** `bytes`: of the connection. Called after the ends of what it published or played. */
  connectionEnded(id: string, bytes: { readonly sent: number; readonly received: number }): void;
}
