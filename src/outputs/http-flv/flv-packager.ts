import type { Frame } from '../../media/frame.ts';
import type { ByteLog, CatchUp, Opening, Packager, TrackChoice, WireFormat } from '../../hub/ports.ts';
import { GrowingBytes } from '../../hub/slab-log.ts';
import { flvHeader, sizeOfTag, TAG_HEADER_BYTES, TAG_TYPE, writeTag } from '../../containers/flv/index.ts';

/** How the FLV bytes travel: HTTP/1.1 chunks, as they are until the connection closes, or WebSocket messages. */
export type FlvFraming = 'chunked' | 'identity' | 'websocket';

export interface FlvFormatOptions {
  readonly framing: FlvFraming;
  readonly tracks: TrackChoice;
}

/** FLV as an endless body. */
export function flvFormat(options: FlvFormatOptions): WireFormat {
  const { framing, tracks } = options;
  return {
    key: `flv:${framing}:${tracks}`,
    tracks,
    declaresTracks: true,
    createPackager: () => new FlvPackager(framing),
  };
}

/** A step "back" of less than this is a frame from before the viewer's base, not a time after 2^32 ms. */
const MAX_BEFORE_BASE_MS = 3_600_000;
const WRAP = 0x1_0000_0000;
/** WebSocket close frame, status 1000 (normal). Spec: RFC 6455, 5.5.1 and 7.4.1. */
const WEBSOCKET_CLOSE = Buffer.from([0x88, 0x02, 0x03, 0xe8]);
/** Last chunk without trailers. Spec: RFC 9112, 7.1. */
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

/**
 * The log holds tags in stream time. A cut copies one window for all viewers of a base, rebases the tag times in it and puts
 * the frame of the transport around the whole.
 */
class FlvPackager implements Packager {
  readonly #framing: FlvFraming;

  constructor(framing: FlvFraming) {
    this.#framing = framing;
  }

  append(frame: Frame, log: ByteLog): void {
    const body = frame.flvBody;
    const place = log.reserve(sizeOfTag(body.length));
    writeTag(place.buffer, place.offset, tagTypeOf(frame), frame.dts, body);
  }

  cut(log: ByteLog, from: number, to: number, base: number): Buffer {
    const view = log.view(from, to);
    const framing = this.#framing;
    if (framing === 'identity' && base === 0) return view;
    const size = view.length;
    const prefix = sizeOfPrefix(framing, size);
    const bytes = Buffer.allocUnsafeSlow(prefix + size + sizeOfSuffix(framing));
    writePrefix(framing, bytes, 0, size);
    view.copy(bytes, prefix);
    writeSuffix(framing, bytes, prefix + size);
    if (base !== 0) rebaseTags(bytes, prefix, prefix + size, base >>> 0);
    return bytes;
  }

  catchUp(opening: Opening | undefined, base: number): CatchUp {
    return new FlvCatchUp(this.#framing, opening, base);
  }

  trailer(): Buffer {
    switch (this.#framing) {
      case 'chunked':
        return LAST_CHUNK;
      case 'websocket':
        return WEBSOCKET_CLOSE;
      case 'identity':
        return Buffer.alloc(0);
    }
  }
}

class FlvCatchUp implements CatchUp {
  readonly #framing: FlvFraming;
  readonly #base: number;
  readonly #bytes = new GrowingBytes();
  /** The file header, until it is written. */
  #header: Buffer | undefined;

  constructor(framing: FlvFraming, opening: Opening | undefined, base: number) {
    this.#framing = framing;
    this.#base = base;
    this.#header =
      opening === undefined ? undefined : flvHeader({ audio: opening.hasAudio, video: opening.hasVideo });
  }

  add(frames: readonly Frame[]): void {
    const header = this.#header;
    this.#header = undefined;
    let size = header?.length ?? 0;
    for (const frame of frames) size += sizeOfTag(frame.flvBody.length);
    if (size === 0) return;
    const framing = this.#framing;
    const prefix = sizeOfPrefix(framing, size);
    const { buffer, offset } = this.#bytes.reserve(prefix + size + sizeOfSuffix(framing));
    writePrefix(framing, buffer, offset, size);
    let at = offset + prefix;
    if (header !== undefined) at += header.copy(buffer, at);
    for (const frame of frames) {
      const time = this.#base === 0 ? frame.dts : Math.max(0, frame.dts - this.#base);
      at = writeTag(buffer, at, tagTypeOf(frame), time, frame.flvBody);
    }
    writeSuffix(framing, buffer, at);
  }

  bytes(): Buffer {
    this.add([]);
    return this.#bytes.view();
  }
}

function tagTypeOf(frame: Frame): number {
  return frame.kind === 'video' ? TAG_TYPE.VIDEO : frame.kind === 'audio' ? TAG_TYPE.AUDIO : TAG_TYPE.SCRIPT;
}

/** Moves the tags in [from, to) to a viewer's time. The times of the tags and `base` are modulo 2^32. */
function rebaseTags(bytes: Buffer, from: number, to: number, base: number): void {
  for (let at = from; at < to;) {
    const size = ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    // Spec: FLV v10.1, E.4.1: three bytes of time, then its upper eight bits.
    const time =
      ((bytes[at + 7] ?? 0) << 24) |
      ((bytes[at + 4] ?? 0) << 16) |
      ((bytes[at + 5] ?? 0) << 8) |
      (bytes[at + 6] ?? 0);
    let rebased = (time - base) >>> 0;
    if (rebased >= WRAP - MAX_BEFORE_BASE_MS) rebased = 0;
    bytes[at + 4] = rebased >>> 16;
    bytes[at + 5] = rebased >>> 8;
    bytes[at + 6] = rebased;
    bytes[at + 7] = rebased >>> 24;
    at += TAG_HEADER_BYTES + size + 4;
  }
}

function sizeOfPrefix(framing: FlvFraming, size: number): number {
  switch (framing) {
    case 'chunked':
      return hexDigits(size) + 2;
    case 'websocket':
      return size < 126 ? 2 : size < 0x10000 ? 4 : 10;
    case 'identity':
      return 0;
  }
}

function writePrefix(framing: FlvFraming, buf: Buffer, at: number, size: number): void {
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

function sizeOfSuffix(framing: FlvFraming): number {
  return framing === 'chunked' ? 2 : 0;
}

function writeSuffix(framing: FlvFraming, buf: Buffer, at: number): void {
  if (framing !== 'chunked') return;
  buf[at] = 0x0d;
  buf[at + 1] = 0x0a;
}

function hexDigits(size: number): number {
  return Math.max(1, Math.ceil((32 - Math.clz32(size)) / 4));
}
