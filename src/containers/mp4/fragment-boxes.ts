import type { Buffer } from 'node:buffer';
import { BOX_HEADER_BYTES, fullBox, u16, u32, u64, writeBoxHeader, writeU64, type Part } from './box.ts';
import type { SampleRun } from './sample-run.ts';

// Sample flags. Spec: ISO/IEC 14496-12, 8.8.3.1.
/** sample_depends_on = 2: on no other; a sync sample. */
export const SYNC_SAMPLE = 0x0200_0000;
/** sample_depends_on = 1: on others; sample_is_non_sync_sample. */
export const NON_SYNC_SAMPLE = 0x0101_0000;
/** The bit sample_is_non_sync_sample alone. */
export const NON_SYNC_BIT = 0x0001_0000;

/** tfhd: which fields are there, and that data offsets count from the moof's first byte. 8.8.7.1. */
export const TFHD = {
  BASE_OFFSET: 0x1,
  DESCRIPTION: 0x2,
  DURATION: 0x8,
  SIZE: 0x10,
  FLAGS: 0x20,
  BASE_IS_MOOF: 0x2_0000,
} as const;
/** trun: which fields are there. 8.8.8.1. */
export const TRUN = {
  DATA_OFFSET: 0x1,
  FIRST_FLAGS: 0x4,
  DURATION: 0x100,
  SIZE: 0x200,
  FLAGS: 0x400,
  CTS: 0x800,
} as const;

const MFHD_BYTES = 16;
const TFHD_BYTES = 24;
const TFDT_BYTES = 20;
const TRUN_FIXED_BYTES = 20;

/** Bytes of a moof with these runs. */
export function sizeOfMoof(runs: readonly SampleRun[]): number {
  let size = BOX_HEADER_BYTES + MFHD_BYTES;
  for (const run of runs) size += sizeOfTraf(run);
  return size;
}

/**
 * Movie fragment: one track fragment for each run, whose bytes lie one run after another from `dataOffset` on (counted from
 * the moof's first byte). Returns the position after it. Spec: ISO/IEC 14496-12, 8.8.4.
 */
export function writeMoof(
  out: Buffer,
  from: number,
  sequence: number,
  runs: readonly SampleRun[],
  dataOffset: number,
): number {
  let at = writeBoxHeader(out, from, sizeOfMoof(runs), 'moof');
  at = writeMfhd(out, at, sequence);
  let data = dataOffset;
  for (const run of runs) {
    at = writeTraf(out, at, run, data);
    data += run.bytes;
  }
  return at;
}

/** Movie fragment header. Spec: ISO/IEC 14496-12, 8.8.5. */
function writeMfhd(out: Buffer, from: number, sequence: number): number {
  let at = writeBoxHeader(out, from, MFHD_BYTES, 'mfhd');
  at = out.writeUInt32BE(0, at); // version, flags
  return out.writeUInt32BE(sequence >>> 0, at); // sequence_number
}

function sizeOfTraf(run: SampleRun): number {
  return BOX_HEADER_BYTES + TFHD_BYTES + TFDT_BYTES + sizeOfTrun(run);
}

/** Track fragment. Spec: ISO/IEC 14496-12, 8.8.6. */
function writeTraf(out: Buffer, from: number, run: SampleRun, dataOffset: number): number {
  let at = writeBoxHeader(out, from, sizeOfTraf(run), 'traf');
  at = writeTfhd(out, at, run);
  at = writeTfdt(out, at, run.baseTime);
  return writeTrun(out, at, run, dataOffset);
}

/** Track fragment header: what holds for all samples. Spec: ISO/IEC 14496-12, 8.8.7. */
function writeTfhd(out: Buffer, from: number, run: SampleRun): number {
  let at = writeBoxHeader(out, from, TFHD_BYTES, 'tfhd');
  at = out.writeUInt32BE(TFHD.BASE_IS_MOOF | TFHD.DURATION | TFHD.FLAGS, at); // version 0, flags
  at = out.writeUInt32BE(run.trackId, at); // track_ID
  at = out.writeUInt32BE(run.durations[0] ?? 0, at); // default_sample_duration
  return out.writeUInt32BE(run.isVideo ? NON_SYNC_SAMPLE : SYNC_SAMPLE, at); // default_sample_flags
}

