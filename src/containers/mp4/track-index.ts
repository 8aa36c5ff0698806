import { ServerError } from '../../base/errors.ts';
import { box, fields, fullBox, u32, U32_MAX, writeU64, type Part } from './box.ts';
import { NumberList } from './number-list.ts';
import { stsd } from './sample-entries.ts';
import type { Mp4Track } from './track.ts';

/** Samples of one track in an index: 77 hours at 60 pictures a second, 200 MB of memory. A caller begins a new file. */
export const MAX_MP4_SAMPLES = 2 ** 24;

/** The samples of one track of a plain MP4, noted one by one in decoding order: 8 to 12 bytes of memory each. */
export class TrackIndex {
  readonly id: number;
  readonly track: Mp4Track;
  readonly #sizes = new NumberList('u32');
  readonly #durations = new NumberList('u32');
  /** Empty until a sample has a composition offset. */
  #cts: NumberList | undefined;
  /** Sample numbers from 1 on. */
  readonly #syncs = new NumberList('u32');
  readonly #chunkOffsets = new NumberList('f64');
  readonly #chunkSamples = new NumberList('u32');
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
    return this.count === 0 ? 0 : this.#lastDts - this.#firstDts + this.#durations.at(this.count - 1);
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
    else this.#durations.set(this.count - 1, Math.min(U32_MAX, dts - this.#lastDts));
    this.#lastDts = dts;
    if (!this.#chunkOpen) {
      this.#chunkOpen = true;
      this.#chunkOffsets.push(this.#lastOffset);
      this.#chunkSamples.push(0);
    }
    const chunk = this.#chunkSamples.length - 1;
    this.#chunkSamples.set(chunk, this.#chunkSamples.at(chunk) + 1);
    this.#addCts(cts);
    this.#leastPts = Math.min(this.#leastPts, dts + cts - this.#firstDts);
    this.#sizes.push(size);
    this.#durations.push(duration);
    if (isSync) this.#syncs.push(this.count);
  }

  #addCts(cts: number): void {
    if (this.#cts === undefined) {
      if (cts === 0) return;
      this.#cts = new NumberList('i32');
      for (let i = 0; i < this.count; i++) this.#cts.push(0);
    }
    this.#cts.push(cts);
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
    const durations = this.#durations;
    return runTable('stts', 0, this.count, (i) => durations.at(i));
  }

  /**
   * Composition offsets, signed (version 1). Where a picture is shown before the first decoding time all are moved up, as an
   * edit list cannot begin before the media does. Spec: ISO/IEC 14496-12, 8.6.1.3.
   */
  #ctts(): Part | undefined {
    const cts = this.#cts;
    const lift = Math.max(0, -this.#leastPts);
    if (cts === undefined) return undefined;
    return runTable('ctts', 1, this.count, (i) => cts.at(i) + lift);
  }

  /** Sync samples. Spec: ISO/IEC 14496-12, 8.6.2. */
  #stss(): Part {
    return fullBox('stss', 0, 0, u32(this.#syncs.length), numbers(this.#syncs));
  }

  /** Samples of the chunks, as runs of equal chunks. Spec: ISO/IEC 14496-12, 8.7.4. */
  #stsc(): Part {
    const counts = this.#chunkSamples;
    const starts: number[] = [];
    for (let i = 0; i < counts.length; i++) if (i === 0 || counts.at(i) !== counts.at(i - 1)) starts.push(i);
    const table = fields(starts.length * 12, (out, from) => {
      let at = from;
      for (const start of starts) {
        at = out.writeUInt32BE(start + 1, at); // first_chunk
        at = out.writeUInt32BE(counts.at(start), at); // samples_per_chunk
        at = out.writeUInt32BE(1, at); // sample_description_index
      }
    });
    return fullBox('stsc', 0, 0, u32(starts.length), table);
  }

  /** Sample sizes. Spec: ISO/IEC 14496-12, 8.7.3.2. */
  #stsz(): Part {
    return fullBox('stsz', 0, 0, u32(0), u32(this.count), numbers(this.#sizes));
  }

  /** Chunk offsets of 32 bits. Spec: ISO/IEC 14496-12, 8.7.5. */
  #stco(shift: number): Part {
    const offsets = this.#chunkOffsets;
    const table = fields(offsets.length * 4, (out, at) => {
      for (let i = 0; i < offsets.length; i++) out.writeUInt32BE(offsets.at(i) + shift, at + i * 4);
    });
    return fullBox('stco', 0, 0, u32(offsets.length), table);
  }

  /** Chunk offsets of 64 bits. Spec: ISO/IEC 14496-12, 8.7.5. */
  #co64(shift: number): Part {
    const offsets = this.#chunkOffsets;
    const table = fields(offsets.length * 8, (out, at) => {
      for (let i = 0; i < offsets.length; i++) writeU64(out, at + i * 8, offsets.at(i) + shift);
    });
    return fullBox('co64', 0, 0, u32(offsets.length), table);
  }
}

/** A box of (count, value) for each run of equal values; negative values as two's complement. */
function runTable(type: string, version: number, count: number, valueAt: (i: number) => number): Part {
  let runs = 0;
  for (let i = 0; i < count; i++) if (i === 0 || valueAt(i) !== valueAt(i - 1)) runs += 1;
  const table = fields(runs * 8, (out, from) => {
    let at = from;
    for (let i = 0; i < count;) {
      const value = valueAt(i);
      let end = i + 1;
      while (end < count && valueAt(end) === value) end += 1;
      at = out.writeUInt32BE(end - i, at);
      at = out.writeUInt32BE(value >>> 0, at);
      i = end;
    }
  });
  return fullBox(type, version, 0, u32(runs), table);
}

function numbers(list: NumberList): Part {
  return fields(list.length * 4, (out, at) => {
    for (let i = 0; i < list.length; i++) out.writeUInt32BE(list.at(i), at + i * 4);
  });
}
