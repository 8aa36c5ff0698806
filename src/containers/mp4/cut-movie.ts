import { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import { render, type Steps } from './box.ts';
import { ftyp, mdatHeader } from './movie-boxes.ts';
import { readMovie, type Movie, type MovieTrack } from './movie-reader.ts';
import { Mp4Index } from './mp4-index.ts';
import type { Mp4Sample } from './sample-table.ts';
import type { Mp4Track } from './track.ts';

/** A part of a plain MP4 that is a plain MP4 itself: `head`, then the bytes of the file in [from, to). */
export interface MovieCut {
  /** ftyp, moov, and the header of the mdat box. */
  readonly head: Buffer;
  readonly from: number;
  readonly to: number;
}

/** A track, and how its times in the tables become times in the movie. */
interface Source {
  readonly movie: MovieTrack;
  readonly track: Mp4Track;
  /** Ticks that are added. */
  readonly shift: number;
}

/** Where the cut begins: the sample of the track that leads, by its number, and when it is shown, s. */
interface Begin {
  readonly sample: number;
  readonly shownAt: number;
}

/** Samples that are looked at in one step. */
const STEP_SAMPLES = 8_192;
const MDAT_HEADER_BYTES = mdatHeader(0).size;

/**
 * Cuts a movie: `moov` is the contents of its moov box, times in seconds of the movie. It begins at the last keyframe at or
 * before `start`, the other tracks with what is heard then; from `end` on nothing begins. Undefined: nothing is left.
 * A generator, so that whoever has other things to do takes its steps one by one. Throws MP4_INVALID, MP4_TOO_LARGE, and
 * MP4_CODEC_UNSUPPORTED for a movie of fragments or of codecs that are not read.
 */
export function* cutMovie(
  moov: Buffer,
  start: number,
  end = Number.POSITIVE_INFINITY,
): Steps<MovieCut | undefined> {
  const sources = sourcesOf(readMovie(moov));
  const lead = sources.find(({ track }) => track.kind === 'video') ?? sources[0];
  if (lead === undefined) return undefined;
  const begin = yield* beginOf(lead, start);
  if (begin === undefined) return undefined;

  let from = Number.POSITIVE_INFINITY;
  let to = 0;
  for (const source of sources) {
    for (const sample of kept(source, source === lead, begin, end)) {
      if (sample === undefined) {
        yield;
        continue;
      }
      from = Math.min(from, sample.offset);
      to = Math.max(to, sample.offset + sample.size);
    }
  }
  if (to === 0) return undefined;

  const place = render(ftyp());
  const index = new Mp4Index();
  for (const source of sources) {
    const into = index.addTrack(source.movie.id, source.track);
    let chunkEnd = -1;
    for (const sample of kept(source, source === lead, begin, end)) {
      if (sample === undefined) {
        yield;
        continue;
      }
      const { offset, size, dts, cts, duration, isSync } = sample;
      if (offset !== chunkEnd) into.beginChunk(offset - from + place.length + MDAT_HEADER_BYTES);
      chunkEnd = offset + size;
      into.add(size, dts + source.shift, duration, cts, isSync);
    }
  }
  const header = render(mdatHeader(to - from + MDAT_HEADER_BYTES));
  return { head: Buffer.concat([place, yield* index.moovInFront(), header]), from, to };
}

/** The tracks that can be written again. Without all the sound and pictures it would be another movie. */
function sourcesOf(movie: Movie): readonly Source[] {
  if (movie.fragmented) throw new ServerError('MP4_CODEC_UNSUPPORTED', 'an MP4 of fragments cannot be cut');
  const sources: Source[] = [];
  let unread = 0;
  for (const one of movie.tracks) {
    const { track } = one;
    if (one.table.count === 0) continue;
    if (track === undefined) unread += 1;
    else sources.push({ movie: one, track, shift: shiftOf(one, track.timescale, movie.timescale) });
  }
  // A track beside pictures and sound may be text or a time code; one in place of them is a codec that is not known.
  const isWhole = unread === 0 || sources.some(({ track }) => track.kind === 'video');
  if (!isWhole)
    throw new ServerError('MP4_CODEC_UNSUPPORTED', 'an MP4 with codecs that are not read cannot be cut');
  return sources;
}

/** Edit lists as players use them: an empty edit delays a track, then the media begin at some time of their own. */
function shiftOf({ edits }: MovieTrack, timescale: number, movieTimescale: number): number {
  let delay = 0;
  for (const { duration, mediaTime } of edits) {
    if (mediaTime >= 0) return delay - mediaTime;
    delay += movieTimescale === 0 ? 0 : Math.round((duration / movieTimescale) * timescale);
  }
  return delay;
}

/** The last keyframe that is shown at or before `start`, or the first one; undefined when the track ends before. */
function* beginOf({ movie, track, shift }: Source, start: number): Steps<Begin | undefined> {
  let found: Begin | undefined;
  let endsAt = 0;
  let number = 0;
  for (const { dts, cts, duration, isSync } of movie.table.samples()) {
    if (number % STEP_SAMPLES === 0) yield;
    const shownAt = (dts + cts + shift) / track.timescale;
    endsAt = Math.max(endsAt, shownAt + duration / track.timescale);
    if (isSync && (found === undefined || shownAt <= start)) found = { sample: number, shownAt };
    number += 1;
  }
  return start < endsAt ? found : undefined;
}

/** The samples of a track that belong to the cut, and undefined where a step ends. */
function* kept(
  { movie, track, shift }: Source,
  leads: boolean,
  begin: Begin,
  end: number,
): Generator<Mp4Sample | undefined, void, undefined> {
  const { timescale } = track;
  let number = 0;
  for (const sample of movie.table.samples()) {
    if (number % STEP_SAMPLES === 0) yield undefined;
    const at = sample.dts + shift;
    const isIn = leads ? number >= begin.sample : (at + sample.duration) / timescale > begin.shownAt;
    if (isIn && at / timescale < end) yield sample;
    number += 1;
  }
}