/** Decoding time of the first sample, 64 bits. Spec: ISO/IEC 14496-12, 8.8.12. */
function writeTfdt(out: Buffer, from: number, baseTime: number): number {
  let at = writeBoxHeader(out, from, TFDT_BYTES, 'tfdt');
  at = out.writeUInt32BE(0x0100_0000, at); // version 1, flags
  return writeU64(out, at, baseTime); // baseMediaDecodeTime
}

function trunFlags(run: SampleRun): number {
  let flags = TRUN.DATA_OFFSET | TRUN.SIZE;
  if (!run.equalDurations()) flags |= TRUN.DURATION;
  if (run.hasCts) flags |= TRUN.CTS;
  if (run.isVideo) {
    if (run.keyAfterFirst) flags |= TRUN.FLAGS;
    else if (run.keys[0] === true) flags |= TRUN.FIRST_FLAGS;
  }
  return flags;
}

function sizeOfTrun(run: SampleRun): number {
  const flags = trunFlags(run);
  const fields =
    Number((flags & TRUN.DURATION) !== 0) +
    Number((flags & TRUN.SIZE) !== 0) +
    Number((flags & TRUN.FLAGS) !== 0) +
    Number((flags & TRUN.CTS) !== 0);
  return TRUN_FIXED_BYTES + ((flags & TRUN.FIRST_FLAGS) !== 0 ? 4 : 0) + run.count * fields * 4;
}

/** Track run: the samples one by one. Version 1 has signed composition offsets. Spec: ISO/IEC 14496-12, 8.8.8. */
function writeTrun(out: Buffer, from: number, run: SampleRun, dataOffset: number): number {
  const flags = trunFlags(run);
  let at = writeBoxHeader(out, from, sizeOfTrun(run), 'trun');
  at = out.writeUInt32BE(0x0100_0000 | flags, at); // version 1, flags
  at = out.writeUInt32BE(run.count, at); // sample_count
  at = out.writeInt32BE(dataOffset, at); // data_offset, from the moof's first byte
  if ((flags & TRUN.FIRST_FLAGS) !== 0) at = out.writeUInt32BE(SYNC_SAMPLE, at); // first_sample_flags
  for (let i = 0; i < run.count; i++) {
    if ((flags & TRUN.DURATION) !== 0) at = out.writeUInt32BE(run.durations[i] ?? 0, at); // sample_duration
    at = out.writeUInt32BE(run.sizes[i] ?? 0, at); // sample_size
    if ((flags & TRUN.FLAGS) !== 0) {
      at = out.writeUInt32BE(run.keys[i] === true ? SYNC_SAMPLE : NON_SYNC_SAMPLE, at); // sample_flags
    }
    if ((flags & TRUN.CTS) !== 0) at = out.writeInt32BE(run.cts[i] ?? 0, at); // composition_time_offset
  }
  return at;
}

/** Segment index with one subsegment, the fragment that follows. Spec: ISO/IEC 14496-12, 8.16.3. */
export function sidx(run: SampleRun, timescale: number, referencedBytes: number): Part {
  const startsWithKey = !run.isVideo || run.keys[0] === true;
  return fullBox(
    'sidx',
    1,
    0,
    u32(run.trackId), // reference_ID
    u32(timescale),
    u64(run.earliestPresentation()), // earliest_presentation_time
    u64(0), // first_offset: right behind this box
    u16(0), // reserved
    u16(1), // reference_count
    u32(referencedBytes), // reference_type 0 (media), referenced_size
    u32(run.totalDuration()), // subsegment_duration
    u32(startsWithKey ? 0x9000_0000 : 0), // starts_with_SAP, SAP_type 1, SAP_delta_time 0
  );
}

/** Movie extends: that fragments follow, with defaults that every tfhd overrides. Spec: ISO/IEC 14496-12, 8.8.3. */
export function trex(trackId: number): Part {
  return fullBox(
    'trex',
    0,
    0,
    u32(trackId), // track_ID
    u32(1), // default_sample_description_index
    u32(0), // default_sample_duration
    u32(0), // default_sample_size
    u32(0), // default_sample_flags
  );
}
