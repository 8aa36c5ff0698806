import type { Buffer } from 'node:buffer';
import { FrameWalk } from './frame-walk.ts';

const MP3_HEADER_BYTES = 4;

// kbit/s by bitrate index, in steps of 8 where they are even. Spec: ISO/IEC 11172-3, 2.4.2.3; ISO/IEC 13818-3, 2.4.2.3.
const V1_L1 = [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448];
const V1_L2 = [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
const V1_L3 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const V2_L1 = [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256];
const V2_L23 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const RATES = [44_100, 48_000, 32_000];

/**
 * Bytes of the MPEG audio frame (any layer) that begins at `at`, header included; 0 when none does. Frames of free format,
 * which no encoder of streams makes, tell no length and count as none. Spec: ISO/IEC 11172-3, 2.4.3.1.
 */
export function mp3FrameBytes(bytes: Buffer, at = 0): number {
  if (at + MP3_HEADER_BYTES > bytes.length) return 0;
  const word = bytes.readUInt32BE(at);
  const version = (word >>> 19) & 3; // 3 = MPEG-1, 2 = MPEG-2, 0 = MPEG-2.5
  const layer = 4 - ((word >>> 17) & 3);
  const rate = RATES[(word >>> 10) & 3];
  if (word >>> 21 !== 0x7ff || version === 1 || layer === 4 || rate === undefined) return 0;
  const table = version === 3 ? [V1_L1, V1_L2, V1_L3][layer - 1] : layer === 1 ? V2_L1 : V2_L23;
  const bitRate = (table?.[(word >>> 12) & 15] ?? 0) * 1000;
  if (bitRate === 0) return 0;
  const sampleRate = version === 3 ? rate : version === 2 ? rate / 2 : rate / 4;
  const padding = (word >>> 9) & 1;
  if (layer === 1) return (Math.floor((12 * bitRate) / sampleRate) + padding) * 4;
  const bytesPerBit = layer === 3 && version !== 3 ? 72 : 144;
  return Math.floor((bytesPerBit * bitRate) / sampleRate) + padding;
}

/** Cuts a run of MPEG audio frames, however it comes; tags (ID3) and other bytes between them are skipped. */
export function mp3Walk(): FrameWalk {
  return new FrameWalk(MP3_HEADER_BYTES, mp3FrameBytes);
}
