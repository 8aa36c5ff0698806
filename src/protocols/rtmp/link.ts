import { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import { splitAggregate } from './chunk/aggregate.ts';
import type { ChunkReaderOptions, MessageSink } from './chunk/chunk-reader.ts';
import { ChunkReader, MAX_CHUNK_BYTES } from './chunk/chunk-reader.ts';
import { encodeMessage } from './chunk/message-writer.ts';
import {
  CHUNK_STREAM,
  DEFAULT_CHUNK_BYTES,
  MESSAGE_TYPE,
  PEER_BANDWIDTH_TYPE,
  USER_CONTROL_EVENT,
} from './message.ts';

/** What a link tells its owner. */
export interface RtmpLinkHandler extends MessageSink {
  /**
   * A user control event other than a ping request. `a` and `b` are its 32-bit fields in order, 0 where the event has
   * none: SET_BUFFER_LENGTH has stream id and milliseconds, PING_RESPONSE the time of the request, most others the
   * stream id. Spec: Adobe RTMP 1.0, 7.1.7.
   */
  onUserControl(event: number, a: number, b: number): void;
}

/**
 * The protocol control of one RTMP connection after its handshake, for both sides: chunk sizes, abort,
 * acknowledgements, bandwidth, ping, aggregates. Everything else goes to the handler. Spec: Adobe RTMP 1.0, 5.4, 7.1.7.
 */
export class RtmpLink implements MessageSink {
  readonly #handler: RtmpLinkHandler;
  readonly #send: (bytes: Buffer) => void;
  readonly #reader: ChunkReader;
  #sendChunkSize = DEFAULT_CHUNK_BYTES;
  #bytesIn = 0;
  #bytesOut = 0;
  /** Bytes after which the peer wants an acknowledgement; 0 = never. */
  #peerWindow = 0;
  /** It has said so itself. */
  #peerAsked = false;
  #acknowledged = 0;
  #sentWindow = 0;
  #bandwidth = 0;
  #bandwidthHard = false;
  #peerAcknowledged = 0;

  /** `send` gets bytes for the peer, in order; it must not block and not call back into the link. */
  constructor(handler: RtmpLinkHandler, send: (bytes: Buffer) => void, options: ChunkReaderOptions = {}) {
    this.#handler = handler;
    this.#send = send;
    this.#reader = new ChunkReader(this, options);
  }

  /** Bytes received since the handshake. */
  get bytesIn(): number {
    return this.#bytesIn;
  }

  /** Bytes sent since the handshake: those of this link and those told by `countSent`. */
  get bytesOut(): number {
    return this.#bytesOut;
  }

  /** The sequence number of the peer's last acknowledgement: bytes of ours that it has received, modulo 2^32. */
  get peerAcknowledged(): number {
    return this.#peerAcknowledged;
  }

  /** The output bandwidth in bytes that the peer asked for with Set Peer Bandwidth; 0 = it did not. Informative. */
  get peerBandwidth(): number {
    return this.#bandwidth;
  }

  /** Size in bytes of the chunks that we send. */
  get sendChunkSize(): number {
    return this.#sendChunkSize;
  }

  /** Size in bytes of the chunks that the peer sends. */
  get receiveChunkSize(): number {
    return this.#reader.chunkSize;
  }

  /**
   * Takes the next bytes of the connection: the first `length` of `bytes`. Throws a ServerError if they are bad: close the
   * connection then.
   */
  receive(bytes: Buffer, length = bytes.length): void {
    this.#bytesIn += length;
    this.#reader.push(bytes, length);
    // 5.4.4 wants it once a window. At the half, as SRS does: a peer that stops at a full window (Flash) never waits.
    if (this.#peerWindow > 0 && this.#bytesIn - this.#acknowledged >= this.#peerWindow / 2)
      this.#acknowledge();
  }

  /** Sends one message with an absolute `timestamp` in ms. */
  sendMessage(csid: number, typeId: number, streamId: number, timestamp: number, payload: Buffer): void {
    this.#write(encodeMessage({ csid, typeId, streamId, timestamp, payload }, this.#sendChunkSize));
  }

  /** Announces the size of our chunks in bytes and uses it from the next message on. Spec: Adobe RTMP 1.0, 5.4.1. */
  setChunkSize(bytes: number): void {
    if (!Number.isInteger(bytes) || bytes < 1 || bytes > MAX_CHUNK_BYTES) {
      throw new RangeError(`chunk size ${bytes} is not within 1..${MAX_CHUNK_BYTES}`);
    }
    this.#control(MESSAGE_TYPE.SET_CHUNK_SIZE, uint32(bytes));
    this.#sendChunkSize = bytes;
  }

  /** Asks the peer to acknowledge every `bytes` bytes that we send. Spec: Adobe RTMP 1.0, 5.4.4. */
  setWindowAckSize(bytes: number): void {
    this.#sentWindow = bytes;
    this.#control(MESSAGE_TYPE.WINDOW_ACK_SIZE, uint32(bytes));
  }

  /** Acknowledges every `bytes` bytes although the peer has not asked for it; what it asks for itself counts instead. 0 = never. */
  setReceiveWindow(bytes: number): void {
    if (!this.#peerAsked) this.#peerWindow = bytes;
  }

  /** Asks the peer to limit its output to `bytes` unacknowledged bytes. Spec: Adobe RTMP 1.0, 5.4.5. */
  setPeerBandwidth(bytes: number, type: number): void {
    const payload = Buffer.allocUnsafe(5);
    payload.writeUInt32BE(bytes, 0);
    payload[4] = type;
    this.#control(MESSAGE_TYPE.SET_PEER_BANDWIDTH, payload);
  }

  /** Sends a user control event with one or two 32-bit fields. Spec: Adobe RTMP 1.0, 7.1.7. */
  userControl(event: number, a: number, b?: number): void {
    const payload = Buffer.allocUnsafe(b === undefined ? 6 : 10);
    payload.writeUInt16BE(event, 0);
    payload.writeUInt32BE(a >>> 0, 2);
    if (b !== undefined) payload.writeUInt32BE(b >>> 0, 6);
    this.#control(MESSAGE_TYPE.USER_CONTROL, payload);
  }

  /** Asks for a ping response; it comes as `onUserControl(PING_RESPONSE, timestamp, 0)`. `timestamp` in ms. */
  ping(timestamp: number): void {
    this.userControl(USER_CONTROL_EVENT.PING_REQUEST, timestamp);
  }

  /** Drops the message that the peer has received in part on `csid`. Spec: Adobe RTMP 1.0, 5.4.2. */
  abort(csid: number): void {
    this.#control(MESSAGE_TYPE.ABORT, uint32(csid));
  }

  /** Counts bytes that went to the peer past this link (packaged media). */
  countSent(bytes: number): void {
    this.#bytesOut += bytes;
  }

  /** From the chunk reader; not for others. */
  onMessage(typeId: number, timestamp: number, streamId: number, payload: Buffer, csid: number): void {
    switch (typeId) {
      case MESSAGE_TYPE.AUDIO:
      case MESSAGE_TYPE.VIDEO:
        this.#handler.onMessage(typeId, timestamp, streamId, payload, csid);
        return;
      case MESSAGE_TYPE.SET_CHUNK_SIZE:
        this.#reader.setChunkSize(readUInt32(payload, typeId));
        return;
      case MESSAGE_TYPE.ABORT:
        this.#reader.abort(readUInt32(payload, typeId));
        return;
      case MESSAGE_TYPE.ACKNOWLEDGEMENT:
        this.#peerAcknowledged = readUInt32(payload, typeId);
        return;
      case MESSAGE_TYPE.WINDOW_ACK_SIZE:
        this.#peerWindow = readUInt32(payload, typeId);
        this.#peerAsked = true;
        return;
      case MESSAGE_TYPE.SET_PEER_BANDWIDTH:
        this.#onPeerBandwidth(payload);
        return;
      case MESSAGE_TYPE.USER_CONTROL:
        this.#onUserControl(payload);
        return;
      case MESSAGE_TYPE.AGGREGATE:
        splitAggregate(this.#handler, timestamp, streamId, payload, csid);
        return;
      default:
        this.#handler.onMessage(typeId, timestamp, streamId, payload, csid);
    }
  }

  // 5.4.5: hard sets the limit, soft only lowers it, dynamic counts as hard after a hard one and as nothing else.
  #onPeerBandwidth(payload: Buffer): void {
    const bytes = readUInt32(payload, MESSAGE_TYPE.SET_PEER_BANDWIDTH);
    // librtmp and some servers leave the type out or send others: dynamic, the weakest, is meant then.
    const type = payload.length > 4 ? payload.readUInt8(4) : PEER_BANDWIDTH_TYPE.DYNAMIC;
    if (type === PEER_BANDWIDTH_TYPE.HARD) {
      this.#bandwidth = bytes;
      this.#bandwidthHard = true;
    } else if (type === PEER_BANDWIDTH_TYPE.SOFT) {
      if (this.#bandwidth === 0 || bytes < this.#bandwidth) this.#bandwidth = bytes;
      this.#bandwidthHard = false;
    } else if (this.#bandwidthHard) {
      this.#bandwidth = bytes;
    } else {
      return;
    }
    if (this.#bandwidth !== this.#sentWindow) this.setWindowAckSize(this.#bandwidth);
  }

  #onUserControl(payload: Buffer): void {
    if (payload.length < 2) throw tooShort(MESSAGE_TYPE.USER_CONTROL, payload);
    const event = payload.readUInt16BE(0);
    const a = payload.length >= 6 ? payload.readUInt32BE(2) : 0;
    if (event === USER_CONTROL_EVENT.PING_REQUEST) {
      if (payload.length < 6) throw tooShort(MESSAGE_TYPE.USER_CONTROL, payload);
      this.userControl(USER_CONTROL_EVENT.PING_RESPONSE, a);
      return;
    }
    this.#handler.onUserControl(event, a, payload.length >= 10 ? payload.readUInt32BE(6) : 0);
  }

  // 5.4.3: the sequence number is the count of bytes received so far; it wraps at 2^32.
  #acknowledge(): void {
    this.#acknowledged = this.#bytesIn;
    this.#control(MESSAGE_TYPE.ACKNOWLEDGEMENT, uint32(this.#bytesIn % 0x1_0000_0000));
  }

  // 5.4: control messages go on chunk stream 2 and message stream 0; receivers ignore their timestamp.
  #control(typeId: number, payload: Buffer): void {
    this.sendMessage(CHUNK_STREAM.CONTROL, typeId, 0, 0, payload);
  }

  #write(bytes: Buffer): void {
    this.#bytesOut += bytes.length;
    this.#send(bytes);
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}

function readUInt32(payload: Buffer, typeId: number): number {
  if (payload.length < 4) throw tooShort(typeId, payload);
  return payload.readUInt32BE(0);
}

function tooShort(typeId: number, payload: Buffer): ServerError {
  return new ServerError(
    'RTMP_CONTROL_INVALID',
    `control message of type ${typeId} has only ${payload.length} bytes`,
  );
}
