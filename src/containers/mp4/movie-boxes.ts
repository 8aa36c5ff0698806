import {
  box,
  fields,
  fourCc,
  fullBox,
  u16,
  u32,
  u64or32,
  U32_MAX,
  writeU64,
  zeros,
  type Part,
} from './box.ts';
import { hdlr } from './sample-entries.ts';
import type { Mp4Track } from './track.ts';

/** Ticks per second of the movie as a whole: durations and edit lists count in ms. */
export const MOVIE_TIMESCALE = 1000;

/** Undetermined language, three letters of 5 bits: "und". Spec: ISO/IEC 14496-12, 8.4.2. */
const LANGUAGE_UNDETERMINED = 0x55c4;

/** Bytes of `freePlace`: as many as the header of an mdat box with a 64-bit size. */
export const FREE_PLACE_BYTES = 16;

/**
 * File type. `iso6` has movie fragments with tfdt and signed composition offsets; the older brands let older readers try, and
 * programs that show the first one know `isom` as MPEG-4.
 * Its size is a multiple of 8, so that what follows lies in one disk sector. Spec: ISO/IEC 14496-12, 4.3.
 */
export function ftyp(): Part {
  return box(
    'ftyp',
    fourCc('isom'), // major_brand
    u32(0), // minor_version
    fourCc('iso6'),
    fourCc('isom'),
    fourCc('avc1'),
    fourCc('mp41'),
  );
}

/** Segment type, in front of a media segment. Spec: ISO/IEC 14496-12, 8.16.2; ISO/IEC 23009-1, 6.3.4.2. */
export function styp(): Part {
  return box('styp', fourCc('msdh'), u32(0), fourCc('msdh'), fourCc('iso6'));
}

/** An unused place of 16 bytes that an mdat header can take later. Spec: ISO/IEC 14496-12, 8.1.2. */
export function freePlace(): Part {
  return box('free', zeros(FREE_PLACE_BYTES - 8));
}

/** The header of a box whose size has 64 bits: 16 bytes. `size` counts them. Spec: ISO/IEC 14496-12, 4.2 and 8.1.1. */
export function mdatHeader(size: number): Part {
  return fields(16, (out, at) => {
    out.writeUInt32BE(1, at); // size: see largesize
    out.write('mdat', at + 4, 'latin1');
    writeU64(out, at + 8, size); // largesize
  });
}

/** Movie header. `duration` in ms; 0 in an init segment. Spec: ISO/IEC 14496-12, 8.2.2. */
export function mvhd(duration: number, nextTrackId: number): Part {
  const wide = duration > U32_MAX;
  return fullBox(
    'mvhd',
    wide ? 1 : 0,
    0,
    u64or32(wide, 0), // creation_time: not told
    u64or32(wide, 0), // modification_time
    u32(MOVIE_TIMESCALE),
    u64or32(wide, duration),
    u32(0x0001_0000), // rate, 16.16
    u16(0x0100), // volume, 8.8
    zeros(10), // reserved
    unityMatrix(),
    zeros(24), // pre_defined
    u32(nextTrackId), // next_track_ID
  );
}

/** Track header. `duration` in ms. Spec: ISO/IEC 14496-12, 8.3.2. */
export function tkhd(id: number, track: Mp4Track, duration: number): Part {
  const wide = duration > U32_MAX;
  const video = track.kind === 'video';
  return fullBox(
    'tkhd',
    wide ? 1 : 0,
    3, // enabled, in the movie
    u64or32(wide, 0), // creation_time
    u64or32(wide, 0), // modification_time
    u32(id), // track_ID
    u32(0), // reserved
    u64or32(wide, duration),
    zeros(8), // reserved
    u16(0), // layer
    u16(video ? 0 : 1), // alternate_group
    u16(video ? 0 : 0x0100), // volume, 8.8
    u16(0), // reserved
    unityMatrix(),
    u32(video ? track.width * 65_536 : 0), // width, 16.16
    u32(video ? track.height * 65_536 : 0), // height
  );
}

/** One edit: `duration` ms of the movie show the media from `mediaTime` ticks on; -1 shows nothing. */
export interface Edit {
  readonly duration: number;
  readonly mediaTime: number;
}

/** Edit list. Spec: ISO/IEC 14496-12, 8.6.6. */
export function edts(edits: readonly Edit[]): Part {
  const wide = edits.some(({ duration, mediaTime }) => duration > U32_MAX || mediaTime > 0x7fff_ffff);
  const table = fields(edits.length * (wide ? 20 : 12), (out, from) => {
    let at = from;
    for (const { duration, mediaTime } of edits) {
      if (wide) {
        at = writeU64(out, at, duration); // segment_duration
        if (mediaTime < 0) out.fill(0xff, at, at + 8);
        else writeU64(out, at, mediaTime); // media_time
        at += 8;
      } else {
        at = out.writeUInt32BE(duration, at);
        at = out.writeInt32BE(mediaTime, at);
      }
      at = out.writeUInt32BE(0x0001_0000, at); // media_rate, 16.16
    }
  });
  return box('edts', fullBox('elst', wide ? 1 : 0, 0, u32(edits.length), table));
}

/** Media: header, handler and sample table. `duration` in the track's ticks. Spec: ISO/IEC 14496-12, 8.4. */
export function mdia(track: Mp4Track, duration: number, stbl: Part): Part {
  const kind = track.kind === 'video' ? vmhd() : smhd();
  return box('mdia', mdhd(track, duration), hdlr(track), box('minf', kind, dinf(), stbl));
}

/** Media header. Spec: ISO/IEC 14496-12, 8.4.2. */
function mdhd(track: Mp4Track, duration: number): Part {
  const wide = duration > U32_MAX;
  return fullBox(
    'mdhd',
    wide ? 1 : 0,
    0,
    u64or32(wide, 0), // creation_time
    u64or32(wide, 0), // modification_time
    u32(track.timescale),
    u64or32(wide, duration),
    u16(LANGUAGE_UNDETERMINED),
    u16(0), // pre_defined
  );
}

/** Video media header. Spec: ISO/IEC 14496-12, 12.1.2. */
function vmhd(): Part {
  return fullBox('vmhd', 0, 1, zeros(8)); // graphicsmode: copy; opcolor
}

/** Sound media header. Spec: ISO/IEC 14496-12, 12.2.2. */
function smhd(): Part {
  return fullBox('smhd', 0, 0, zeros(4)); // balance: centre; reserved
}

/** Where the media are: in this file. Spec: ISO/IEC 14496-12, 8.7.1 and 8.7.2. */
function dinf(): Part {
  return box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1)));
}

/** 16.16 and 2.30 fixed point: no rotation, no scaling. Spec: ISO/IEC 14496-12, 6.2.2. */
function unityMatrix(): Part {
  return fields(36, (out, at) => {
    out.fill(0, at, at + 36);
    out.writeUInt32BE(0x0001_0000, at);
    out.writeUInt32BE(0x0001_0000, at + 16);
    out.writeUInt32BE(0x4000_0000, at + 32);
  });
}
