import { Buffer } from 'node:buffer';
import { ServerError } from '../../../base/errors.ts';
import { DEFAULT_CHUNK_BYTES } from '../message.ts';
import { ChunkStream, matches, u24, u32, u8 } from './chunk-stream.ts';
import { PayloadArena } from './payload-arena.ts';

export interface ChunkReaderOptions {
  /**
   * The pushed buffers are overwritten after `push` returns (a read buffer that sockets share): payloads are copied out of
   * them. @default false: payloads may be views
   */
  readonly inputIsReused?: boolean;
}

/**
 * Longest message taken, in bytes. The wire allows 2^24 - 1; no encoder comes near (a 200 Mbit/s key frame has about
 * 4 MB), and a peer that announces the full 16 MB is hostile or out of step.
 */
export const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;
/** Chunk streams of one connection. Encoders use 3 to 8 of them; each costs about 150 bytes for the connection's life. */
export const MAX_CHUNK_STREAMS = 128;
/** Memory that unfinished messages of one connection may hold together, in bytes: two of the longest. */
export const MAX_PARTIAL_BYTES = 2 * MAX_MESSAGE_BYTES;
/** Largest chunk size that can be announced, in bytes: the first bit is reserved. Spec: Adobe RTMP 1.0, 5.4.1. */
export const MAX_CHUNK_BYTES = 0x7fff_ffff;

// Longest header: 3 bytes of chunk stream id, 11 of message header, 4 of extended timestamp (5.3.1).
const MAX_HEADER_BYTES = 18;
const EXTENDED = 0xff_ffff;
// An unfinished message gets at most this many times the memory that its bytes on hand need.
const GROWTH = 4;
const MIN_BODY_BYTES = 512;
const LOW_IDS = 10;

/** Takes whole messages. Arguments, not an object: this is called 34,000 times a second. */
export interface MessageSink {
  /**
   * One message. `timestamp` is absolute, in ms, unsigned 32-bit. `payload` is the receiver's to keep; it may be a
   * view of the bytes that were pushed, so copy what is kept long. The reader must not be pushed to from in here.
   */
  onMessage(typeId: number, timestamp: number, streamId: number, payload: Buffer, csid: number): void;
}

/**
 * Bytes of one RTMP connection, as they come → messages. Spec: Adobe RTMP 1.0, 5.3. Works on the pushed buffer in
 * place and keeps only an unfinished header (18 bytes at most) and the unfinished messages. After it has thrown, the
 * connection is out of step and must be closed.
 *
 *      +--------------+----------------+--------------------+--------------+
 *      | Basic Header | Message Header | Extended Timestamp |  Chunk Data  |
 *      |  1, 2, 3     |  11, 7, 3, 0   |  0, 4              |              |
 */
export class ChunkReader {
  readonly #sink: MessageSink;
  readonly #arena: PayloadArena | undefined;
  /** Chunk streams below LOW_IDS by id, the ones that everybody uses; the others. Small: a server has thousands of readers. */
  readonly #low: (ChunkStream | undefined)[] = new Array<ChunkStream | undefined>(LOW_IDS).fill(undefined);
  #high: Map<number, ChunkStream> | undefined = undefined;
  #count = 0;
  #chunkSize = DEFAULT_CHUNK_BYTES;
  /** The chunk whose payload is under way, and how many of its bytes are still to come. */
  #current: ChunkStream | undefined = undefined;
  #chunkLeft = 0;
  #partialBytes = 0;
  #carry: Buffer | undefined = undefined;
  #carried = 0;

  constructor(sink: MessageSink, options: ChunkReaderOptions = {}) {
    this.#sink = sink;
    this.#arena = options.inputIsReused === true ? new PayloadArena() : undefined;
  }

  /** Size in bytes of the chunks that the peer sends. */
  get chunkSize(): number {
    return this.#chunkSize;
  }

  /** Takes effect with the peer's next chunk. Spec: Adobe RTMP 1.0, 5.4.1 (at least 1, the first bit is zero). */
  setChunkSize(bytes: number): void {
    if (!(bytes >= 1 && bytes <= MAX_CHUNK_BYTES)) {
      throw new ServerError(
        'RTMP_CHUNK_SIZE_INVALID',
        `chunk size ${bytes} is not within 1..${MAX_CHUNK_BYTES}`,
      );
    }
    this.#chunkSize = bytes;
  }

