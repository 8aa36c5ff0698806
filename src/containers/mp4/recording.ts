import type { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import type { Frame } from '../../media/frame.ts';
import { render, type Part } from './box.ts';
import { FragmentWriter, TRACK_ID } from './fragment-writer.ts';
import { FREE_PLACE_BYTES, freePlace, ftyp, mdatHeader } from './movie-boxes.ts';
import { Mp4Index } from './mp4-index.ts';

/** Bytes to be written over what stands at `at`, in the order in which they are given. */
export interface Patch {
  readonly at: number;
  readonly bytes: Buffer;
}

/** What makes a plain MP4 out of a fragmented file without moving any media. */
export interface Closing {
  /** Length of the file before `append`: what lies behind is an unfinished fragment. */
  readonly truncateTo: number;
  /** The moov box, for the file's end. It must be on the disk before the first patch. */
  readonly append: Buffer;
  readonly patches: readonly Patch[];
}

/**
 * An MP4 file that is playable whenever it is cut off, and plain and seekable once closed. While it grows it is fragmented:
 *
 *     ftyp  free(16)  moov+mvex  moof mdat  moof mdat  …
 *
 * Closing writes the index behind and turns the free box into the header of one large mdat that spans everything up to it:
 *
 *     ftyp  mdat[ moov+mvex  moof mdat  moof mdat … ]  moov
 *
 * That is 16 bytes at one place, whatever the length of the recording; the media stay where they are, and the boxes of the
 * fragments are bytes inside mdat that nothing refers to.
 */
export class Mp4Recording {
  readonly #writer = new FragmentWriter();
  readonly #index = new Mp4Index();
  #position = 0;

  /** Bytes of the file so far. */
  get position(): number {
    return this.#position;
  }

  /** Of the media that were cut, ms. */
  get durationMs(): number {
    return this.#index.durationMs;
  }

  /** Bytes of media that wait for the next cut. */
  get pendingBytes(): number {
    return this.#writer.pendingBytes;
  }

  /**
   * True when the frame is a config record that the file does not begin with. Before `begin` give it to `configure`; after
   * it, close this file and begin another. Throws CODEC_INVALID and MP4_CODEC_UNSUPPORTED.
   */
  changesInit(frame: Frame): boolean {
    return this.#writer.changesInit(frame);
  }

  /** Takes a config record (or an MP3 frame) before `begin`. */
  configure(frame: Frame): void {
    if (this.#position > 0) throw new ServerError('INTERNAL', 'codec of a recording changed after its begin');
    this.#writer.configure(frame);
  }

  /** The first bytes of the file. */
  begin(): Buffer {
    const { videoTrack, audioTrack } = this.#writer;
    if (videoTrack !== undefined) this.#index.addTrack(TRACK_ID.VIDEO, videoTrack);
    if (audioTrack !== undefined) this.#index.addTrack(TRACK_ID.AUDIO, audioTrack);
    const head = render(ftyp(), freePlace(), this.#writer.moov());
    this.#position = head.length;
    return head;
  }

  /** As `FragmentWriter.push`. */
  push(frame: Frame): boolean {
    return this.#writer.push(frame);
  }

  /** What waits, to be written at `position`: once a second at least, as that is what a crash may cost. */
  cut(nextVideoDts?: number): Buffer | undefined {
    const index = { into: this.#index, at: this.#position };
    const bytes = this.#writer.cut(nextVideoDts === undefined ? { index } : { index, nextVideoDts });
    if (bytes !== undefined) this.#position += bytes.length;
    return bytes;
  }

  /** What is left to do after the last `cut`. Undefined when there is no media: such a file is worth nothing. */
  close(): Closing | undefined {
    return this.#index.count === 0 ? undefined : closing(this.#index, this.#position);
  }
}

const PLACE = ftyp().size;

/** Turns a file as `Mp4Recording` begins it, whose fragments end at `end`, into a plain one. */
export function closing(index: Mp4Index, end: number): Closing {
  const header = render(mdatHeader(end - PLACE));
  return {
    truncateTo: end,
    append: index.moov(),
    // The size first, which is inside the free box until then; the 8 bytes that make an mdat of it after.
    patches: [
      { at: PLACE + 8, bytes: header.subarray(8) },
      { at: PLACE, bytes: header.subarray(0, 8) },
    ],
  };
}

/** True when a file begins as `Mp4Recording` begins it: `head` is its first 48 bytes or more. */
export function isRecordingHead(head: Buffer): boolean {
  const place: Part = freePlace();
  const expected = render(ftyp(), place).subarray(0, PLACE + 8);
  return head.length >= PLACE + FREE_PLACE_BYTES && head.subarray(0, PLACE + 8).equals(expected);
}
