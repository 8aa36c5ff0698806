import type { Buffer } from 'node:buffer';
import { BitReader } from '../../base/bit-reader.ts';
import { ServerError } from '../../base/errors.ts';
import type { VideoTrack } from '../track.ts';

/** OBU type of a sequence header. Spec: AV1, 6.2.2. */
const OBU_SEQUENCE_HEADER = 1;

/** The fixed part of an AV1CodecConfigurationRecord and the OBUs behind it. Spec: AV1 in ISOBMFF, 2.3.3. */
export interface Av1Config {
  readonly profile: number;
  readonly levelIndex: number;
  readonly obus: Buffer;
}

/** What the server needs of a sequence header. */
export interface Av1SequenceHeader {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number | undefined;
}

/** Reads an av1C record; throws CODEC_INVALID when it is not one. */
export function readAv1Config(bytes: Buffer): Av1Config {
  if (bytes.length < 4) throw invalid('av1C record of less than 4 bytes');
  if (bytes[0] !== 0x81) throw invalid('av1C without its marker and version 1');
  const byte = bytes.readUInt8(1);
  return { profile: byte >> 5, levelIndex: byte & 0x1f, obus: bytes.subarray(4) };
}

/** The payload of the first sequence header in a run of OBUs with sizes. Spec: AV1, 5.3. */
export function findSequenceHeader(obus: Buffer): Buffer | undefined {
  for (let at = 0; at < obus.length;) {
    const header = obus.readUInt8(at);
    at += (header & 0x04) === 0 ? 1 : 2;
    let size = obus.length - at;
    if ((header & 0x02) !== 0) {
      // leb128, 4.10.5: at most 8 bytes, and no size here needs more than 5.
      size = 0;
      for (let i = 0; ; i++) {
        if (i === 5 || at >= obus.length) throw invalid('OBU with a bad size');
        const byte = obus.readUInt8(at);
        at += 1;
        size += (byte & 0x7f) * 2 ** (7 * i);
        if ((byte & 0x80) === 0) break;
      }
    }
    if (size < 0 || size > obus.length - at) throw invalid('OBU longer than its record');
    if (((header >> 3) & 0x0f) === OBU_SEQUENCE_HEADER) return obus.subarray(at, at + size);
    at += size;
  }
  return undefined;
}

/** Parses the payload of a sequence header OBU up to the size. Throws CODEC_INVALID. Spec: AV1, 5.5.1. */
export function parseAv1SequenceHeader(payload: Buffer): Av1SequenceHeader {
  const r = new BitReader(payload);
  r.skip(3 + 1); // seq_profile, still_picture
  let frameRate: number | undefined;
  if (r.flag()) {
    r.skip(5); // reduced_still_picture_header: only seq_level_idx[0]
  } else {
    let delayBits = 0;
    if (r.flag()) {
      const unitsInTick = r.bits(32);
      const timeScale = r.bits(32);
      // 6.4.3: the rate is fixed only with equal_picture_interval.
      if (r.flag()) {
        const ticksPerPicture = r.ue() + 1; // uvlc() is Exp-Golomb.
        if (unitsInTick > 0 && timeScale > 0) frameRate = timeScale / unitsInTick / ticksPerPicture;
      }
      if (r.flag()) {
        delayBits = r.bits(5) + 1;
        r.skip(32 + 5 + 5);
      }
    }
    skipOperatingPoints(r, delayBits);
  }
  const widthBits = r.bits(4) + 1;
  const heightBits = r.bits(4) + 1;
  return { width: r.bits(widthBits) + 1, height: r.bits(heightBits) + 1, frameRate };
}

function skipOperatingPoints(r: BitReader, delayBits: number): void {
  const displayDelays = r.flag();
  const count = r.bits(5) + 1;
  for (let i = 0; i < count; i++) {
    r.skip(12); // operating_point_idc
    if (r.bits(5) > 7) r.skip(1); // seq_tier
    if (delayBits > 0 && r.flag()) r.skip(2 * delayBits + 1);
    if (displayDelays && r.flag()) r.skip(4);
  }
}

const PROFILES = ['Main', 'High', 'Professional'];

/** What an av1C record tells of the track. Never throws: what cannot be read stays undefined. */
export function av1Track(record: Buffer): VideoTrack {
  let track: VideoTrack = { codec: 'av1' };
  try {
    const config = readAv1Config(record);
    track = { ...track, profile: PROFILES[config.profile] ?? 'Other' };
    // Annex A.3: level index 0 is 2.0, 4 is 3.0; 31 = no limit.
    if (config.levelIndex < 24) {
      track = { ...track, level: `${2 + (config.levelIndex >> 2)}.${config.levelIndex & 3}` };
    }
    const header = findSequenceHeader(config.obus);
    if (header === undefined) return track;
    const { width, height, frameRate } = parseAv1SequenceHeader(header);
    return { ...track, width, height, ...(frameRate === undefined ? {} : { frameRate }) };
  } catch (error) {
    if (error instanceof ServerError) return track;
    throw error;
  }
}

function invalid(message: string): ServerError {
  return new ServerError('CODEC_INVALID', message);
}
