import type { LiveStream, Playback, SessionInfo, StreamState, ViewerSink } from '../../hub/ports.ts';
import { rtmpFormat } from './rtmp-packager.ts';

export interface RtmpOutputOptions {
  readonly stream: LiveStream;
  /** Message stream id of the play. */
  readonly streamId: number;
  /** Size of the chunks that the peer was told. */
  readonly chunkSizeBytes: number;
  readonly durationMs: number | undefined;
  readonly session: SessionInfo;
  readonly sink: ViewerSink;
  /** A publisher came while the viewer waited. */
  readonly onLive: () => void;
  /** The publisher did not come back within the hold time. The viewer stays. */
  readonly onUnpublished: () => void;
  /** The duration is over. */
  readonly onComplete: () => void;
}

/** One RTMP viewer: which tracks it wants, paused or not, and what it is told when the publisher comes and goes. */
export class RtmpOutput {
  readonly #options: RtmpOutputOptions;
  readonly #playback: Playback;
  #audio = true;
  #video = true;
  #paused = false;
  /** Between UnpublishNotify and the next publisher. */
  #told = false;

  constructor(options: RtmpOutputOptions) {
    this.#options = options;
    this.#told = options.stream.state !== 'live' && options.stream.state !== 'waiting';
    this.#playback = options.stream.play({
      session: options.session,
      format: this.#format('av'),
      sink: options.sink,
      afterHold: 'wait',
      ...(options.durationMs === undefined ? {} : { durationMs: options.durationMs }),
      onState: (state) => this.#onState(state),
      onEnd: () => options.onComplete(),
    });
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

  /** Idempotent. */
  close(): void {
    this.#playback.close();
  }

  #apply(): void {
    if (this.#paused || (!this.#audio && !this.#video)) {
      this.#playback.pause();
      return;
    }
    this.#playback.switchFormat(this.#format(this.#audio ? (this.#video ? 'av' : 'a') : 'v'));
    this.#playback.resume();
  }

  #format(tracks: 'av' | 'a' | 'v'): ReturnType<typeof rtmpFormat> {
    const { chunkSizeBytes, streamId } = this.#options;
    return rtmpFormat({ chunkSize: chunkSizeBytes, streamId, tracks });
  }

  #onState(state: StreamState): void {
    if (state === 'idle' && !this.#told) {
      this.#told = true;
      this.#options.onUnpublished();
    } else if (state === 'live' && this.#told) {
      this.#told = false;
      this.#options.onLive();
    }
  }
}
