import type { Buffer } from 'node:buffer';
import { BitReader } from '../../base/bit-reader.ts';
import { ServerError } from '../../base/errors.ts';
import { MAX_PARAMETER_SET_BYTES, withoutEmulationPrevention } from './nal.ts';

/** Largest width or height that is believed, pixels: beyond level 6.2 of H.264. */
const MAX_PICTURE_SIDE = 16_384;

/** Profiles whose SPS carries chroma format, bit depths and scaling lists. Spec: H.264, 7.3.2.1.1. */
const HIGH_PROFILES: ReadonlySet<number> = new Set([
  100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135,
]);

/** What the server needs of a sequence parameter set. */
export interface H264Sps {
  readonly profileIdc: number;
  readonly constraints: number;
  readonly levelIdc: number;
  /** Pixels after cropping. */
  readonly width: number;
  readonly height: number;
  /** Frames per second by the VUI timing, where present. */
  readonly frameRate: number | undefined;
}

/** Parses an SPS NAL unit (with its header byte). Throws CODEC_INVALID. Spec: H.264, 7.3.2.1.1 and E.1.1. */
export function parseH264Sps(unit: Buffer): H264Sps {
  if (unit.length > MAX_PARAMETER_SET_BYTES) throw invalid(`SPS of ${unit.length} bytes`);
  const r = new BitReader(withoutEmulationPrevention(unit));
  const type = r.bits(8) & 0x1f;
  if (type !== 7) throw invalid(`NAL unit of type ${type} is no SPS`);
  const profileIdc = r.bits(8);
  const constraints = r.bits(8);
  const levelIdc = r.bits(8);
  r.ue(); // seq_parameter_set_id
  let chromaFormat = 1;
  let separatePlanes = false;
  if (HIGH_PROFILES.has(profileIdc)) {
    chromaFormat = r.ue();
    if (chromaFormat > 3) throw invalid(`chroma format ${chromaFormat}`);
    if (chromaFormat === 3) separatePlanes = r.flag();
    r.ue(); // bit_depth_luma_minus8
    r.ue(); // bit_depth_chroma_minus8
    r.skip(1); // qpprime_y_zero_transform_bypass_flag
    if (r.flag()) skipScalingLists(r, chromaFormat === 3 ? 12 : 8);
  }
  r.ue(); // log2_max_frame_num_minus4
  skipPictureOrder(r);
  r.ue(); // max_num_ref_frames
  r.skip(1); // gaps_in_frame_num_value_allowed_flag
  const widthInMbs = r.ue() + 1;
  const heightInMapUnits = r.ue() + 1;
  const frameMbsOnly = r.flag();
  if (!frameMbsOnly) r.skip(1); // mb_adaptive_frame_field_flag
  r.skip(1); // direct_8x8_inference_flag
  let width = widthInMbs * 16;
  let height = heightInMapUnits * (frameMbsOnly ? 16 : 32);
  if (r.flag()) {
    // Crop units, 7.4.2.1.1 (7-19 to 7-22).
    const planar = chromaFormat === 0 || separatePlanes;
    const unitX = planar || chromaFormat === 3 ? 1 : 2;
    const unitY = (planar || chromaFormat !== 1 ? 1 : 2) * (frameMbsOnly ? 1 : 2);
    width -= (r.ue() + r.ue()) * unitX;
    height -= (r.ue() + r.ue()) * unitY;
  }
  if (width < 1 || height < 1 || width > MAX_PICTURE_SIDE || height > MAX_PICTURE_SIDE) {
    throw invalid(`picture of ${width}x${height}`);
  }
  return { profileIdc, constraints, levelIdc, width, height, frameRate: readFrameRate(r) };
}

function skipScalingLists(r: BitReader, count: number): void {
  for (let i = 0; i < count; i++) {
    if (!r.flag()) continue;
    // 7.3.2.1.1.1: deltas until the next scale becomes 0.
    let last = 8;
    let next = 8;
    for (let j = 0; j < (i < 6 ? 16 : 64); j++) {
      if (next !== 0) next = (last + r.se() + 256) & 0xff;
      if (next !== 0) last = next;
    }
  }
}

function skipPictureOrder(r: BitReader): void {
  const type = r.ue();
  if (type === 0) {
    r.ue(); // log2_max_pic_order_cnt_lsb_minus4
  } else if (type === 1) {
    r.skip(1); // delta_pic_order_always_zero_flag
    r.se();
    r.se();
    const cycle = r.ue();
    if (cycle > 255) throw invalid(`picture order cycle of ${cycle}`);
    for (let i = 0; i < cycle; i++) r.se();
  }
}

// The size is known by now: a VUI that ends early only costs the frame rate.
function readFrameRate(r: BitReader): number | undefined {
  try {
    if (!r.flag()) return undefined;
    if (r.flag() && r.bits(8) === 255) r.skip(32); // Aspect ratio.
    if (r.flag()) r.skip(1); // Overscan.
    if (r.flag()) {
      r.skip(4); // Video format and range.
      if (r.flag()) r.skip(24); // Colour description.
    }
    if (r.flag()) {
      r.ue(); // Chroma location.
      r.ue();
    }
    if (!r.flag()) return undefined;
    const unitsInTick = r.bits(32);
    const timeScale = r.bits(32);
    // E.2.1: a tick is a field, two ticks are a frame.
    return unitsInTick === 0 || timeScale === 0 ? undefined : timeScale / (2 * unitsInTick);
  } catch (error) {
    if (error instanceof ServerError) return undefined;
    throw error;
  }
}

function invalid(message: string): ServerError {
  return new ServerError('CODEC_INVALID', message);
}
