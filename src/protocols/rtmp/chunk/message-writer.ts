import { Buffer } from 'node:buffer';

/** From this value on the 24-bit field holds 0xFFFFFF and 4 more bytes follow. Spec: Adobe RTMP 1.0, 5.3.1.3. */
const EXTENDED_FROM = 0xff_ffff;

/** One message to be sent. `timestamp` is absolute, in ms, modulo 2^32. */
export interface OutgoingMessage {
  readonly csid: number;
  readonly typeId: number;
  readonly streamId: number;
  readonly timestamp: number;
  readonly payload: Buffer;
}

function basicHeaderBytes(csid: number): number {
  return csid < 64 ? 1 : csid < 320 ? 2 : 3;
}

// 5.3.1.1: ids 2–63 in the first byte; 64–319 as id - 64 in one more byte; up to 65599 in two, low byte first.
function writeBasicHeader(buf: Buffer, at: number, fmt: number, csid: number): number {
  const top = fmt << 6;
  if (csid < 64) {
    buf[at] = top | csid;
    return at + 1;
  }
  const rest = csid - 64;
  if (csid < 320) {
    buf[at] = top;
    buf[at + 1] = rest;
    return at + 2;
  }
  buf[at] = top | 1;
  buf[at + 1] = rest & 0xff;
  buf[at + 2] = rest >>> 8;
  return at + 3;
}

function writeUInt24(buf: Buffer, at: number, value: number): void {
  buf[at] = value >>> 16;
  buf[at + 1] = value >>> 8;
  buf[at + 2] = value;
}

function writeUInt32(buf: Buffer, at: number, value: number): number {
  buf[at] = value >>> 24;
  buf[at + 1] = value >>> 16;
  buf[at + 2] = value >>> 8;
  buf[at + 3] = value;
  return at + 4;
}

function sizeOfChunks(
  headerBytes: number,
  time: number,
  length: number,
  chunkSize: number,
  csid: number,
): number {
  const basic = basicHeaderBytes(csid);
  const extended = time >>> 0 >= EXTENDED_FROM ? 4 : 0;
  const continuations = length > chunkSize ? Math.ceil(length / chunkSize) - 1 : 0;
  return basic + headerBytes + extended + length + continuations * (basic + extended);
}

// `at` stands behind the first header. Type 3 chunks repeat the extended timestamp (5.3.1.3, last paragraph).
function writePayload(
  buf: Buffer,
  at: number,
  csid: number,
  time: number,
  payload: Buffer,
  chunkSize: number,
): number {
  const length = payload.length;
  let pos = at;
  if (length <= chunkSize) {
    buf.set(payload, pos);
    return pos + length;
  }
  const extended = time >= EXTENDED_FROM;
  for (let from = 0; from < length; from += chunkSize) {
    if (from > 0) {
      pos = writeBasicHeader(buf, pos, 3, csid);
      if (extended) pos = writeUInt32(buf, pos, time);
    }
    const to = from + chunkSize < length ? from + chunkSize : length;
    pos += payload.copy(buf, pos, from, to);
  }
  return pos;
}

/** Bytes on the wire of a message whose first chunk has type 0 (absolute `timestamp` in ms). Spec: Adobe RTMP 1.0, 5.3.1.2.1. */
export function sizeOfChunks0(timestamp: number, length: number, chunkSize: number, csid: number): number {
  return sizeOfChunks(11, timestamp, length, chunkSize, csid);
}

/** Bytes on the wire of a message whose first chunk has type 1 (`delta` in ms). Spec: Adobe RTMP 1.0, 5.3.1.2.2. */
export function sizeOfChunks1(delta: number, length: number, chunkSize: number, csid: number): number {
  return sizeOfChunks(7, delta, length, chunkSize, csid);
}

/**
 * Writes a message as a type 0 chunk and type 3 continuations; returns the position behind it.
 * `timestamp` is absolute, in ms, taken modulo 2^32. Spec: Adobe RTMP 1.0, 5.3.1.2.1.
 */
export function writeChunks0(
  buf: Buffer,
  at: number,
  csid: number,
  timestamp: number,
  typeId: number,
  streamId: number,
  payload: Buffer,
  chunkSize: number,
): number {
  const time = timestamp >>> 0;
  let pos = writeBasicHeader(buf, at, 0, csid);
  writeUInt24(buf, pos, time < EXTENDED_FROM ? time : EXTENDED_FROM);
  writeUInt24(buf, pos + 3, payload.length);
  buf[pos + 6] = typeId;
  // The one little-endian field of RTMP (5.3.1.2.5).
  buf[pos + 7] = streamId;
  buf[pos + 8] = streamId >>> 8;
  buf[pos + 9] = streamId >>> 16;
  buf[pos + 10] = streamId >>> 24;
  pos += 11;
  if (time >= EXTENDED_FROM) pos = writeUInt32(buf, pos, time);
  return writePayload(buf, pos, csid, time, payload, chunkSize);
}

/**
 * Writes a message as a type 1 chunk and type 3 continuations; returns the position behind it. The message stream
 * is that of the chunk stream's message before. `delta` is in ms, taken modulo 2^32: a step back of n ms is 2^32 - n,
 * which readers add modulo 2^32. Spec: Adobe RTMP 1.0, 5.3.1.2.2.
 */
export function writeChunks1(
  buf: Buffer,
  at: number,
  csid: number,
  delta: number,
  typeId: number,
  payload: Buffer,
  chunkSize: number,
): number {
  const time = delta >>> 0;
  let pos = writeBasicHeader(buf, at, 1, csid);
  writeUInt24(buf, pos, time < EXTENDED_FROM ? time : EXTENDED_FROM);
  writeUInt24(buf, pos + 3, payload.length);
  buf[pos + 6] = typeId;
  pos += 7;
  if (time >= EXTENDED_FROM) pos = writeUInt32(buf, pos, time);
  return writePayload(buf, pos, csid, time, payload, chunkSize);
}

/** A whole message as bytes of its own: one allocation. For control, command and other low-rate messages. */
export function encodeMessage(message: OutgoingMessage, chunkSize: number): Buffer {
  const { csid, typeId, streamId, timestamp, payload } = message;
  const bytes = Buffer.allocUnsafe(sizeOfChunks0(timestamp, payload.length, chunkSize, csid));
  writeChunks0(bytes, 0, csid, timestamp, typeId, streamId, payload, chunkSize);
  return bytes;
}
