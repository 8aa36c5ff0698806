import { describeError, ServerError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Deadline, TimerWheel } from '../../base/timer-wheel.ts';
import {
  streamKey,
  type LiveStream,
  type Playback,
  type SessionDetails,
  type SessionInfo,
  type WireFormat,
} from '../../hub/ports.ts';
import { SocketSink, type ViewerSocket } from '../../net/index.ts';

export interface LiveViewerOptions {
  readonly id: string;
  readonly ip: string;
  /** `flv-play`, `ws-ts-play` … */
  readonly type: string;
  readonly details: SessionDetails;
  readonly logger: Logger;
  readonly wheel: TimerWheel;
  /** How long the end of the body may take to reach a peer that reads slowly, ms. @default 10000 */
  readonly endTimeoutMs?: number;
  /** Called once when the connection of a started viewer is over. */
  readonly onClosed?: () => void;
}

export interface LiveViewerStart {
  /** The connection, which is the viewer's from now on. */
  readonly socket: ViewerSocket;
  readonly stream: LiveStream;
  readonly format: WireFormat;
  /** Written before the body: the response head. */
  readonly head?: Buffer;
  /** Asked now and then: why the format cannot carry what the stream has. Undefined for formats that carry everything. */
  readonly unfit?: (() => string | undefined) | undefined;
}

const DEFAULT_END_TIMEOUT_MS = 10_000;
/** How often it is looked whether the stream still fits the format, ms. */
const WATCH_MS = 5_000;
/** A live stream of which the format carried nothing for so long does not fit it, whatever it says of itself, ms. */
export const MAX_SILENCE_MS = 60_000;

/**
 * One viewer of a live body over HTTP or WebSocket: first a name for those who decide about it (access, kick), from `start` on a socket
 * that gets a stream's body until one of the two ends.
 */
export class LiveViewer implements SessionInfo {
  readonly id: string;
  readonly ip: string;
  readonly type: string;
  /** Replaced before the start where it holds a stream key. */
  details: SessionDetails;
  readonly #options: LiveViewerOptions;
  #sink: SocketSink | undefined;
  #logger: Logger;
  #playback: Playback | undefined;
  #ended: 'gone' | 'duration' | undefined;
  #endDeadline: Deadline | undefined;
  #watchDeadline: Deadline | undefined;
  #seenBytes = 0;
  #silentMs = 0;
  #refusal: ServerError | undefined;
  #closed = false;

  constructor(options: LiveViewerOptions) {
    this.id = options.id;
    this.ip = options.ip;
    this.type = options.type;
    this.details = options.details;
    this.#options = options;
    this.#logger = options.logger.child({ session: options.id });
  }

  /** Begins the body. Throws what the hub throws; the caller then closes. */
  start(start: LiveViewerStart): void {
    const { socket } = start;
    const sink = new SocketSink(socket, {
      onDrain: () => this.#playback?.drained(),
      onClosed: (reason) => this.#onClosed(reason),
    });
    this.#sink = sink;
    if (this.#refusal !== undefined) {
      sink.close(this.#refusal);
      return;
    }
    this.#logger = this.#options.logger.child({ session: this.id, stream: streamKey(start.stream.name) });
    this.#logger.info(`${this.type} from ${this.ip} begins`);
    // Head and first bytes leave in one system call.
    socket.cork();
    try {
      if (start.head !== undefined) sink.write(start.head);
      this.#playback = start.stream.play({
        session: this,
        format: start.format,
        sink,
        afterHold: 'end',
        onEnd: (reason) => this.#onEnd(reason),
      });
    } finally {
      socket.uncork();
    }
    if (start.unfit !== undefined) this.#watch(start.stream, start.unfit);
  }

  get endReason(): ServerError | undefined {
    return this.#refusal;
  }

  /** Cuts the body off, except where time is over: then it ends as a body does (last chunk, close frame). */
  close(reason: ServerError): void {
    this.#refusal ??= reason;
    if (reason.code === 'SESSION_EXPIRED' && this.#playback !== undefined) {
      this.#playback.finish('duration');
      return;
    }
    this.#playback?.close();
    this.#sink?.close(reason);
  }

  /** A body that can never have anything in it is closed: its viewer would wait for ever. */
  #watch(stream: LiveStream, unfit: () => string | undefined): void {
    if (this.#closed || this.#ended !== undefined) return;
    this.#watchDeadline = this.#options.wheel.deadline(WATCH_MS, () => {
      const sent = this.#playback?.stats.sentBytes ?? 0;
      this.#silentMs = stream.state === 'live' && sent === this.#seenBytes ? this.#silentMs + WATCH_MS : 0;
      this.#seenBytes = sent;
      const why =
        unfit() ?? (this.#silentMs >= MAX_SILENCE_MS ? 'nothing came that the format carries' : undefined);
      if (why === undefined) this.#watch(stream, unfit);
      else this.close(new ServerError('STREAM_FORMAT_UNFIT', why));
    });
  }

  #onEnd(reason: 'gone' | 'duration'): void {
    if (this.#closed || this.#ended !== undefined) return;
    this.#ended = reason;
    this.#watchDeadline?.cancel();
    this.#sink?.end(); // The trailer (last chunk, close frame) was written by the feed.
    // From here the hub looks after this viewer no more: a peer that takes nothing must not stay for ever.
    this.#endDeadline = this.#options.wheel.deadline(
      this.#options.endTimeoutMs ?? DEFAULT_END_TIMEOUT_MS,
      () =>
        this.#sink?.close(new ServerError('VIEWER_STALLED', 'the end of the stream was not read in time')),
    );
  }

  #onClosed(reason: ServerError | undefined): void {
    this.#closed = true;
    this.#endDeadline?.cancel();
    this.#watchDeadline?.cancel();
    const playback = this.#playback;
    if (playback !== undefined) {
      playback.close();
      const { sentBytes, drops, droppedBytes } = playback.stats;
      const cause = reason ?? this.#refusal;
      const why =
        cause !== undefined
          ? describeError(cause)
          : this.#ended === undefined
            ? 'the peer left'
            : `the stream ended (${this.#ended})`;
      const lost = drops === 0 ? '' : `, dropped ${droppedBytes} bytes in ${drops} overflows`;
      this.#logger.info(`${this.type} ended: ${why}; sent ${sentBytes} bytes${lost}`);
    }
    this.#options.onClosed?.();
  }
}
