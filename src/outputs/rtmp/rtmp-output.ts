import type {
  LiveStream,
  Playback,
  PlayRequest,
  SessionInfo,
  StreamState,
  ViewerSink,
  WireFormat,
} from '../../hub/ports.ts';
import { rtmpFormat } from './rtmp-packager.ts';

/** The viewer's session: its socket, its name in the registry, and what it is told around the media. */
export interface RtmpViewer extends SessionInfo, ViewerSink {
  /** A publisher came while the viewer waited. */
  onLive(): void;
  /** The publisher did not come back within the hold time. The viewer stays. */
  onUnpublished(): void;
  /** The duration is over. */
  onComplete(): void;
}

export interface RtmpOutputOptions {
  readonly stream: LiveStream;
  /** Message stream id of the play. */
  readonly streamId: number;
  /** Size of the chunks that the peer was told. */
  readonly chunkSizeBytes: number;
  readonly durationMs: number | undefined;
  readonly viewer: RtmpViewer;
}

/**
 * One RTMP viewer: which tracks it wants, paused or not, and what it is told when the publisher comes and goes. It is its own
 * play request, without closures: a server has thousands of them.
 */
export class RtmpOutput implements PlayRequest {
  readonly session: RtmpViewer;
  readonly durationMs: number | undefined;
  readonly afterHold = 'wait';
  readonly #streamId: number;
  readonly #chunkSizeBytes: number;
  readonly #playback: Playback;
  #audio = true;
  #video = true;
  #paused = false;
  /** Between UnpublishNotify and the next publisher. */
  #told: boolean;

  constructor(options: RtmpOutputOptions) {
    const { stream, viewer } = options;
    this.session = viewer;
    this.durationMs = options.durationMs;
    this.#streamId = options.streamId;
    this.#chunkSizeBytes = options.chunkSizeBytes;
    this.#told = stream.state !== 'live' && stream.state !== 'waiting';
    this.#playback = stream.play(this);
  }

  get sink(): ViewerSink {
    return this.session;
  }

  get format(): WireFormat {
    const tracks = this.#audio ? (this.#video ? 'av' : 'a') : 'v';
    return rtmpFormat({ chunkSize: this.#chunkSizeBytes, streamId: this.#streamId, tracks });
  }

  /** The hub tells that the publisher came or left. */
  onState(state: StreamState): void {
    if (state === 'idle' && !this.#told) {
      this.#told = true;
      this.session.onUnpublished();
    } else if (state === 'live' && this.#told) {
      this.#told = false;
      this.session.onLive();
    }
  }

  /** The hub tells that the duration is over. */
  onEnd(): void {
    this.session.onComplete();
  }

  drained(): void {
    this.#playback.drained();
  }

  pause(): void {
    this.#paused = true;
    this.#playback.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#apply();
  }

  /** [receiveAudio, receiveVideo] Without both the viewer is paused in effect. */
  receive(track: 'audio' | 'video', on: boolean): void {
    if (track === 'audio') this.#audio = on;
    else this.#video = on;
    this.#apply();
  }

  describe(): string {
    const { sentBytes, drops, droppedBytes } = this.#playback.stats;
    return `${sentBytes} bytes${drops > 0 ? `, ${drops} drops of ${droppedBytes} bytes` : ''}`;
  }

  /** Ends as if the duration were over: what is queued is sent, then the viewer is told. */
  finish(): void {
    this.#playback.finish('duration');
  }

  /** Idempotent. */
  close(): void {
    this.#playback.close();
  }

  #apply(): void {
    if (this.#paused || (!this.#audio && !this.#video)) {
      this.#playback.pause();
      return;
    }
    this.#playback.switchFormat(this.format);
    this.#playback.resume();
  }
}
