import type { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import { BoxScanner, childBoxes, childOf, invalid, readU64, type Child, type TopBox } from './box-scanner.ts';
import { NON_SYNC_BIT, TFHD, TRUN } from './fragment-boxes.ts';
import { MAX_FRAGMENT_BYTES, MAX_FRAGMENT_SAMPLES } from './fragment-writer.ts';
import { readMovie, type Movie, type MovieTrack } from './movie-reader.ts';
import type { Mp4Sample } from './sample-table.ts';

/** Reads moof boxes one after another: keeps the time of tracks whose fragments do not tell it. */
export class FragmentTimes {
  readonly #tracks: ReadonlyMap<number, MovieTrack>;
  readonly #next = new Map<number, number>();

  constructor(movie: Movie) {
    this.#tracks = new Map(movie.tracks.map((track) => [track.id, track]));
  }

  /**
   * The samples of a moof box that begins at `offset` in the file, in the order of the box. Throws MP4_INVALID and
   * MP4_TOO_LARGE. Spec: ISO/IEC 14496-12, 8.8.4 to 8.8.8 and 8.8.12.
   */
  read(moof: Buffer, offset: number): Mp4Sample[] {
    const samples: Mp4Sample[] = [];
    for (const { type, body } of childBoxes(moof)) {
      if (type === 'traf') this.#readTraf(childBoxes(body), offset, samples);
    }
    return samples;
  }

  #readTraf(traf: readonly Child[], moofOffset: number, samples: Mp4Sample[]): void {
    const tfhd = new Fields(childOf(traf, 'tfhd'), 'tfhd');
    const trackId = tfhd.u32();
    const movieTrack = this.#tracks.get(trackId);
    if (movieTrack === undefined) throw invalid(`fragment of the unknown track ${trackId}`);
    const base = tfhd.has(TFHD.BASE_OFFSET) ? tfhd.u64() : moofOffset;
    if (tfhd.has(TFHD.DESCRIPTION)) tfhd.u32();
    const duration = tfhd.has(TFHD.DURATION) ? tfhd.u32() : movieTrack.defaults.duration;
    const size = tfhd.has(TFHD.SIZE) ? tfhd.u32() : movieTrack.defaults.size;
    const flags = tfhd.has(TFHD.FLAGS) ? tfhd.u32() : movieTrack.defaults.flags;
    let dts = this.#next.get(trackId) ?? 0;
    const tfdtBox = childOf(traf, 'tfdt');
    if (tfdtBox !== undefined) {
      const tfdt = new Fields(tfdtBox, 'tfdt');
      dts = tfdt.version === 1 ? tfdt.u64() : tfdt.u32();
    }
    let at = base;
    for (const { type, body } of traf) {
      if (type !== 'trun') continue;
      const trun = new Fields(body, 'trun');
      const count = trun.u32();
      if (samples.length + count > 2 * MAX_FRAGMENT_SAMPLES) {
        throw new ServerError('MP4_TOO_LARGE', `fragment of ${count} samples`);
      }
      if (trun.has(TRUN.DATA_OFFSET)) at = base + trun.i32();
      if (at < 0) throw invalid('samples before the file');
      const firstFlags = trun.has(TRUN.FIRST_FLAGS) ? trun.u32() : undefined;
      for (let i = 0; i < count; i++) {
        const lasts = trun.has(TRUN.DURATION) ? trun.u32() : duration;
        const bytes = trun.has(TRUN.SIZE) ? trun.u32() : size;
        let sampleFlags = trun.has(TRUN.FLAGS) ? trun.u32() : flags;
        if (i === 0 && firstFlags !== undefined) sampleFlags = firstFlags;
        // Version 0 is unsigned by the text, but signed in what writers write.
        const cts = trun.has(TRUN.CTS) ? trun.i32() : 0;
        const isSync = (sampleFlags & NON_SYNC_BIT) === 0;
        samples.push({ trackId, offset: at, size: bytes, dts, cts, duration: lasts, isSync });
        at += bytes;
        dts += lasts;
      }
    }
    this.#next.set(trackId, dts);
  }
}

/** Fields of a full box in turn, with a check of its end. */
class Fields {
  readonly #body: Buffer;
  readonly #type: string;
  readonly #flags: number;
  readonly version: number;
  #at = 4;

  constructor(body: Buffer | undefined, type: string) {
    if (body === undefined || body.length < 4) throw invalid(`short or no ${type}`);
    this.#body = body;
    this.#type = type;
    this.version = body.readUInt8(0);
    this.#flags = body.readUIntBE(1, 3);
  }

  has(flag: number): boolean {
    return (this.#flags & flag) !== 0;
  }

  u32(): number {
    return this.#body.readUInt32BE(this.#take(4));
  }

  i32(): number {
    return this.#body.readInt32BE(this.#take(4));
  }

  u64(): number {
    return readU64(this.#body, this.#take(8));
  }

  #take(size: number): number {
    const at = this.#at;
    if (at + size > this.#body.length) throw invalid(`${this.#type} ends inside its fields`);
    this.#at += size;
    return at;
  }
}

/** An access unit with its bytes. */
export interface Mp4Unit extends Mp4Sample {
  readonly payload: Buffer;
}

const KEPT = new Set(['moov', 'moof', 'mdat']);

/** A fragmented file, or init and media segments one after another → access units, however the bytes are cut. */
export class FragmentReader {
  readonly #scanner = new BoxScanner(KEPT, MAX_FRAGMENT_BYTES);
  #movie: Movie | undefined;
  #times: FragmentTimes | undefined;
  /** Of the moof whose mdat is to come. */
  #waiting: Mp4Sample[] = [];

  /** The last init segment that was read. */
  get movie(): Movie | undefined {
    return this.#movie;
  }

  /** Throws MP4_INVALID, MP4_TOO_LARGE and CODEC_INVALID; then the reader is done for. */
  push(bytes: Buffer): Mp4Unit[] {
    const units: Mp4Unit[] = [];
    for (const box of this.#scanner.push(bytes)) this.#take(box, units);
    return units;
  }

  #take(box: TopBox, units: Mp4Unit[]): void {
    if (box.body === undefined) return;
    if (box.type === 'moov') {
      this.#movie = readMovie(box.body);
      this.#times = new FragmentTimes(this.#movie);
    } else if (box.type === 'moof') {
      if (this.#times === undefined) throw invalid('fragment before its init segment');
      this.#waiting = this.#times.read(box.body, box.offset);
    } else {
      const start = box.offset + box.headerBytes;
      for (const sample of this.#waiting) {
        const at = sample.offset - start;
        if (at < 0 || at + sample.size > box.body.length) throw invalid('sample outside of its mdat');
        units.push({ ...sample, payload: box.body.subarray(at, at + sample.size) });
      }
      this.#waiting = [];
    }
  }
}
