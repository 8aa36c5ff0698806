import { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import { BOX_HEADER_BYTES } from './box.ts';

/** A moov box that is read: 64 MiB are 5 million samples. moof, sidx and others meet the same limit. */
export const MAX_MP4_BOX_BYTES = 64 * 1024 * 1024;

/** Boxes directly inside one box. Tables are no boxes: a moov has a track for each, a moof a traf. */
export const MAX_MP4_CHILD_BOXES = 1024;

/** Bytes of a box header with a 64-bit size. */
const LARGE_HEADER_BYTES = 16;

/** A box header as it stands in a file. Spec: ISO/IEC 14496-12, 4.2. */
export interface BoxHeader {
  readonly type: string;
  /** Bytes of the header: 8 or 16. */
  readonly headerBytes: number;
  /** Bytes of the whole box; Infinity when it goes to the file's end. */
  readonly size: number;
}

/** Reads a box header at `at`; undefined when the bytes are short. Throws MP4_INVALID. */
export function readBoxHeader(bytes: Buffer, at: number, end = bytes.length): BoxHeader | undefined {
  if (at + BOX_HEADER_BYTES > end) return undefined;
  const short = bytes.readUInt32BE(at);
  const type = bytes.toString('latin1', at + 4, at + 8);
  if (short === 0) return { type, headerBytes: BOX_HEADER_BYTES, size: Number.POSITIVE_INFINITY };
  if (short !== 1) {
    if (short < BOX_HEADER_BYTES) throw invalid(`box of ${short} bytes`);
    return { type, headerBytes: BOX_HEADER_BYTES, size: short };
  }
  if (at + LARGE_HEADER_BYTES > end) return undefined;
  const size = readU64(bytes, at + BOX_HEADER_BYTES);
  if (size < LARGE_HEADER_BYTES) throw invalid(`box of ${size} bytes`);
  return { type, headerBytes: LARGE_HEADER_BYTES, size };
}

/** 64 bits; throws MP4_INVALID beyond 2^53. */
export function readU64(bytes: Buffer, at: number): number {
  const high = bytes.readUInt32BE(at);
  if (high >= 2 ** 21) throw invalid('number beyond 2^53');
  return high * 2 ** 32 + bytes.readUInt32BE(at + 4);
}

/** The boxes that lie in `bytes`, by type, with views of their contents. Throws MP4_INVALID. */
export function childBoxes(bytes: Buffer): readonly Child[] {
  const found: Child[] = [];
  let at = 0;
  while (at < bytes.length) {
    const header = readBoxHeader(bytes, at);
    // Up to 7 bytes at the end are padding of some writers.
    if (header === undefined && bytes.length - at < BOX_HEADER_BYTES) break;
    if (header === undefined || header.size > bytes.length - at)
      throw invalid('box reaches beyond its parent');
    if (found.length === MAX_MP4_CHILD_BOXES) throw new ServerError('MP4_TOO_LARGE', 'too many boxes in one');
    found.push({ type: header.type, body: bytes.subarray(at + header.headerBytes, at + header.size) });
    at += header.size;
  }
  return found;
}

/** A box inside another. */
export interface Child {
  readonly type: string;
  /** What follows the header: a view. */
  readonly body: Buffer;
}

/** The first box of that type. */
export function childOf(children: readonly Child[], type: string): Buffer | undefined {
  return children.find((child) => child.type === type)?.body;
}

/** One box of the top level. */
export interface TopBox extends BoxHeader {
  /** Where its header begins in the file, bytes. */
  readonly offset: number;
  /** What follows the header, for the types that were asked for. Its own memory, or a view of pushed bytes. */
  readonly body: Buffer | undefined;
}

/**
 * Bytes of a file → boxes of the top level, however the bytes are cut. Bodies of the types in `keep` are collected up to
 * `maxBytes`, others are skipped without being kept.
 */
export class BoxScanner {
  readonly #keep: ReadonlySet<string>;
  readonly #maxBytes: number;
  /** Bytes of an unfinished header or kept body. */
  #held: Buffer = Buffer.alloc(0);
  #heldBytes = 0;
  #box: BoxHeader | undefined;
  #offset = 0;
  /** Bytes left of a box whose body is not kept. */
  #skip = 0;

  constructor(keep: ReadonlySet<string>, maxBytes = MAX_MP4_BOX_BYTES) {
    this.#keep = keep;
    this.#maxBytes = maxBytes;
  }

  /** True between two boxes. */
  get atBoundary(): boolean {
    return this.#box === undefined && this.#heldBytes === 0;
  }

  /** Returns the boxes that these bytes finish. Throws MP4_INVALID or MP4_TOO_LARGE; then the scanner is done for. */
  push(bytes: Buffer): TopBox[] {
    const done: TopBox[] = [];
    let at = 0;
    for (;;) {
      if (this.#box === undefined) {
        const need = this.#headerNeed();
        at = this.#collect(bytes, at, need);
        if (this.#heldBytes < need) return done;
        // The first 8 bytes may tell that 8 more belong to the header.
        if (this.#headerNeed() > this.#heldBytes) continue;
        this.#beginBox();
      }
      const box = this.#box;
      if (box === undefined) continue;
      const bodyBytes = box.size - box.headerBytes;
      if (!this.#keep.has(box.type)) {
        const step = Math.min(this.#skip, bytes.length - at);
        this.#skip -= step;
        at += step;
        if (this.#skip > 0) return done;
        this.#finish(done, box, undefined);
        continue;
      }
      if (this.#heldBytes === 0 && bytes.length - at >= bodyBytes) {
        this.#finish(done, box, bytes.subarray(at, at + bodyBytes));
        at += bodyBytes;
        continue;
      }
      at = this.#collect(bytes, at, bodyBytes);
      if (this.#heldBytes < bodyBytes) return done;
      this.#finish(done, box, this.#held.subarray(0, bodyBytes));
    }
  }

  #headerNeed(): number {
    if (this.#heldBytes < BOX_HEADER_BYTES) return BOX_HEADER_BYTES;
    return this.#held.readUInt32BE(0) === 1 ? LARGE_HEADER_BYTES : BOX_HEADER_BYTES;
  }

  /** Memory grows with the bytes that came, not with what was announced. */
  #collect(bytes: Buffer, at: number, need: number): number {
    const step = Math.min(need - this.#heldBytes, bytes.length - at);
    const size = this.#heldBytes + step;
    if (size > this.#held.length) {
      const grown = Buffer.allocUnsafe(Math.max(LARGE_HEADER_BYTES, Math.min(need, size * 2)));
      this.#held.copy(grown, 0, 0, this.#heldBytes);
      this.#held = grown;
    }
    bytes.copy(this.#held, this.#heldBytes, at, at + step);
    this.#heldBytes = size;
    return at + step;
  }

  #beginBox(): void {
    const header = readBoxHeader(this.#held, 0, this.#heldBytes);
    if (header === undefined) throw invalid('box header');
    if (this.#keep.has(header.type) && header.size > this.#maxBytes) {
      throw new ServerError('MP4_TOO_LARGE', `${header.type} box of ${header.size} bytes`);
    }
    this.#box = header;
    this.#heldBytes = 0;
    this.#held = Buffer.alloc(0);
    this.#skip = header.size - header.headerBytes;
  }

  #finish(done: TopBox[], box: BoxHeader, body: Buffer | undefined): void {
    done.push({ ...box, offset: this.#offset, body });
    this.#offset += box.size;
    this.#box = undefined;
    this.#heldBytes = 0;
    this.#held = Buffer.alloc(0);
  }
}

export function invalid(message: string): ServerError {
  return new ServerError('MP4_INVALID', message);
}