  /** Memory held by unfinished messages, in bytes. */
  get partialBytes(): number {
    return this.#partialBytes;
  }

  /** Drops the unfinished message of a chunk stream, if there is one. Spec: Adobe RTMP 1.0, 5.4.2. */
  abort(csid: number): void {
    const stream = this.#find(csid);
    if (stream?.open === true) this.#release(stream);
  }

  /** Takes the next bytes of the connection, the first `end` of `input`, and delivers every message that they complete. */
  push(input: Buffer, end = input.length): void {
    let pos = 0;
    for (;;) {
      const underWay = this.#current;
      let stream: ChunkStream;
      if (underWay !== undefined) {
        stream = underWay;
      } else {
        if (this.#carried > 0) {
          pos = this.#resumeHeader(input, pos, end);
          if (pos < 0) return;
        } else {
          if (pos >= end) return;
          const next = this.#readHeader(input, pos, end);
          if (next < 0) {
            this.#keepHeader(input, pos, end);
            return;
          }
          pos = next;
        }
        stream = this.#current as unknown as ChunkStream;

        // The two common cases need no state: a message of one chunk, or of several that all lie in this buffer.
        if (stream.received === 0) {
          const length = stream.length;
          if (length <= this.#chunkSize) {
            if (end - pos >= length) {
              const arena = this.#arena;
              const payload =
                arena === undefined
                  ? input.subarray(pos, pos + length)
                  : arena.copyOf(input, pos, pos + length);
              pos += length;
              this.#current = undefined;
              stream.open = false;
              this.#sink.onMessage(stream.typeId, stream.timestamp, stream.streamId, payload, stream.csid);
              continue;
            }
          } else if (!stream.extended && stream.csid < 64) {
            const payload = this.#gather(stream, input, pos, end);
            if (payload !== undefined) {
              pos += length + Math.ceil(length / this.#chunkSize) - 1;
              this.#current = undefined;
              stream.open = false;
              this.#sink.onMessage(stream.typeId, stream.timestamp, stream.streamId, payload, stream.csid);
              continue;
            }
          }
        }
      }
      if (pos >= end) return;
      pos = this.#collect(stream, input, pos, end);
    }
  }

  /** All chunks of a message at once, if they lie in the input one behind the other with 1-byte type 3 headers. */
  #gather(stream: ChunkStream, input: Buffer, at: number, end: number): Buffer | undefined {
    const length = stream.length;
    const chunkSize = this.#chunkSize;
    const stride = chunkSize + 1;
    const last = at + length + Math.ceil(length / chunkSize) - 1;
    if (last > end) return undefined;
    const header = 0xc0 | stream.csid;
    for (let pos = at + chunkSize; pos < last; pos += stride) if (u8(input, pos) !== header) return undefined;
    const payload = Buffer.allocUnsafe(length);
    let to = 0;
    for (let pos = at; to < length; pos += stride) {
      const stop = pos + chunkSize < last ? pos + chunkSize : last;
      to += input.copy(payload, to, pos, stop);
    }
    return payload;
  }

