import type { Buffer } from 'node:buffer';
import { BitReader } from '../../base/bit-reader.ts';
import { ServerError } from '../../base/errors.ts';
import type { VideoTrack } from '../track.ts';
import { MAX_PARAMETER_SET_BYTES, withoutEmulationPrevention } from './nal.ts';

/** NAL unit types that matter here. Spec: H.265, table 7-1. */
export const H265_NAL = { VPS: 32, SPS: 33, PPS: 34 } as const;

const MAX_PICTURE_SIDE = 16_384;
/** Arrays in one record: a type each, of which there are 64. */
const MAX_ARRAYS = 64;

/** The parts of an HEVCDecoderConfigurationRecord that the server uses. Spec: ISO/IEC 14496-15, 8.3.3.1. */
export interface HevcConfig {
  readonly profileIdc: number;
  readonly levelIdc: number;
  /** Frames per second, undefined when the record does not say. */
  readonly frameRate: number | undefined;
  /** Size of the length prefix of each NAL unit, bytes. */
  readonly nalLengthSize: number;
  readonly vps: readonly Buffer[];
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
}

/** Reads an hvcC record; throws CODEC_INVALID when it is not one. Its buffers are views. */
export function readHevcConfig(bytes: Buffer): HevcConfig {
  if (bytes.length < 23) throw invalid('hvcC record of less than 23 bytes');
  // Version 0 is what drafts of the standard, and encoders made to them, wrote.
  if (bytes.readUInt8(0) > 1) throw invalid(`hvcC version ${bytes.readUInt8(0)}`);
  const nalLengthSize = (bytes.readUInt8(21) & 3) + 1;
  if (nalLengthSize === 3) throw invalid('hvcC with NAL lengths of 3 bytes');
  const vps: Buffer[] = [];
  const sps: Buffer[] = [];
  const pps: Buffer[] = [];
  const arrays = bytes.readUInt8(22);
  if (arrays > MAX_ARRAYS) throw invalid(`hvcC with ${arrays} arrays`);
  let at = 23;
  for (let i = 0; i < arrays; i++) {
    if (at + 3 > bytes.length) throw invalid('hvcC ends inside its arrays');
    const type = bytes.readUInt8(at) & 0x3f;
    const into =
      type === H265_NAL.VPS ? vps : type === H265_NAL.SPS ? sps : type === H265_NAL.PPS ? pps : undefined;
    const count = bytes.readUInt16BE(at + 1);
    at += 3;
    for (let j = 0; j < count; j++) {
      if (at + 2 > bytes.length) throw invalid('hvcC ends inside an array');
      const size = bytes.readUInt16BE(at);
      at += 2;
      if (at + size > bytes.length) throw invalid('hvcC ends inside a parameter set');
      into?.push(bytes.subarray(at, at + size));
      at += size;
    }
  }
  const averageRate = bytes.readUInt16BE(19);
  return {
    profileIdc: bytes.readUInt8(1) & 0x1f,
    levelIdc: bytes.readUInt8(12),
    frameRate: averageRate === 0 ? undefined : averageRate / 256,
    nalLengthSize,
    vps,
    sps,
    pps,
  };
}

/** The picture's size in pixels after the conformance window, out of an SPS NAL unit. Spec: H.265, 7.3.2.2.1. */
export function parseH265SpsSize(unit: Buffer): { readonly width: number; readonly height: number } {
  if (unit.length > MAX_PARAMETER_SET_BYTES) throw invalid(`SPS of ${unit.length} bytes`);
  const r = new BitReader(withoutEmulationPrevention(unit));
  const type = (r.bits(16) >> 9) & 0x3f;
  if (type !== H265_NAL.SPS) throw invalid(`NAL unit of type ${type} is no SPS`);
  r.skip(4); // sps_video_parameter_set_id
  const subLayers = r.bits(3); // sps_max_sub_layers_minus1
  r.skip(1); // sps_temporal_id_nesting_flag
  skipProfileTierLevel(r, subLayers);
  r.ue(); // sps_seq_parameter_set_id
  const chromaFormat = r.ue();
  if (chromaFormat > 3) throw invalid(`chroma format ${chromaFormat}`);
  const separatePlanes = chromaFormat === 3 && r.flag();
  let width = r.ue();
  let height = r.ue();
  if (r.flag()) {
    const unitX = !separatePlanes && (chromaFormat === 1 || chromaFormat === 2) ? 2 : 1;
    const unitY = !separatePlanes && chromaFormat === 1 ? 2 : 1;
    width -= (r.ue() + r.ue()) * unitX;
    height -= (r.ue() + r.ue()) * unitY;
  }
  if (width < 1 || height < 1 || width > MAX_PICTURE_SIDE || height > MAX_PICTURE_SIDE) {
    throw invalid(`picture of ${width}x${height}`);
  }
  return { width, height };
}

// 7.3.3: 88 bits of profile and 8 of level for the whole, then for each sub-layer those that are flagged.
function skipProfileTierLevel(r: BitReader, subLayers: number): void {
  r.skip(88 + 8);
  let bits = 0;
  for (let i = 0; i < subLayers; i++) {
    if (r.flag()) bits += 88;
    if (r.flag()) bits += 8;
  }
  if (subLayers > 0) r.skip(2 * (8 - subLayers));
  r.skip(bits);
}

/** What an hvcC record tells of the track. Never throws: what cannot be read stays undefined. */
export function h265Track(record: Buffer): VideoTrack {
  let config: HevcConfig;
  try {
    config = readHevcConfig(record);
  } catch (error) {
    if (error instanceof ServerError) return { codec: 'h265' };
    throw error;
  }
  const track: VideoTrack = {
    codec: 'h265',
    profile: h265ProfileName(config.profileIdc),
    // A.4.1: general_level_idc is 30 times the level.
    level: String(Math.round(config.levelIdc / 3) / 10),
    ...(config.frameRate === undefined ? {} : { frameRate: config.frameRate }),
  };
  const sps = config.sps[0];
  if (sps === undefined) return track;
  try {
    return { ...track, ...parseH265SpsSize(sps) };
  } catch (error) {
    if (error instanceof ServerError) return track;
    throw error;
  }
}

/** Names of the profiles of H.265, A.3. */
function h265ProfileName(profileIdc: number): string {
  switch (profileIdc) {
    case 1:
      return 'Main';
    case 2:
      return 'Main10';
    case 3:
      return 'Main Still Picture';
    case 4:
      return 'Rext';
    default:
      return 'Other';
  }
}

function invalid(message: string): ServerError {
  return new ServerError('CODEC_INVALID', message);
}
