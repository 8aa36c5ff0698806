import {
  encodeDeleteStream,
  encodePause,
  encodeReceive,
  MESSAGE_TYPE,
  type RtmpUrl,
  type StatusInfo,
} from '../../protocols/rtmp/index.ts';
import { Ending } from './ending.ts';
import type { RtmpClientOptions, RtmpEnd } from './options.ts';
import type { ClientSession, SessionOwner } from './session.ts';
import { isRefusal, refusal } from './status-error.ts';

const DEFAULT_MAX_QUEUE_BYTES = 8 * 1024 * 1024;
/** What one queued message costs beside its bytes, so that empty messages are bounded too. */
const MESSAGE_OVERHEAD_BYTES = 128;

/** One audio (8), video (9) or data (18, or 15) message. The body is that of an FLV tag. */
export interface RtmpMediaMessage {
  readonly typeId: number;
  /** ms modulo 2^32. */
  readonly timestamp: number;
  readonly payload: Buffer;
}

export interface RtmpPlayOptions extends RtmpClientOptions {
  /** From where: `any` (live, else recorded), `live`, or ms into a recording. @default 'any' */
  readonly start?: 'any' | 'live' | number;
  /** How much, ms. @default to the end */
  readonly durationMs?: number;
  /** Told to the server, ms. Some servers send so much at once. @default 3000 */
  readonly bufferMs?: number;
  /**
   * Gets each message at once, instead of the iterator; must not block. The first ones may come before `play` resolves. What
   * it throws ends the session.
   */
  readonly onMessage?: (typeId: number, timestamp: number, payload: Buffer) => void;
  /** Bytes that wait for the iterator before reading stops, so that the server holds back or drops. @default 8 MiB */
  readonly maxQueueBytes?: number;
  /** Go on waiting when the publisher leaves, for servers that keep their players. @default false */
  readonly keepWaiting?: boolean;
}

/** A running play. Made by `play`. Iterate it once, unless `onMessage` is given. */
export class RtmpPlayer implements SessionOwner, AsyncIterable<RtmpMediaMessage> {
  /** Where it plays from, after redirects. */
  readonly url: RtmpUrl;
  /** Resolves when the session is over; never rejects. */
  readonly ended: Promise<RtmpEnd>;
  readonly #session: ClientSession;
  readonly #options: RtmpPlayOptions;
  readonly #ending: Ending;
  readonly #maxQueueBytes: number;
  #queue: RtmpMediaMessage[] = [];
  #head = 0;
  #queuedBytes = 0;
  #held = false;
  #wake: (() => void) | undefined;
  #lastTimestamp = 0;
  #hasMedia = false;
  #paused = false;
  #onFirst: (() => void) | undefined;

  /** @internal Use `play`. */
  constructor(session: ClientSession, url: RtmpUrl, options: RtmpPlayOptions) {
    this.#session = session;
    this.url = url;
    this.#options = options;
    this.#maxQueueBytes = options.maxQueueBytes ?? DEFAULT_MAX_QUEUE_BYTES;
    this.#ending = new Ending(options.onEnd);
    this.ended = this.#ending.promise;
  }

  /** @internal The stream has started. */
  start(): this {
    this.#session.started();
    this.#ending.arm();
    return this;
  }

  /** Bytes received since the handshake. */
  get bytesIn(): number {
    return this.#session.bytesIn;
  }

  /** Bytes that wait for the iterator. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Asks the server to stop sending; it confirms with the status `NetStream.Pause.Notify`. */
  pause(): void {
    this.#paused = true;
    this.#session.tell((id) => encodePause(id, true, this.#lastTimestamp), this.#session.streamId);
  }

  /** Asks the server to go on. */
  unpause(): void {
    this.#paused = false;
    this.#session.tell((id) => encodePause(id, false, this.#lastTimestamp), this.#session.streamId);
  }

  receiveAudio(on: boolean): void {
    this.#session.tell(() => encodeReceive('receiveAudio', on), this.#session.streamId);
  }