  /** Copies what has come of the current chunk; delivers the message if that was all of it. */
  #collect(stream: ChunkStream, input: Buffer, at: number, end: number): number {
    const part = this.#chunkLeft < end - at ? this.#chunkLeft : end - at;
    const received = stream.received;
    let body = stream.body;
    if (body === undefined || body.length < received + part) body = this.#grow(stream, received + part);
    input.copy(body, received, at, at + part);
    stream.received = received + part;
    this.#chunkLeft -= part;
    if (this.#chunkLeft === 0) {
      this.#current = undefined;
      if (stream.received === stream.length) {
        this.#release(stream);
        this.#sink.onMessage(stream.typeId, stream.timestamp, stream.streamId, body, stream.csid);
      }
    }
    return at + part;
  }

  // Memory follows the bytes that came, not the length that was announced: an announcement costs nothing.
  #grow(stream: ChunkStream, needed: number): Buffer {
    const roomy = needed * GROWTH > MIN_BODY_BYTES ? needed * GROWTH : MIN_BODY_BYTES;
    const size = roomy < stream.length ? roomy : stream.length;
    const old = stream.body;
    this.#partialBytes += size - (old === undefined ? 0 : old.length);
    if (this.#partialBytes > MAX_PARTIAL_BYTES) {
      throw new ServerError(
        'RTMP_PARTIAL_TOO_LARGE',
        `unfinished messages would hold ${this.#partialBytes} bytes, limit ${MAX_PARTIAL_BYTES}`,
      );
    }
    const body = Buffer.allocUnsafe(size);
    if (old !== undefined) old.copy(body, 0, 0, stream.received);
    stream.body = body;
    return body;
  }

  #release(stream: ChunkStream): void {
    if (stream.body !== undefined) this.#partialBytes -= stream.body.length;
    stream.body = undefined;
    stream.received = 0;
    stream.open = false;
  }

  #find(csid: number): ChunkStream | undefined {
    return csid < LOW_IDS ? this.#low[csid] : this.#high?.get(csid);
  }

  #open(csid: number, fmt: number): ChunkStream {
    // 5.3.1.2.2–4: types 1 to 3 lean on a header before. librtmp's RTMP_SendCtrl sends its first ping, on a fresh
    // chunk stream 2, as type 1 all the same; SRS and ffmpeg read it with a preceding time and stream id of 0.
    if (fmt > 1) {
      throw new ServerError('RTMP_CHUNK_START', `chunk stream ${csid} starts with a header of type ${fmt}`);
    }
    if (this.#count >= MAX_CHUNK_STREAMS) {
      throw new ServerError('RTMP_CHUNK_STREAMS_EXCEEDED', `more than ${MAX_CHUNK_STREAMS} chunk streams`);
    }
    this.#count++;
    const stream = new ChunkStream(csid);
    if (csid < LOW_IDS) this.#low[csid] = stream;
    else (this.#high ??= new Map()).set(csid, stream);
    return stream;
  }

  /** Reads a chunk's header; returns the position of its payload, or -1 if bytes are missing (nothing has changed). */
  #readHeader(bytes: Buffer, at: number, end: number): number {
    const first = u8(bytes, at);
    const fmt = first >>> 6;
    let csid = first & 0x3f;
    let pos = at + 1;
    if (csid < 2) {
      // 5.3.1.1: 0 = one more byte, 1 = two more, low byte first.
      if (pos + csid >= end) return -1;
      const second = u8(bytes, pos);
      if (csid === 0) {
        csid = 64 + second;
        pos += 1;
      } else {
        csid = 64 + second + 256 * u8(bytes, pos + 1);
        pos += 2;
      }
    }
    let stream = csid < LOW_IDS ? this.#low[csid] : this.#high?.get(csid);

    if (fmt === 3 && stream !== undefined) {
      if (stream.extended) {
        pos = this.#readRepeatedTime(stream, bytes, pos, end);
        if (pos < 0) return -1;
      } else if (!stream.open) {
        // A new message with the header before. 5.3.1.2.4: behind a type 0 its timestamp is the delta. FMLE sends
        // such audio; SRS, ffmpeg and librtmp add the timestamp too, nginx-rtmp adds nothing.
        stream.timestamp = (stream.timestamp + stream.time) >>> 0;
      }
      return this.#begin(stream, pos);
    }

    if (fmt === 3) this.#open(csid, fmt);
    const headerEnd = pos + (fmt === 0 ? 11 : fmt === 1 ? 7 : 3);
    if (headerEnd > end) return -1;
    let time = u24(bytes, pos);
    const extended = time === EXTENDED;
    if (extended) {
      if (headerEnd + 4 > end) return -1;
      time = u32(bytes, headerEnd);
    }
    stream ??= this.#open(csid, fmt);
    const length = fmt < 2 ? u24(bytes, pos + 3) : stream.length;
    if (stream.open) {
      this.#checkContinuation(stream, fmt, length);
    } else {
      if (length > MAX_MESSAGE_BYTES) {
        throw new ServerError(
          'RTMP_MESSAGE_TOO_LARGE',
          `message of ${length} bytes on chunk stream ${csid}, limit ${MAX_MESSAGE_BYTES}`,
        );
      }
      if (fmt < 2) {
        stream.length = length;
        stream.typeId = u8(bytes, pos + 6);
        // 5.3.1.2.5: the one little-endian field.
        if (fmt === 0) {
          stream.streamId =
            (u8(bytes, pos + 7) |
              (u8(bytes, pos + 8) << 8) |
              (u8(bytes, pos + 9) << 16) |
              (u8(bytes, pos + 10) << 24)) >>>
            0;
        }
      }
      stream.absolute = fmt === 0;
      stream.time = time;
      stream.extended = extended;
      stream.timestamp = fmt === 0 ? time : (stream.timestamp + time) >>> 0;
    }
    return this.#begin(stream, extended ? headerEnd + 4 : headerEnd);
  }

  #begin(stream: ChunkStream, pos: number): number {
    stream.open = true;
    this.#current = stream;
    const left = stream.length - stream.received;
    this.#chunkLeft = left < this.#chunkSize ? left : this.#chunkSize;
    return pos;
  }

  // 5.3.1.2.4 says that the later chunks of a message SHOULD have type 3. Types 1 and 2 are read as SRS and nginx-rtmp
  // read them: if they repeat the message's length they go on with it. A type 0 would begin another message.
  #checkContinuation(stream: ChunkStream, fmt: number, length: number): void {
    if (fmt === 0) {
      throw new ServerError(
        'RTMP_CHUNK_START',
        `chunk stream ${stream.csid} starts a message after ${stream.received} of ${stream.length} bytes of another`,
      );
    }
    if (length !== stream.length) {
      throw new ServerError(
        'RTMP_MESSAGE_LENGTH_CHANGED',
        `message on chunk stream ${stream.csid} changes its length from ${stream.length} to ${length} bytes`,
      );
    }
  }

  /**
   * The extended timestamp of a type 3 chunk. 5.3.1.3: it is there if the last header of type 0, 1 or 2 had one. Old
   * librtmp and ffmpeg leave it out of a message's later chunks, and some servers repeat the absolute time there even
   * behind a delta: the four bytes are taken as a timestamp if they say either time, else as payload (as SRS does).
   */
  #readRepeatedTime(stream: ChunkStream, bytes: Buffer, at: number, end: number): number {
    if (stream.open) {
      const time = matches(bytes, at, end, stream.time);
      if (time === 'yes') return at + 4;
      const absolute = matches(bytes, at, end, stream.timestamp);
      if (absolute === 'yes') return at + 4;
      return time === 'short' || absolute === 'short' ? -1 : at;
    }
    // A new message. Behind a type 0 the clause would double a time of more than 4.6 hours, which nobody means:
    // the field is the absolute time there, as SRS reads it.
    if (at + 4 > end) return -1;
    const time = u32(bytes, at);
    stream.time = time;
    stream.timestamp = stream.absolute ? time : (stream.timestamp + time) >>> 0;
    return at + 4;
  }

  #keepHeader(input: Buffer, at: number, end: number): void {
    this.#carry ??= Buffer.allocUnsafeSlow(MAX_HEADER_BYTES);
    this.#carried = input.copy(this.#carry, 0, at, end);
  }

  /** Completes a header that the last input cut; returns the position behind it, or -1 if it is still cut. */
  #resumeHeader(input: Buffer, at: number, end: number): number {
    const carry = this.#carry as Buffer;
    const had = this.#carried;
    const have = had + input.copy(carry, had, at, end);
    const next = this.#readHeader(carry, 0, have);
    if (next < 0) {
      this.#carried = have;
      return -1;
    }
    this.#carried = 0;
    if (next >= had) return at + next - had;
    // What looked like the start of a repeated timestamp was payload after all: go on with the joined bytes.
    this.push(Buffer.concat([carry.subarray(next, had), input.subarray(at, end)]));
    return -1;
  }
}
