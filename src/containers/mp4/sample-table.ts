import type { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import { childOf, invalid, readU64, type Child } from './box-scanner.ts';
import { MAX_MP4_SAMPLES } from './track-index.ts';

/** One access unit in a file: where it is and when it is due. Times in ticks of its track. */
export interface Mp4Sample {
  readonly trackId: number;
  /** Bytes from the file's start. */
  readonly offset: number;
  readonly size: number;
  readonly dts: number;
  /** Composition offset, signed. */
  readonly cts: number;
  readonly duration: number;
  readonly isSync: boolean;
}

interface Table {
  readonly count: number;
  /** The rows. */
  readonly rows: Buffer;
}

/** The sample table of a track in a moov box. Spec: ISO/IEC 14496-12, 8.5 to 8.7. */
export class SampleTable {
  readonly #trackId: number;
  readonly #stts: Table;
  readonly #ctts: Table;
  readonly #stss: Table | undefined;
  readonly #stsc: Table;
  readonly #offsets: Table;
  readonly #wide: boolean;
  /** Size of every sample, or 0 when each has its own. */
  readonly #size: number;
  readonly #sizes: Buffer;
  readonly count: number;

  /** Throws MP4_INVALID when a table is longer than its box, MP4_TOO_LARGE for too many samples. */
  constructor(trackId: number, stbl: readonly Child[]) {
    this.#trackId = trackId;
    this.#stts = table(stbl, 'stts', 8) ?? missing('stts');
    this.#ctts = table(stbl, 'ctts', 8) ?? { count: 0, rows: this.#stts.rows.subarray(0, 0) };
    this.#stss = table(stbl, 'stss', 4);
    this.#stsc = table(stbl, 'stsc', 12) ?? missing('stsc');
    const wide = table(stbl, 'co64', 8);
    this.#wide = wide !== undefined;
    this.#offsets = wide ?? table(stbl, 'stco', 4) ?? missing('stco');
    const stsz = childOf(stbl, 'stsz');
    if (stsz === undefined || stsz.length < 12) throw invalid('track without stsz');
    this.#size = stsz.readUInt32BE(4);
    this.count = stsz.readUInt32BE(8);
    this.#sizes = stsz.subarray(12);
    if (this.count > MAX_MP4_SAMPLES)
      throw new ServerError('MP4_TOO_LARGE', `track of ${this.count} samples`);
    if (this.#size === 0 && this.#sizes.length < this.count * 4) throw invalid('stsz longer than its box');
  }

  /** The samples in decoding order. Throws MP4_INVALID when the tables contradict each other. */
  *samples(): Generator<Mp4Sample, void, undefined> {
    let dts = 0;
    const duration = new RunCursor(this.#stts);
    const cts = new RunCursor(this.#ctts);
    let syncAt = 0;
    let chunk = 0;
    let chunkRow = -1;
    let leftInChunk = 0;
    let offset = 0;
    for (let i = 0; i < this.count; i++) {
      while (leftInChunk === 0) {
        if (chunk >= this.#offsets.count) throw invalid('more samples than chunks hold');
        const next = (chunkRow + 1) * 12;
        if (chunkRow + 1 < this.#stsc.count && this.#stsc.rows.readUInt32BE(next) <= chunk + 1) chunkRow += 1;
        if (chunkRow < 0) throw invalid('stsc does not begin at the first chunk');
        leftInChunk = this.#stsc.rows.readUInt32BE(chunkRow * 12 + 4);
        offset = this.#wide
          ? readU64(this.#offsets.rows, chunk * 8)
          : this.#offsets.rows.readUInt32BE(chunk * 4);
        chunk += 1;
      }
      leftInChunk -= 1;
      const size = this.#size === 0 ? this.#sizes.readUInt32BE(i * 4) : this.#size;
      let isSync = this.#stss === undefined;
      if (this.#stss !== undefined && syncAt < this.#stss.count) {
        isSync = this.#stss.rows.readUInt32BE(syncAt * 4) === i + 1;
        if (isSync) syncAt += 1;
      }
      const lasts = duration.next();
      yield { trackId: this.#trackId, offset, size, dts, cts: cts.next() | 0, duration: lasts, isSync };
      offset += size;
      dts += lasts;
    }
  }
}

/** Walks a table of (count, value); 0 behind its end. */
class RunCursor {
  readonly #table: Table;
  #row = -1;
  #left = 0;

  constructor(of: Table) {
    this.#table = of;
  }

  next(): number {
    while (this.#left === 0) {
      if (this.#row + 1 >= this.#table.count) return 0;
      this.#row += 1;
      this.#left = this.#table.rows.readUInt32BE(this.#row * 8);
    }
    this.#left -= 1;
    return this.#table.rows.readUInt32BE(this.#row * 8 + 4);
  }
}

/** Version and flags, count, rows. */
function table(stbl: readonly Child[], type: string, rowBytes: number): Table | undefined {
  const body = childOf(stbl, type);
  if (body === undefined) return undefined;
  if (body.length < 8) throw invalid(`short ${type}`);
  const count = body.readUInt32BE(4);
  if (count * rowBytes > body.length - 8) throw invalid(`${type} longer than its box`);
  return { count, rows: body.subarray(8) };
}

function missing(type: string): never {
  throw invalid(`track without ${type}`);
}
