import type { Buffer } from 'node:buffer';
import { ServerError } from '../base/errors.ts';
import { readAacConfig } from './codecs/aac.ts';
import { readAvcConfig } from './codecs/h264.ts';
import { readMp3Header } from './codecs/mp3.ts';
import type { AudioCodec, VideoCodec } from './frame.ts';

/**
 * What a playlist calls MP3. HLS names the object type of ISO/IEC 14496-3 (`mp4a.40.34`), MP4 and DASH the object type
 * indication of its `esds` box (`mp4a.6B`, or `mp4a.69` for the low rates of MPEG-2).
 */
type Mp3Name = 'hls' | 'mp4';

/**
 * The `codecs` value of a video track by its config record (avcC, hvcC, av1C); undefined for a codec that has none. Throws
 * CODEC_INVALID. Spec: RFC 6381, 3.3; ISO/IEC 14496-15, annex E; AV1 in ISOBMFF, section 5.
 */
export function videoCodecString(codec: VideoCodec, record: Buffer): string | undefined {
  if (codec === 'h265') return hevcString(record);
  if (codec === 'av1') return av1String(record);
  if (codec !== 'h264') return undefined;
  const { profileIdc, compatibility, levelIdc } = readAvcConfig(record);
  return `avc1.${hex(profileIdc)}${hex(compatibility)}${hex(levelIdc)}`;
}

/**
 * The `codecs` value of an audio track: of AAC by its AudioSpecificConfig, of MP3 by the first bytes of a frame; undefined
 * for a codec that has none. Throws CODEC_INVALID. Spec: RFC 6381, 3.3.
 */
export function audioCodecString(
  codec: AudioCodec,
  record: Buffer,
  mp3: Mp3Name = 'hls',
): string | undefined {
  if (codec === 'opus') return 'opus';
  if (codec === 'mp3') {
    if (mp3 === 'hls') return 'mp4a.40.34';
    return readMp3Header(record).sampleRate < 32_000 ? 'mp4a.69' : 'mp4a.6B';
  }
  if (codec !== 'aac') return undefined;
  const config = readAacConfig(record);
  return `mp4a.40.${config.ps ? 29 : config.sbr ? 5 : config.objectType}`;
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}

// hvc1.{space}{profile}.{compatibility, bits reversed}.{tier}{level}.{constraint bytes without the zero ones at the end}
function hevcString(record: Buffer): string {
  if (record.length < 23) throw new ServerError('CODEC_INVALID', 'hvcC record of less than 23 bytes');
  const byte = record.readUInt8(1);
  const space = ['', 'A', 'B', 'C'][byte >> 6] ?? '';
  let reversed = 0;
  const compatibility = record.readUInt32BE(2);
  for (let bit = 0; bit < 32; bit++) if (((compatibility >>> bit) & 1) === 1) reversed += 2 ** (31 - bit);
  const tier = (byte & 0x20) === 0 ? 'L' : 'H';
  const constraints: string[] = [];
  for (let i = 6; i < 12; i++) constraints.push(record.readUInt8(i).toString(16).toUpperCase());
  while (constraints.at(-1) === '0') constraints.pop();
  return [
    'hvc1',
    `${space}${byte & 0x1f}`,
    reversed.toString(16).toUpperCase(),
    `${tier}${record.readUInt8(12)}`,
    ...constraints,
  ].join('.');
}

function av1String(record: Buffer): string {
  if (record.length < 4) throw new ServerError('CODEC_INVALID', 'av1C record of less than 4 bytes');
  const first = record.readUInt8(1);
  const second = record.readUInt8(2);
  const depth = (second & 0x40) === 0 ? 8 : (second & 0x20) === 0 ? 10 : 12;
  const level = String(first & 0x1f).padStart(2, '0');
  const tier = (second & 0x80) === 0 ? 'M' : 'H';
  return `av01.${first >> 5}.${level}${tier}.${String(depth).padStart(2, '0')}`;
}
