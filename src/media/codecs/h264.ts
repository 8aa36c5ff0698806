import { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import type { VideoTrack } from '../track.ts';
import { parseH264Sps } from './h264-sps.ts';
import { MAX_PARAMETER_SET_BYTES, NalWalk } from './nal.ts';

/** NAL unit types that matter here. Spec: H.264, table 7-1. */
export const H264_NAL = { SLICE: 1, IDR: 5, SEI: 6, SPS: 7, PPS: 8, AUD: 9 } as const;

/** AVCDecoderConfigurationRecord. Spec: ISO/IEC 14496-15, 5.3.3.1. */
export interface AvcConfig {
  readonly profileIdc: number;
  /** The constraint flags, as in the SPS's second byte. */
  readonly compatibility: number;
  readonly levelIdc: number;
  /** Size of the length prefix of each NAL unit, bytes: 1, 2 or 4. */
  readonly nalLengthSize: number;
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
  /** What follows the parameter sets (chroma format and bit depths in High profiles), as it came. */
  readonly extension: Buffer;
}

/** Reads an avcC record; throws CODEC_INVALID when it is not one. Its buffers are views. */
export function readAvcConfig(bytes: Buffer): AvcConfig {
  if (bytes.length < 6) throw invalid('avcC record of less than 6 bytes');
  if (bytes[0] !== 1) throw invalid(`avcC version ${bytes.readUInt8(0)}`);
  const nalLengthSize = (bytes.readUInt8(4) & 3) + 1;
  if (nalLengthSize === 3) throw invalid('avcC with NAL lengths of 3 bytes');
  const sps: Buffer[] = [];
  const pps: Buffer[] = [];
  let at = readSets(bytes, 6, bytes.readUInt8(5) & 0x1f, sps);
  // Some encoders send a record without any PPS count when the PPS travel in band.
  if (at < bytes.length) at = readSets(bytes, at + 1, bytes.readUInt8(at), pps);
  return {
    profileIdc: bytes.readUInt8(1),
    compatibility: bytes.readUInt8(2),
    levelIdc: bytes.readUInt8(3),
    nalLengthSize,
    sps,
    pps,
    extension: bytes.subarray(at),
  };
}

function readSets(bytes: Buffer, from: number, count: number, into: Buffer[]): number {
  let at = from;
  for (let i = 0; i < count; i++) {
    if (at + 2 > bytes.length) throw invalid('avcC ends inside its parameter sets');
    const size = bytes.readUInt16BE(at);
    at += 2;
    if (size > MAX_PARAMETER_SET_BYTES) throw invalid(`parameter set of ${size} bytes`);
    if (at + size > bytes.length) throw invalid('avcC ends inside a parameter set');
    into.push(bytes.subarray(at, at + size));
    at += size;
  }
  return at;
}

/** The bytes of an avcC record. */
export function writeAvcConfig(config: AvcConfig): Buffer {
  if (config.sps.length > 31 || config.pps.length > 255) throw invalid('too many parameter sets');
  const sets = [...config.sps, ...config.pps];
  const size = sets.reduce((sum, set) => sum + 2 + set.length, 7 + config.extension.length);
  const out = Buffer.allocUnsafe(size);
  out[0] = 1;
  out[1] = config.profileIdc;
  out[2] = config.compatibility;
  out[3] = config.levelIdc;
  out[4] = 0xfc | (config.nalLengthSize - 1);
  out[5] = 0xe0 | config.sps.length;
  let at = writeSets(out, 6, config.sps);
  out[at] = config.pps.length;
  at = writeSets(out, at + 1, config.pps);
  config.extension.copy(out, at);
  return out;
}

function writeSets(out: Buffer, from: number, sets: readonly Buffer[]): number {
  let at = from;
  for (const set of sets) {
    at = out.writeUInt16BE(set.length, at);
    at += set.copy(out, at);
  }
  return at;
}

/** True when the access unit (length-prefixed NAL units from `from` on) holds an IDR slice. */
export function hasIdr(bytes: Buffer, nalLengthSize: number, from = 0): boolean {
  const walk = new NalWalk(bytes, nalLengthSize, from);
  while (walk.next()) {
    if ((bytes.readUInt8(walk.start) & 0x1f) === H264_NAL.IDR) return true;
  }
  return false;
}

/** What an avcC record tells of the track. Never throws: what cannot be read stays undefined. */
export function h264Track(record: Buffer): VideoTrack {
  let config: AvcConfig;
  try {
    config = readAvcConfig(record);
  } catch (error) {
    if (error instanceof ServerError) return { codec: 'h264' };
    throw error;
  }
  const track: VideoTrack = {
    codec: 'h264',
    profile: h264ProfileName(config.profileIdc, config.compatibility),
    level: h264LevelText(config.profileIdc, config.compatibility, config.levelIdc),
  };
  const sps = config.sps[0];
  if (sps === undefined) return track;
  try {
    const { width, height, frameRate } = parseH264Sps(sps);
    return { ...track, width, height, ...(frameRate === undefined ? {} : { frameRate }) };
  } catch (error) {
    // As with `parse_sps off`: an odd SPS costs the size, not the stream.
    if (error instanceof ServerError) return track;
    throw error;
  }
}

const CONSTRAINT_SET1 = 0x40;
const CONSTRAINT_SET3 = 0x10;

/** The profile as SRS's API spells it. Spec of the flags: H.264, A.2. */
export function h264ProfileName(profileIdc: number, compatibility: number): string {
  const intra = (compatibility & CONSTRAINT_SET3) !== 0;
  switch (profileIdc) {
    case 66:
      return (compatibility & CONSTRAINT_SET1) !== 0 ? 'Baseline(Constrained)' : 'Baseline';
    case 77:
      return 'Main';
    case 88:
      return 'Extended';
    case 100:
      return 'High';
    case 110:
      return intra ? 'High(10+Intra)' : 'High(10)';
    case 122:
      return intra ? 'High(422+Intra)' : 'High(422)';
    case 144:
      return 'High(444)';
    case 244:
      return intra ? 'High(444+Intra)' : 'High(444+Predictive)';
    default:
      return 'Other';
  }
}

/** The level as text: `3.1`, `4`, `1b`. Spec: H.264, A.3.1 and A.3.2. */
export function h264LevelText(profileIdc: number, compatibility: number, levelIdc: number): string {
  const before100 = profileIdc === 66 || profileIdc === 77 || profileIdc === 88;
  if (levelIdc === 9 || (levelIdc === 11 && before100 && (compatibility & CONSTRAINT_SET3) !== 0))
    return '1b';
  return String(levelIdc / 10);
}

function invalid(message: string): ServerError {
  return new ServerError('CODEC_INVALID', message);
}
