import { ServerError } from '../../base/errors.ts';
import { box, fields, fullBox, u32, U32_MAX, writeU64, type Part } from './box.ts';
import { NumberList } from './number-list.ts';
import { RunList } from './run-list.ts';
import { stsd } from './sample-entries.ts';
import type { Mp4Track } from './track.ts';

/** Samples of one track in an index: 77 hours at 60 pictures a second. A caller begins a new file. */
export const MAX_MP4_SAMPLES = 2 ** 24;

/**
 * The samples of one track of a plain MP4, noted one by one in decoding order: 4 bytes of memory each, 8 for a chunk, and 8
 * where a time differs from the one before.
 */
export class TrackIndex {
  readonly id: number;
  readonly track: Mp4Track;
  readonly #sizes = new NumberList('u32');
  /** Of all samples but the last, whose own is known when the next comes. */
  readonly #durations = new RunList('u32');
  #lastDuration = 0;
  /** Of all samples but the last; none until one has a composition offset. */
  #cts: RunList | undefined;
  #lastCts = 0;
  /** Sample numbers from 1 on. */
  readonly #syncs = new NumberList('u32');
  readonly #chunkOffsets = new NumberList('f64');
  /** Samples of each chunk but the last, which may get more. */
  readonly #chunkSamples = new RunList('u32');
  #lastChunkSamples = 0;
  #chunkOpen = false;
  #firstDts = 0;
  #lastDts = 0;
  /** Least presentation time, ticks after the first decoding time; negative where a picture is shown before. */
  #leastPts = Number.POSITIVE_INFINITY;
  #lastOffset = 0;

  constructor(id: number, track: Mp4Track) {
    this.id = id;
    this.track = track;
  }

  get count(): number {
    return this.#sizes.length;
  }

  /** Ticks of the first presentation, from the origin of all tracks on. */
  get firstPts(): number {
    return this.#firstDts + this.#leastPts;
  }

  /** Ticks from the first to the end of the last sample, in decoding times. */
  get duration(): number {
    return this.count === 0 ? 0 : this.#lastDts - this.#firstDts + this.#lastDuration;
  }

