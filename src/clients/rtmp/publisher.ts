import { ServerError } from '../../base/errors.ts';
import type { Undo } from '../../base/undo.ts';
import { TAG_HEADER_BYTES } from '../../containers/flv/index.ts';
import { AmfProperties, amfEcmaArray, encodeAmf0, type AmfInput } from '../../protocols/amf0/index.ts';
import {
  CHUNK_STREAM,
  encodeDeleteStream,
  encodeFcUnpublish,
  encodeSetDataFrame,
  MESSAGE_TYPE,
  type RtmpUrl,
  type StatusInfo,
} from '../../protocols/rtmp/index.ts';
import { isMetadata } from '../../media/script-data.ts';
import { Ending } from './ending.ts';
import type { RtmpClientOptions, RtmpEnd } from './options.ts';
import type { ClientSession, SessionOwner } from './session.ts';
import { isRefusal, refusal } from './status-error.ts';

const DEFAULT_HIGH_WATER_BYTES = 4 * 1024 * 1024;
const DEFAULT_STALL_TIMEOUT_MS = 30_000;
const SET_DATA_FRAME = encodeAmf0(['@setDataFrame']);

export interface RtmpPublishOptions extends RtmpClientOptions {
  /** @default 'live' */
  readonly mode?: 'live' | 'record' | 'append';
  /** Unsent bytes from which `write` returns false. @default 4 MiB */
  readonly highWaterBytes?: number;
  /** The session fails when nothing of a full backlog was taken for so long, ms. @default 30000 */
  readonly stallTimeoutMs?: number;
}

/** A running publish. Made by `publish`. */
export class RtmpPublisher implements SessionOwner {
  /** Where it publishes to, after redirects. */
  readonly url: RtmpUrl;
  /** Resolves when the session is over; never rejects. */
  readonly ended: Promise<RtmpEnd>;
  readonly #session: ClientSession;
  readonly #options: RtmpPublishOptions;
  readonly #ending: Ending;
  readonly #highWaterBytes: number;
  #drainWaiters: { resolve: () => void; reject: (error: ServerError) => void }[] = [];
  #cancelStall: Undo | undefined;

  /** @internal Use `publish`. */
  constructor(session: ClientSession, url: RtmpUrl, options: RtmpPublishOptions) {
    this.#session = session;
    this.url = url;
    this.#options = options;
    this.#highWaterBytes = options.highWaterBytes ?? DEFAULT_HIGH_WATER_BYTES;
    this.#ending = new Ending(options.onEnd);
    this.ended = this.#ending.promise;
  }

  /** @internal The server has accepted the stream. */
  start(): this {
    this.#session.started();
    this.#session.attach(this);
    this.#ending.arm();
    return this;
  }

  /** Bytes that the kernel has not taken yet. */
  get pendingBytes(): number {
    return this.#session.pendingBytes;
  }

  /** Bytes sent since the handshake. */
  get bytesOut(): number {
    return this.#session.bytesOut;
  }

  /**
   * Sends one message: audio (8), video (9) or data (18), whose body is that of an FLV tag. `timestamp` in ms, modulo 2^32.
   * Metadata gets its `@setDataFrame`. Returns false when the backlog is above `highWaterBytes` (the message was taken all
   * the same; wait for `drain()` or drop frames) or when the session is over.
   */
  write(typeId: number, timestamp: number, body: Buffer): boolean {
    const session = this.#session;
    if (session.ended) return false;
    if (typeId === MESSAGE_TYPE.VIDEO) {
      session.sendMedia(CHUNK_STREAM.VIDEO, typeId, timestamp, body);
    } else if (typeId === MESSAGE_TYPE.AUDIO) {
      session.sendMedia(CHUNK_STREAM.AUDIO, typeId, timestamp, body);
    } else if (typeId === MESSAGE_TYPE.DATA_AMF0) {
      session.sendMedia(CHUNK_STREAM.STREAM_COMMAND, typeId, timestamp, wrapMetadata(body));
    } else {
      throw new RangeError(`type ${typeId} is not audio (8), video (9) or data (18)`);
    }
    if (session.pendingBytes < this.#highWaterBytes) return true;
    this.#watchStall();
    return false;
  }

  /** Sends one FLV tag: header, body, and if present the size behind it. Spec: FLV 10.1, E.4.1. */
  writeTag(tag: Buffer): boolean {
    const size = tag.length < TAG_HEADER_BYTES ? -1 : tag.readUIntBE(1, 3);
    if (size < 0 || tag.length < TAG_HEADER_BYTES + size) throw new RangeError('FLV tag cut short');
    // TimestampExtended holds the upper 8 bits.
    const timestamp = tag.readUIntBE(4, 3) + tag.readUInt8(7) * 0x100_0000;
    return this.write(
      tag.readUInt8(0) & 0x1f,
      timestamp,
      tag.subarray(TAG_HEADER_BYTES, TAG_HEADER_BYTES + size),
    );
  }

  /** Sends `onMetaData`. */
  setMetadata(metadata: AmfProperties | Readonly<Record<string, AmfInput>>): boolean {
    const properties = metadata instanceof AmfProperties ? metadata : amfEcmaArray(metadata);
    return this.write(MESSAGE_TYPE.DATA_AMF0, 0, encodeSetDataFrame(properties));
  }

  /** Resolves when the backlog is below `highWaterBytes`; rejects when the session is over. */
  drain(): Promise<void> {
    return new Promise((resolve, reject: (error: ServerError) => void) => {
      if (this.#session.ended) reject(this.#ending.error);
      else if (this.#session.pendingBytes < this.#highWaterBytes) resolve();
      else this.#drainWaiters.push({ resolve, reject });
    });
  }

  /** Unpublishes (FCUnpublish, deleteStream) and closes, after what was written. Idempotent; never rejects. */
  close(): Promise<void> {
    if (!this.#session.ended) {
      this.#session.tell((id) => encodeFcUnpublish(id, this.url.stream));
      this.#session.tell((id) => encodeDeleteStream(id, this.#session.streamId));
    }
    return this.#session.close();
  }

  /** @internal */
  onMedia(): void {
    // A server sends no media to a publisher.
  }

  /** @internal */
  onStatus(status: StatusInfo): void {
    this.#options.onStatus?.(status);
    // A kick, or a key that ran out.
    if (isRefusal(status)) this.#session.fail(refusal(status, 'RTMP_PUBLISH_REFUSED'));
  }

  /** @internal */
  onStreamEof(): void {
    // Means players.
  }

  /** @internal */
  onDrain(): void {
    this.#cancelStall?.();
    this.#cancelStall = undefined;
    const waiters = this.#drainWaiters;
    this.#drainWaiters = [];
    for (const waiter of waiters) waiter.resolve();
  }

  /** @internal */
  onEnd(end: RtmpEnd): void {
    this.#cancelStall?.();
    this.#ending.set(end);
    const waiters = this.#drainWaiters;
    this.#drainWaiters = [];
    for (const waiter of waiters) waiter.reject(this.#ending.error);
  }

  #watchStall(): void {
    const wait = this.#options.stallTimeoutMs ?? DEFAULT_STALL_TIMEOUT_MS;
    this.#cancelStall ??= this.#session.clock.after(wait, () => {
      this.#session.fail(new ServerError('SESSION_TIMEOUT', `the server took nothing for ${wait} ms`));
    });
  }
}

function wrapMetadata(body: Buffer): Buffer {
  return isMetadata(body) ? Buffer.concat([SET_DATA_FRAME, body]) : body;
}
