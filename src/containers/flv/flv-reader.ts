import { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import { TAG_HEADER_BYTES, type FlvContents } from './flv-writer.ts';

/** Bytes of the file header before any extension. Spec: FLV 10.1, E.2. */
const FILE_HEADER_BYTES = 9;
const PREVIOUS_TAG_SIZE_BYTES = 4;

/** A header may announce that the body begins later; this much is skipped, more is refused. */
export const MAX_FLV_DATA_OFFSET = 65_536;

/** Largest tag body that is taken, bytes. The format allows 16 MiB; a keyframe of 4K at high quality has a few MB. */
export const MAX_FLV_TAG_BYTES = 8 * 1024 * 1024;

/** One tag as it stands in the file. */
export interface FlvTag {
  readonly typeId: number;
  /** 32 bits, ms. */
  readonly timestamp: number;
  /** Its own memory or a view of pushed bytes; nobody writes to it. */
  readonly body: Buffer;
}

type State = 'header' | 'skip' | 'tag-header' | 'tag-body';

/**
 * FLV bytes → header and tags, however the bytes are cut. Keeps at most one unfinished tag. The previous-tag-size fields
 * are not looked at: recorders that were interrupted, and some cameras, write them wrong, and nothing needs them.
 */
export class FlvReader {
  #state: State = 'header';
  #contents: FlvContents | undefined;
  #skip = 0;
  #typeId = 0;
  #timestamp = 0;
  /** Bytes that the current state needs. */
  #need = FILE_HEADER_BYTES;
  /** Collects what the current state needs when the cut goes through it. */
  #partial: Buffer | undefined;
  #have = 0;

  /** What the header announces, once it was read. */
  get contents(): FlvContents | undefined {
    return this.#contents;
  }

  /** True between two tags: a file that ends here is whole. */
  get atBoundary(): boolean {
    const between = this.#state === 'tag-header' || this.#state === 'skip';
    return between && this.#have === 0;
  }

  /** Takes bytes and returns the tags that they finish. Throws FLV_INVALID or FLV_TAG_TOO_LARGE; then the reader is done for. */
  push(bytes: Buffer): FlvTag[] {
    const tags: FlvTag[] = [];
    let at = 0;
    while (at < bytes.length || this.#need === 0) {
      if (this.#state === 'skip') {
        const step = Math.min(this.#skip, bytes.length - at);
        this.#skip -= step;
        at += step;
        if (this.#skip === 0) this.#expect('tag-header', TAG_HEADER_BYTES);
        continue;
      }
      const step = Math.min(this.#need - this.#have, bytes.length - at);
      const whole = this.#collect(bytes, at, step);
      at += step;
      if (whole !== undefined) this.#finish(whole, tags);
    }
    return tags;
  }

  /** A view when all that is needed lies in these bytes; else one copy, allocated once its size has met the limit. */
  #collect(bytes: Buffer, at: number, step: number): Buffer | undefined {
    if (step === this.#need) return bytes.subarray(at, at + step);
    this.#partial ??= Buffer.allocUnsafe(this.#need);
    bytes.copy(this.#partial, this.#have, at, at + step);
    this.#have += step;
    if (this.#have < this.#need) return undefined;
    const whole = this.#partial;
    this.#partial = undefined;
    return whole;
  }

  #finish(whole: Buffer, tags: FlvTag[]): void {
    if (this.#state === 'header') {
      this.#readHeader(whole);
    } else if (this.#state === 'tag-header') {
      this.#readTagHeader(whole);
    } else {
      tags.push({ typeId: this.#typeId, timestamp: this.#timestamp, body: whole });
      this.#expectSkip(PREVIOUS_TAG_SIZE_BYTES);
    }
  }

  #readHeader(bytes: Buffer): void {
    if (bytes.toString('latin1', 0, 3) !== 'FLV') throw new ServerError('FLV_INVALID', 'no FLV signature');
    const flags = bytes.readUInt8(4);
    const offset = bytes.readUInt32BE(5);
    if (offset < FILE_HEADER_BYTES || offset > MAX_FLV_DATA_OFFSET) {
      throw new ServerError('FLV_INVALID', `FLV body at ${offset}`);
    }
    this.#contents = { audio: (flags & 0x04) !== 0, video: (flags & 0x01) !== 0 };
    this.#expectSkip(offset - FILE_HEADER_BYTES + PREVIOUS_TAG_SIZE_BYTES);
  }

  #readTagHeader(bytes: Buffer): void {
    const first = bytes.readUInt8(0);
    const size = bytes.readUIntBE(1, 3);
    // The filter bit (E.4.1) means an encrypted body: it cannot be played, and its type would lie.
    if ((first & 0xe0) !== 0) throw new ServerError('FLV_INVALID', `tag type byte ${first}`);
    if (size > MAX_FLV_TAG_BYTES) throw new ServerError('FLV_TAG_TOO_LARGE', `tag of ${size} bytes`);
    this.#typeId = first;
    this.#timestamp = bytes.readUInt8(7) * 2 ** 24 + bytes.readUIntBE(4, 3);
    this.#expect('tag-body', size);
  }

  #expect(state: State, bytes: number): void {
    this.#state = state;
    this.#need = bytes;
    this.#have = 0;
  }

  #expectSkip(bytes: number): void {
    this.#skip = bytes;
    this.#expect('skip', 1);
  }
}