  /** Where in the media the first presentation is, ticks; never negative, see `ctts`. */
  get mediaStart(): number {
    return Math.max(0, this.#leastPts);
  }

  /** Offset of the last chunk, bytes. */
  get lastOffset(): number {
    return this.#lastOffset;
  }

  /** The samples that follow lie one after another from `offset` on, bytes from the file's start. */
  beginChunk(offset: number): void {
    this.#lastOffset = offset;
    this.#chunkOpen = false;
  }

  /**
   * One sample: `size` in bytes, times in ticks; a decoding time that is less than the one before counts as that one, which
   * only a damaged file brings. `duration` counts for the last sample only: the others last until the next. Throws
   * MP4_TOO_LARGE.
   */
  add(size: number, decodeAt: number, duration: number, cts: number, isSync: boolean): void {
    if (this.count === MAX_MP4_SAMPLES)
      throw new ServerError('MP4_TOO_LARGE', 'too many samples for one file');
    const dts = this.count === 0 ? decodeAt : Math.max(decodeAt, this.#lastDts);
    if (this.count === 0) this.#firstDts = dts;
    else this.#durations.push(Math.min(U32_MAX, dts - this.#lastDts));
    this.#lastDts = dts;
    this.#lastDuration = duration;
    if (!this.#chunkOpen) this.#openChunk();
    this.#lastChunkSamples += 1;
    this.#addCts(cts);
    this.#leastPts = Math.min(this.#leastPts, dts + cts - this.#firstDts);
    this.#sizes.push(size);
    if (isSync) this.#syncs.push(this.count);
  }

  #openChunk(): void {
    this.#chunkOpen = true;
    if (this.#lastChunkSamples > 0) this.#chunkSamples.push(this.#lastChunkSamples);
    this.#lastChunkSamples = 0;
    this.#chunkOffsets.push(this.#lastOffset);
  }

  #addCts(cts: number): void {
    if (this.#cts === undefined && cts !== 0) {
      this.#cts = new RunList('i32');
      this.#cts.push(0, Math.max(0, this.count - 1));
    }
    if (this.count > 0) this.#cts?.push(this.#lastCts);
    this.#lastCts = cts;
  }

  /** The sample table. `shift` bytes are added to each chunk's offset, which have 64 bits if `wide`. */
  stbl(shift: number, wide: boolean): Part {
    const parts = [stsd(this.track), this.#stts()];
    const ctts = this.#ctts();
    if (ctts !== undefined) parts.push(ctts);
    // Without stss every sample is a sync sample.
    if (this.#syncs.length < this.count) parts.push(this.#stss());
    return box('stbl', ...parts, this.#stsc(), this.#stsz(), wide ? this.#co64(shift) : this.#stco(shift));
  }

  /** Decoding times as runs of equal durations. Spec: ISO/IEC 14496-12, 8.6.1.2. */
  #stts(): Part {
    return runTable('stts', 0, this.#durations, this.#lastDuration);
  }

  /**
   * Composition offsets, signed (version 1). Where a picture is shown before the first decoding time all are moved up, as an
   * edit list cannot begin before the media does. Spec: ISO/IEC 14496-12, 8.6.1.3.
   */
  #ctts(): Part | undefined {
    if (this.#cts === undefined) return undefined;
    return runTable('ctts', 1, this.#cts, this.#lastCts, Math.max(0, -this.#leastPts));
  }

  /** Sync samples. Spec: ISO/IEC 14496-12, 8.6.2. */
  #stss(): Part {
    return fullBox('stss', 0, 0, u32(this.#syncs.length), numbers(this.#syncs));
  }

  /** Samples of the chunks, as runs of equal chunks. Spec: ISO/IEC 14496-12, 8.7.4. */
  #stsc(): Part {
    const runs = this.#chunkSamples.lengthWith(this.#lastChunkSamples);
    const table = fields(runs * 12, (out, from) => {
      let at = from;
      let first = 1;
      this.#chunkSamples.forEachWith(this.#lastChunkSamples, (chunks, samples) => {
        at = out.writeUInt32BE(first, at); // first_chunk
        at = out.writeUInt32BE(samples, at); // samples_per_chunk
        at = out.writeUInt32BE(1, at); // sample_description_index
        first += chunks;
      });
    });
    return fullBox('stsc', 0, 0, u32(runs), table);
  }

  /** Sample sizes. Spec: ISO/IEC 14496-12, 8.7.3.2. */
  #stsz(): Part {
    return fullBox('stsz', 0, 0, u32(0), u32(this.count), numbers(this.#sizes));
  }

  /** Chunk offsets of 32 bits. Spec: ISO/IEC 14496-12, 8.7.5. */
  #stco(shift: number): Part {
    return fullBox('stco', 0, 0, u32(this.#chunkOffsets.length), numbers(this.#chunkOffsets, shift));
  }

  /** Chunk offsets of 64 bits. Spec: ISO/IEC 14496-12, 8.7.5. */
  #co64(shift: number): Part {
    const offsets = this.#chunkOffsets;
    const table = fields(offsets.length * 8, (out, from) => {
      let at = from;
      offsets.forEach((offset) => {
        at = writeU64(out, at, offset + shift);
      });
    });
    return fullBox('co64', 0, 0, u32(offsets.length), table);
  }
}

/** A box of (count, value) for each run with one more number behind all others; negative values as two's complement. */
function runTable(type: string, version: number, runs: RunList, last: number, lift = 0): Part {
  const length = runs.lengthWith(last);
  const table = fields(length * 8, (out, from) => {
    let at = from;
    runs.forEachWith(last, (count, value) => {
      at = out.writeUInt32BE(count, at);
      at = out.writeUInt32BE((value + lift) >>> 0, at);
    });
  });
  return fullBox(type, version, 0, u32(length), table);
}

function numbers(list: NumberList, shift = 0): Part {
  return fields(list.length * 4, (out, from) => {
    let at = from;
    list.forEach((value) => {
      at = out.writeUInt32BE(value + shift, at);
    });
  });
}
