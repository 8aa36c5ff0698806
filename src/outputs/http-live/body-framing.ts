import { Buffer } from 'node:buffer';

/** How the bytes of a body travel: HTTP/1.1 chunks, as they are until the connection closes, or WebSocket messages. */
export type BodyFraming = 'chunked' | 'identity' | 'websocket';

/** WebSocket close frame, status 1000 (normal). Spec: RFC 6455, 5.5.1 and 7.4.1. */
const WEBSOCKET_CLOSE = Buffer.from([0x88, 0x02, 0x03, 0xe8]);
/** Last chunk without trailers. Spec: RFC 9112, 7.1. */
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
const NOTHING = Buffer.alloc(0);

/** What ends a body. */
export function bodyEnd(framing: BodyFraming): Buffer {
  switch (framing) {
    case 'chunked':
      return LAST_CHUNK;
    case 'websocket':
      return WEBSOCKET_CLOSE;
    case 'identity':
      return NOTHING;
  }
}

/** `bytes` as one chunk or message; as they are where there is no framing. Nothing stays nothing: an empty chunk is the end. */
export function framed(framing: BodyFraming, bytes: Buffer): Buffer {
  const size = bytes.length;
  if (framing === 'identity' || size === 0) return bytes;
  const prefix = sizeOfPrefix(framing, size);
  const out = Buffer.allocUnsafeSlow(prefix + size + sizeOfSuffix(framing));
  writePrefix(framing, out, 0, size);
  bytes.copy(out, prefix);
  writeSuffix(framing, out, prefix + size);
  return out;
}

/** Bytes before `size` bytes of body. */
export function sizeOfPrefix(framing: BodyFraming, size: number): number {
  switch (framing) {
    case 'chunked':
      return hexDigits(size) + 2;
    case 'websocket':
      return size < 126 ? 2 : size < 0x10000 ? 4 : 10;
    case 'identity':
      return 0;
  }
}

/** Writes what precedes `size` bytes of body. */
export function writePrefix(framing: BodyFraming, buf: Buffer, at: number, size: number): void {
  if (framing === 'chunked') {
    // Spec: RFC 9112, 7.1: chunk size in hexadecimal, CRLF.
    const digits = hexDigits(size);
    for (let index = 0; index < digits; index += 1) {
      const digit = (size >>> ((digits - 1 - index) * 4)) & 15;
      buf[at + index] = digit < 10 ? 0x30 + digit : 0x57 + digit;
    }
    buf[at + digits] = 0x0d;
    buf[at + digits + 1] = 0x0a;
  } else if (framing === 'websocket') {
    // Spec: RFC 6455, 5.2: final binary frame, unmasked, length in 7, 16 or 64 bits.
    buf[at] = 0x82;
    if (size < 126) {
      buf[at + 1] = size;
    } else if (size < 0x10000) {
      buf[at + 1] = 126;
      buf.writeUInt16BE(size, at + 2);
    } else {
      buf[at + 1] = 127;
      buf.writeUInt32BE(0, at + 2);
      buf.writeUInt32BE(size, at + 6);
    }
  }
}

/** Bytes behind a piece of body. */
export function sizeOfSuffix(framing: BodyFraming): number {
  return framing === 'chunked' ? 2 : 0;
}

/** Writes what follows a piece of body. */
export function writeSuffix(framing: BodyFraming, buf: Buffer, at: number): void {
  if (framing !== 'chunked') return;
  buf[at] = 0x0d;
  buf[at + 1] = 0x0a;
}

function hexDigits(size: number): number {
  return Math.max(1, Math.ceil((32 - Math.clz32(size)) / 4));
}
