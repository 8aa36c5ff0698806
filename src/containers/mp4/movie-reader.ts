import type { Buffer } from 'node:buffer';
import { childBoxes, childOf, invalid, readU64, type Child } from './box-scanner.ts';
import type { Edit } from './movie-boxes.ts';
import { readSampleEntry } from './read-track.ts';
import { SampleTable } from './sample-table.ts';
import type { Mp4Track } from './track.ts';

/** Tracks of one file; ours have two. */
export const MAX_MP4_TRACKS = 64;

/** What trex tells for samples whose fragment does not. Spec: ISO/IEC 14496-12, 8.8.3. */
export interface FragmentDefaults {
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

/** A track of a moov box. */
export interface MovieTrack {
  readonly id: number;
  /** Undefined for codecs that are not read. */
  readonly track: Mp4Track | undefined;
  readonly edits: readonly Edit[];
  readonly table: SampleTable;
  readonly defaults: FragmentDefaults;
}

/** A moov box. */
export interface Movie {
  /** Ticks of the movie per second, and its duration in them. */
  readonly timescale: number;
  readonly duration: number;
  readonly tracks: readonly MovieTrack[];
  /** Fragments may follow (mvex). */
  readonly fragmented: boolean;
}

/** Reads the contents of a moov box. Throws MP4_INVALID, MP4_TOO_LARGE, CODEC_INVALID. Spec: ISO/IEC 14496-12, 8.2.1. */
export function readMovie(moov: Buffer): Movie {
  const boxes = childBoxes(moov);
  const mvhd = need(childOf(boxes, 'mvhd'), 'mvhd', 100);
  const wide = mvhd.readUInt8(0) === 1;
  const mvex = childOf(boxes, 'mvex');
  const defaults = mvex === undefined ? new Map<number, FragmentDefaults>() : readTrex(childBoxes(mvex));
  const traks = boxes.filter(({ type }) => type === 'trak');
  if (traks.length > MAX_MP4_TRACKS) throw invalid(`${traks.length} tracks`);
  return {
    timescale: mvhd.readUInt32BE(wide ? 20 : 12),
    duration: wide ? readU64(mvhd, 24) : mvhd.readUInt32BE(16),
    tracks: traks.map(({ body }) => readTrak(childBoxes(body), defaults)),
    fragmented: mvex !== undefined,
  };
}

function readTrak(trak: readonly Child[], defaults: ReadonlyMap<number, FragmentDefaults>): MovieTrack {
  const tkhd = need(childOf(trak, 'tkhd'), 'tkhd', 24);
  const id = tkhd.readUInt32BE(tkhd.readUInt8(0) === 1 ? 20 : 12);
  const mdia = childBoxes(need(childOf(trak, 'mdia'), 'mdia', 8));
  const mdhd = need(childOf(mdia, 'mdhd'), 'mdhd', 24);
  const timescale = mdhd.readUInt32BE(mdhd.readUInt8(0) === 1 ? 20 : 12);
  if (timescale === 0) throw invalid('timescale 0');
  const minf = childBoxes(need(childOf(mdia, 'minf'), 'minf', 8));
  const stbl = childBoxes(need(childOf(minf, 'stbl'), 'stbl', 8));
  const entries = childBoxes(need(childOf(stbl, 'stsd'), 'stsd', 8).subarray(8));
  const entry = entries[0];
  return {
    id,
    track: entry === undefined ? undefined : readSampleEntry(entry.type, entry.body, timescale),
    edits: readEdits(childOf(trak, 'edts')),
    table: new SampleTable(id, stbl),
    defaults: defaults.get(id) ?? { duration: 0, size: 0, flags: 0 },
  };
}

function readEdits(edts: Buffer | undefined): Edit[] {
  const elst = edts === undefined ? undefined : childOf(childBoxes(edts), 'elst');
  if (elst === undefined) return [];
  const wide = need(elst, 'elst', 8).readUInt8(0) === 1;
  const count = elst.readUInt32BE(4);
  const rowBytes = wide ? 20 : 12;
  if (count * rowBytes > elst.length - 8) throw invalid('elst longer than its box');
  return Array.from({ length: count }, (_, i) => {
    const at = 8 + i * rowBytes;
    if (!wide) return { duration: elst.readUInt32BE(at), mediaTime: elst.readInt32BE(at + 4) };
    const empty = elst.readInt32BE(at + 8) < 0;
    return { duration: readU64(elst, at), mediaTime: empty ? -1 : readU64(elst, at + 8) };
  });
}

function readTrex(mvex: readonly Child[]): Map<number, FragmentDefaults> {
  const found = new Map<number, FragmentDefaults>();
  for (const { type, body } of mvex) {
    if (type !== 'trex') continue;
    need(body, 'trex', 24);
    found.set(body.readUInt32BE(4), {
      duration: body.readUInt32BE(12),
      size: body.readUInt32BE(16),
      flags: body.readUInt32BE(20),
    });
  }
  return found;
}

function need(body: Buffer | undefined, type: string, bytes: number): Buffer {
  if (body === undefined || body.length < bytes) throw invalid(`short or no ${type}`);
  return body;
}
