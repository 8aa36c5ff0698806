import type { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import { FlvFileHead, flvFileHeadRows } from './file-head.ts';
import { TAG_HEADER_BYTES } from './flv-writer.ts';
import { MAX_FLV_TAG_BYTES } from './flv-reader.ts';
import { frameFromFlv, TAG_TYPE, type TagTypeId } from './tag-body.ts';

/** Read at once: many small tags, or the beginning of a large one. */
const WINDOW_BYTES = 256 * 1024;
/** What of a tag's body tells which frame it is; the composition time and FourCC are within. */
const BODY_START_BYTES = 64;
const SIZE_BYTES = 4;
const HEAD_BYTES = 64;

/** What of the file is to be read next. */
export interface FlvWanted {
  readonly at: number;
  readonly bytes: number;
}

/**
 * Looks through an FLV file that was left open, cut at any byte: `while ((want = r.wants) !== undefined) r.take(read(want))`.
 * Memory does not grow with the file. Only for files that begin with a `FlvFileHead`.
 */
export class FlvFileRecovery {
  readonly #fileSize: number;
  #wants: FlvWanted | undefined;
  #head: FlvFileHead | undefined;
  #at = 0;
  /** Length of the tag before `#at`, which its last four bytes must say. */
  #before: number | undefined;

  constructor(fileSize: number) {
    this.#fileSize = fileSize;
    this.#wants = fileSize >= HEAD_BYTES ? { at: 0, bytes: HEAD_BYTES } : undefined;
  }

  get wants(): FlvWanted | undefined {
    return this.#wants;
  }

  /** Bytes that are good: the end of the last whole tag. */
  get end(): number {
    return this.#at;
  }

  /** Head of the file as it is now; its `bytes(end)` are to be written over the old one. Undefined: it never had one. */
  get head(): FlvFileHead | undefined {
    return this.#head;
  }

  take(bytes: Buffer): void {
    const want = this.#wants;
    if (bytes.length !== want?.bytes) throw new ServerError('INTERNAL', 'other bytes than were wanted');
    if (this.#head !== undefined) {
      this.#takeTags(bytes, want.at);
      return;
    }
    const rows = flvFileHeadRows(bytes);
    if (rows === undefined) throw new ServerError('FLV_INVALID', 'no FLV file of this server');
    this.#head = new FlvFileHead(rows);
    this.#at = this.#head.end;
    this.#want(this.#at);
  }

  #want(at: number): void {
    const bytes = Math.min(WINDOW_BYTES, this.#fileSize - at);
    this.#wants = bytes > 0 ? { at, bytes } : undefined;
  }

  /** `bytes` are those from `from` on, which is the next tag or the size that ends the tag before it. */
  #takeTags(bytes: Buffer, from: number): void {
    if (this.#before !== undefined) {
      if (bytes.length < SIZE_BYTES || bytes.readUInt32BE(0) !== this.#before) {
        this.#stop();
        return;
      }
      this.#at = from + SIZE_BYTES;
      this.#before = undefined;
    }
    for (;;) {
      const offset = this.#at - from;
      const there = bytes.length - offset;
      if (there < TAG_HEADER_BYTES + BODY_START_BYTES && from + bytes.length < this.#fileSize) {
        this.#want(this.#at);
        return;
      }
      if (there < TAG_HEADER_BYTES + SIZE_BYTES) {
        this.#stop();
        return;
      }
      const size = bytes.readUIntBE(offset + 1, 3);
      const tagBytes = TAG_HEADER_BYTES + size;
      if (!isTag(bytes, offset) || this.#at + tagBytes + SIZE_BYTES > this.#fileSize) {
        this.#stop();
        return;
      }
      const whole = there >= tagBytes + SIZE_BYTES;
      if (whole && bytes.readUInt32BE(offset + tagBytes) !== tagBytes) {
        this.#stop();
        return;
      }
      this.#note(bytes.subarray(offset, offset + Math.min(tagBytes, there)));
      if (!whole) {
        this.#before = tagBytes;
        this.#want(this.#at + tagBytes);
        return;
      }
      this.#at += tagBytes + SIZE_BYTES;
    }
  }

  /** A tag whose last bytes are checked later counts already: only a file that ends with it could tell the difference. */
  #note(tag: Buffer): void {
    const type = tag.readUInt8(0) as TagTypeId;
    const time = tag.readUInt8(7) * 2 ** 24 + tag.readUIntBE(4, 3);
    const body = tag.subarray(TAG_HEADER_BYTES);
    this.#head?.note(frameFromFlv(type, time, body), this.#at, time);
  }

  #stop(): void {
    this.#wants = undefined;
  }
}

function isTag(bytes: Buffer, at: number): boolean {
  const type = bytes.readUInt8(at);
  const known = type === TAG_TYPE.AUDIO || type === TAG_TYPE.VIDEO || type === TAG_TYPE.SCRIPT;
  return known && bytes.readUIntBE(at + 8, 3) === 0 && bytes.readUIntBE(at + 1, 3) <= MAX_FLV_TAG_BYTES;
}
