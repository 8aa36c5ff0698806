import type { Buffer } from 'node:buffer';
import { TS_PACKET_BYTES, TS_SYNC_BYTE, type PidCounter } from './packet.ts';

/** PID of the program association table. Spec: ISO/IEC 13818-1, table 2-3. */
export const PAT_PID = 0;

/** Largest section of these tables, bytes: `section_length` has its two upper bits 0. Spec: ISO/IEC 13818-1, 2.4.4.3. */
export const MAX_SECTION_BYTES = 1024;

/** `table_id` of the two tables. Spec: ISO/IEC 13818-1, table 2-31. */
export const TABLE = { PAT: 0, PMT: 2 } as const;

/**
 * `stream_type` of what is or will be carried. Spec: ISO/IEC 13818-1, table 2-34; AV1 and Opus travel as private data (6)
 * with a registration descriptor.
 */
export const STREAM_TYPE = {
  MPEG1_AUDIO: 0x03,
  MPEG2_AUDIO: 0x04,
  PRIVATE: 0x06,
  AAC: 0x0f,
  H264: 0x1b,
  H265: 0x24,
} as const;

const PROGRAM_NUMBER = 1;
const CRC_BYTES = 4;

/** One elementary stream of a program map. */
export interface ProgramStream {
  readonly pid: number;
  readonly streamType: number;
}

/** What a program map says. */
export interface ProgramMap {
  readonly version: number;
  readonly pcrPid: number;
  readonly streams: readonly ProgramStream[];
}

/** CRC of a section. Spec: ISO/IEC 13818-1, annex A: polynomial 0x04c11db7, from ones, not inverted. */
export function crc32Mpeg(bytes: Buffer, from: number, to: number): number {
  let crc = 0xffffffff;
  for (let at = from; at < to; at++) {
    crc ^= (bytes[at] ?? 0) << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}

/** Writes the packet of a program association table with one program. Returns the position behind it. */
export function writePat(
  buf: Buffer,
  at: number,
  counter: PidCounter,
  version: number,
  pmtPid: number,
): number {
  const body = beginSection(buf, at, counter, TABLE.PAT, 1, version);
  buf.writeUInt16BE(PROGRAM_NUMBER, body);
  buf.writeUInt16BE(0xe000 | pmtPid, body + 2);
  return endSection(buf, at, body + 4);
}

/** Writes the packet of a program map. Returns the position behind it. */
export function writePmt(buf: Buffer, at: number, counter: PidCounter, map: ProgramMap): number {
  let next = beginSection(buf, at, counter, TABLE.PMT, PROGRAM_NUMBER, map.version);
  buf.writeUInt16BE(0xe000 | map.pcrPid, next);
  buf.writeUInt16BE(0xf000, next + 2);
  next += 4;
  for (const { pid, streamType } of map.streams) {
    buf[next] = streamType;
    buf.writeUInt16BE(0xe000 | pid, next + 1);
    buf.writeUInt16BE(0xf000, next + 3);
    next += 5;
  }
  return endSection(buf, at, next);
}

/** Packet header, pointer field and the eight bytes that both tables begin with (2.4.4.3, 2.4.4.8). */
function beginSection(
  buf: Buffer,
  at: number,
  counter: PidCounter,
  table: number,
  id: number,
  version: number,
): number {
  buf[at] = TS_SYNC_BYTE;
  buf[at + 1] = 0x40 | (counter.pid >> 8);
  buf[at + 2] = counter.pid;
  buf[at + 3] = 0x10 | counter.next;
  counter.next = (counter.next + 1) & 15;
  counter.used = true;
  buf[at + 4] = 0;
  buf[at + 5] = table;
  buf.writeUInt16BE(id, at + 8);
  buf[at + 10] = 0xc1 | (version << 1);
  buf[at + 11] = 0;
  buf[at + 12] = 0;
  return at + 13;
}

function endSection(buf: Buffer, packet: number, end: number): number {
  const table = packet + 5;
  buf.writeUInt16BE(0xb000 | (end + CRC_BYTES - table - 3), table + 1);
  buf.writeUInt32BE(crc32Mpeg(buf, table, end), end);
  buf.fill(0xff, end + CRC_BYTES, packet + TS_PACKET_BYTES);
  return packet + TS_PACKET_BYTES;
}

/** PIDs of the programs' maps. `section` is whole and its CRC was looked at. */
export function readPat(section: Buffer): number[] {
  const pids: number[] = [];
  for (let at = 8; at + 4 <= section.length - CRC_BYTES; at += 4) {
    // Program 0 names the network table.
    if (section.readUInt16BE(at) !== 0) pids.push(section.readUInt16BE(at + 2) & 0x1fff);
  }
  return pids;
}

/** A program map, or undefined when its lengths do not fit. */
export function readPmt(section: Buffer): ProgramMap | undefined {
  const end = section.length - CRC_BYTES;
  if (end < 12) return undefined;
  const streams: ProgramStream[] = [];
  let at = 12 + (section.readUInt16BE(10) & 0xfff);
  while (at + 5 <= end) {
    const streamType = section.readUInt8(at);
    streams.push({ streamType, pid: section.readUInt16BE(at + 1) & 0x1fff });
    at += 5 + (section.readUInt16BE(at + 3) & 0xfff);
  }
  if (at !== end) return undefined;
  return { version: (section.readUInt8(5) >> 1) & 31, pcrPid: section.readUInt16BE(8) & 0x1fff, streams };
}