  receiveVideo(on: boolean): void {
    this.#session.tell(() => encodeReceive('receiveVideo', on), this.#session.streamId);
  }

  /** Ends the play. Messages that wait are dropped; an iteration ends. Idempotent; never rejects. */
  close(): Promise<void> {
    if (!this.#session.ended) this.#session.tell((id) => encodeDeleteStream(id, this.#session.streamId));
    this.#drop();
    return this.#session.close();
  }

  /**
   * The messages in order. Ends when the stream is over or `close` was called; throws the error when the session failed or
   * the server closed the connection. What came before the end is handed out first.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<RtmpMediaMessage, void> {
    try {
      for (;;) {
        const message = this.#take();
        if (message !== undefined) {
          yield message;
          continue;
        }
        const end = this.#ending.end;
        if (end?.error !== undefined) throw end.error;
        if (end !== undefined) return;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      // `break` in a `for await` ends the play.
      void this.close();
    }
  }

  /** @internal The first media message counts as the start: not every server sends NetStream.Play.Start. */
  firstMessage(): Promise<void> {
    return new Promise((resolve) => (this.#onFirst = resolve));
  }

  /** @internal */
  onMedia(typeId: number, timestamp: number, payload: Buffer): void {
    if (typeId === MESSAGE_TYPE.AUDIO || typeId === MESSAGE_TYPE.VIDEO) {
      this.#lastTimestamp = timestamp;
      this.#hasMedia = true;
      if (this.#onFirst !== undefined) {
        this.#onFirst();
        this.#onFirst = undefined;
      }
    } else if (typeId !== MESSAGE_TYPE.DATA_AMF0 && typeId !== MESSAGE_TYPE.DATA_AMF3) {
      return;
    }
    if (this.#options.onMessage !== undefined) {
      this.#options.onMessage(typeId, timestamp, payload);
      return;
    }
    this.#queue.push({ typeId, timestamp, payload });
    this.#queuedBytes += payload.length + MESSAGE_OVERHEAD_BYTES;
    if (this.#queuedBytes >= this.#maxQueueBytes && !this.#held) {
      this.#held = true;
      this.#session.pauseReading();
    }
    this.#wakeUp();
  }

  /** @internal */
  onStatus(status: StatusInfo): void {
    this.#options.onStatus?.(status);
    switch (status.code) {
      case 'NetStream.Play.UnpublishNotify':
      case 'NetStream.Play.Stop':
        if (this.#options.keepWaiting !== true) this.#session.finishStream();
        return;
      case 'NetStream.Play.Complete':
        this.#session.finishStream();
        return;
      default:
        // A refused seek or pause is no end.
        if (isRefusal(status) && /^(NetStream\.Play|NetConnection)\./.test(status.code)) {
          this.#session.fail(refusal(status, 'RTMP_PLAY_FAILED'));
        }
    }
  }

  /** @internal RTMP 1.0, 7.1.7: no more data. All that nginx-rtmp says by default when the publisher leaves. */
  onStreamEof(): void {
    // SRS sends it for a pause too, and some servers before the first picture.
    if (this.#paused || !this.#hasMedia || this.#options.keepWaiting === true) return;
    this.#session.finishStream();
  }

  /** @internal */
  onDrain(): void {
    // A player sends too little to wait for.
  }

  /** @internal */
  onEnd(end: RtmpEnd): void {
    this.#ending.set(end);
    this.#wakeUp();
  }

  #take(): RtmpMediaMessage | undefined {
    const message = this.#queue[this.#head];
    if (message === undefined) return undefined;
    this.#head += 1;
    this.#queuedBytes -= message.payload.length + MESSAGE_OVERHEAD_BYTES;
    // Shifting once per 256 messages keeps taking cheap without holding on to what was taken for long.
    if (this.#head === this.#queue.length || this.#head >= 256) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    if (this.#held && this.#queuedBytes < this.#maxQueueBytes / 2) {
      this.#held = false;
      this.#session.resumeReading();
    }
    return message;
  }

  #drop(): void {
    this.#queue = [];
    this.#head = 0;
    this.#queuedBytes = 0;
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
