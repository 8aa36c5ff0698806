import type { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import { invalid, MAX_MP4_BOX_BYTES, readBoxHeader, type BoxHeader } from './box-scanner.ts';
import { FragmentTimes } from './fragment-reader.ts';
import { readMovie, type Movie } from './movie-reader.ts';
import { Mp4Index } from './mp4-index.ts';
import { closing, isRecordingHead, type Closing } from './recording.ts';
import type { Mp4Sample } from './sample-table.ts';

/** Bytes that tell what a file begins with, and the most that a box header has. */
const HEAD_BYTES = 64;
const HEADER_BYTES = 16;

/** What the file layer is to read next. */
export interface Wanted {
  /** Bytes from the file's start. */
  readonly at: number;
  readonly bytes: number;
}

/** What became of a file that was found open. */
export interface Recovered {
  /** `plain`: closed already. `fragmented`: its last complete fragment ends at `end`. `empty`: no media. */
  readonly state: 'plain' | 'fragmented' | 'empty';
  /** Bytes that are good. */
  readonly end: number;
  /** Of the media in its fragments. */
  readonly durationMs: number;
  /** What makes it plain and seekable; only for files that `Mp4Recording` began. */
  readonly closing: Closing | undefined;
}

/**
 * Looks through a file that was left open, cut at any byte: `while ((want = r.wants) !== undefined) r.take(read(want))`.
 * Only box headers and moov and moof boxes are read, so that hours of media cost a few kB per minute.
 */
export class Mp4Recovery {
  readonly #fileSize: number;
  #wants: Wanted | undefined;
  #box: BoxHeader | undefined;
  #at = 0;
  #isRecording = false;
  #movie: Movie | undefined;
  #times: FragmentTimes | undefined;
  #index = new Mp4Index();
  /** Of the last moof; undefined once its media were seen. */
  #fragment: Mp4Sample[] | undefined;
  #end = 0;
  #plain = false;
  /** Of a plain file. */
  #movieMs = 0;

  /** `fileSize` in bytes. */
  constructor(fileSize: number) {
    this.#fileSize = fileSize;
    this.#want(0, HEAD_BYTES);
  }

  /** What to read; undefined when `result` is there. */
  get wants(): Wanted | undefined {
    return this.#wants;
  }

  /** The bytes that were wanted. Throws MP4_INVALID and others for a file that never was an MP4. */
  take(bytes: Buffer): void {
    if (this.#wants === undefined || bytes.length !== this.#wants.bytes) {
      throw new ServerError('INTERNAL', 'other bytes than were wanted');
    }
    if (this.#at === 0 && this.#box === undefined) this.#isRecording = isRecordingHead(bytes);
    if (this.#box === undefined) this.#takeHeader(bytes);
    else this.#takeBody(this.#box, bytes);
  }

  result(): Recovered {
    const end = this.#end;
    if (this.#plain) return { state: 'plain', end, durationMs: this.#movieMs, closing: undefined };
    if (this.#index.count === 0) return { state: 'empty', end, durationMs: 0, closing: undefined };
    const plan = this.#isRecording ? closing(this.#index, end) : undefined;
    return { state: 'fragmented', end, durationMs: this.#index.durationMs, closing: plan };
  }

  #want(at: number, bytes: number): void {
    const there = Math.min(bytes, this.#fileSize - at);
    this.#wants = there > 0 ? { at, bytes: there } : undefined;
  }

  #takeHeader(bytes: Buffer): void {
    const header = this.#headerOf(bytes);
    // A box that is not whole ends what is good: the fragment it belongs to was never finished.
    if (header === undefined || header.size > this.#fileSize - this.#at) {
      this.#wants = undefined;
      return;
    }
    const body = header.size - header.headerBytes;
    const isMoof = header.type === 'moof';
    if ((header.type === 'moov' || isMoof) && body > 0) {
      if (body > MAX_MP4_BOX_BYTES) throw new ServerError('MP4_TOO_LARGE', `${header.type} of ${body} bytes`);
      this.#box = header;
      this.#want(this.#at + header.headerBytes, body);
      return;
    }
    if (header.type === 'mdat') this.#takeMedia(header);
    this.#next(header);
  }

  /** A file system may leave zeros or old bytes where a write was lost: they end the file, unless nothing was good yet. */
  #headerOf(bytes: Buffer): BoxHeader | undefined {
    try {
      const header = readBoxHeader(bytes, 0);
      if (header !== undefined && /^[ -~]{4}$/.test(header.type)) return header;
      if (this.#at === 0 && bytes.length >= 8) throw invalid('no MP4 file');
      return undefined;
    } catch (error) {
      if (this.#end === 0) throw error;
      return undefined;
    }
  }

  #takeBody(box: BoxHeader, bytes: Buffer): void {
    this.#box = undefined;
    if (box.type === 'moov') {
      const movie = readMovie(bytes);
      // A second moov stands behind the fragments: the index of a closing that did not come to its patches.
      if (this.#movie !== undefined) {
        this.#wants = undefined;
        return;
      }
      this.#begin(movie);
    } else {
      if (this.#times === undefined) throw invalid('fragment before its init segment');
      try {
        this.#fragment = this.#times.read(bytes, this.#at);
      } catch (error) {
        // Bytes that were never written, behind a box header that was.
        if (!(error instanceof ServerError)) throw error;
        this.#wants = undefined;
        return;
      }
    }
    this.#next(box);
  }

  #begin(movie: Movie): void {
    this.#movie = movie;
    this.#times = new FragmentTimes(movie);
    if (!movie.fragmented) {
      this.#plain = true;
      this.#movieMs = (movie.duration * 1000) / movie.timescale;
    }
    for (const { id, track } of movie.tracks) if (track !== undefined) this.#index.addTrack(id, track);
  }

  #takeMedia(header: BoxHeader): void {
    const end = this.#at + header.size;
    const start = this.#at + header.headerBytes;
    const samples = this.#fragment ?? [];
    this.#fragment = undefined;
    let open = 0;
    for (const sample of samples) {
      if (sample.offset < start || sample.offset + sample.size > end)
        throw invalid('sample outside of its mdat');
      if (!this.#index.hasTrack(sample.trackId)) continue;
      const track = this.#index.track(sample.trackId);
      if (open !== sample.trackId) track.beginChunk(sample.offset);
      open = sample.trackId;
      track.add(sample.size, sample.dts, sample.duration, sample.cts, sample.isSync);
    }
  }

  #next(box: BoxHeader): void {
    this.#at += box.size;
    // A moof counts once its mdat is there.
    if (this.#fragment === undefined) this.#end = this.#at;
    this.#want(this.#at, HEADER_BYTES);
  }
}
