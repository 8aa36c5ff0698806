import type { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import { box, render, renderSteps, U32_MAX, type Part, type Steps } from './box.ts';
import { edts, mdia, MOVIE_TIMESCALE, mvhd, tkhd, type Edit } from './movie-boxes.ts';
import { TrackIndex } from './track-index.ts';
import type { Mp4Track } from './track.ts';

/** All samples of a plain, seekable MP4, and the moov box made of them. */
export class Mp4Index {
  readonly #tracks = new Map<number, TrackIndex>();

  /** Begins a track; ids are 1 or more. A track has one codec record: after a change of codec begins another file. */
  addTrack(id: number, track: Mp4Track): TrackIndex {
    const index = new TrackIndex(id, track);
    this.#tracks.set(id, index);
    return index;
  }

  /** A track that was added; throws INTERNAL for another. */
  track(id: number): TrackIndex {
    const index = this.#tracks.get(id);
    if (index === undefined) throw new ServerError('INTERNAL', `MP4 index without track ${id}`);
    return index;
  }

  hasTrack(id: number): boolean {
    return this.#tracks.has(id);
  }

  /** Samples of all tracks. */
  get count(): number {
    let count = 0;
    for (const track of this.#tracks.values()) count += track.count;
    return count;
  }

  /** Length of the longest track, ms. */
  get durationMs(): number {
    let longest = 0;
    for (const { duration, track } of this.#tracks.values()) {
      longest = Math.max(longest, (duration * 1000) / track.timescale);
    }
    return longest;
  }

  /**
   * The moov box for media that lie where `beginChunk` said. Tracks without samples are left out. `shift` bytes are added
   * to each offset. Spec: ISO/IEC 14496-12, 8.2.1.
   */
  moov(shift = 0): Buffer {
    return render(this.#moov(shift));
  }

  /**
   * The moov box for a file in which it stands in front of the media ("fast start"), so that the media begin later by its
   * own size. Its size depends on whether offsets need 64 bits, which depends on its size. In steps of some ms.
   */
  moovInFront(): Steps<Buffer> {
    let shift = 0;
    // It only ever grows, once, from 32 to 64 bits.
    for (;;) {
      const part = this.#moov(shift);
      if (part.size === shift) return renderSteps(part);
      shift = part.size;
    }
  }

  #moov(shift: number): Part {
    const tracks = [...this.#tracks.values()].filter(({ count }) => count > 0);
    const origin = Math.min(...tracks.map((index) => index.firstPts / index.track.timescale));
    const wide = tracks.some(({ lastOffset }) => lastOffset + shift > U32_MAX);
    let duration = 0;
    let nextId = 1;
    const traks = tracks.map((index) => {
      const edits = editsOf(index, origin);
      const shown = edits.reduce((sum, edit) => sum + edit.duration, 0);
      duration = Math.max(duration, shown);
      nextId = Math.max(nextId, index.id + 1);
      return box(
        'trak',
        tkhd(index.id, index.track, shown),
        edts(edits),
        mdia(index.track, index.duration, index.stbl(shift, wide)),
      );
    });
    return box('moov', mvhd(duration, nextId), ...traks);
  }
}

/** Nothing until the track begins (`origin` in seconds), then all of it from its first presentation on. */
function editsOf(index: TrackIndex, origin: number): Edit[] {
  const { timescale } = index.track;
  const delay = Math.round((index.firstPts / timescale - origin) * MOVIE_TIMESCALE);
  // Rounded up: a reader would cut a part of a ms off the last sample.
  const duration = Math.ceil((index.duration * MOVIE_TIMESCALE) / timescale);
  const media = { duration, mediaTime: index.mediaStart };
  return delay > 0 ? [{ duration: delay, mediaTime: -1 }, media] : [media];
}
