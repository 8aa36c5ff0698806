import type { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import type { AudioTrack } from '../track.ts';

/** The header of an MPEG audio frame. Spec: ISO/IEC 11172-3, 2.4.1.3; ISO/IEC 13818-3, 2.4.1.3 (low rates). */
export interface Mp3Header {
  readonly layer: 1 | 2 | 3;
  /** Hz. */
  readonly sampleRate: number;
  readonly channels: number;
  /** Samples per channel in the frame. */
  readonly samples: number;
}

const RATES_MPEG1 = [44_100, 48_000, 32_000];

/** Reads the four bytes of an MPEG audio frame header; throws CODEC_INVALID. */
export function readMp3Header(bytes: Buffer): Mp3Header {
  if (bytes.length < 4) throw invalid('MPEG audio frame of less than 4 bytes');
  const word = bytes.readUInt32BE(0);
  if (word >>> 21 !== 0x7ff) throw invalid('MPEG audio frame without its sync word');
  const version = (word >>> 19) & 3; // 3 = MPEG-1, 2 = MPEG-2, 0 = MPEG-2.5
  const layerCode = (word >>> 17) & 3;
  const rate = RATES_MPEG1[(word >>> 10) & 3];
  if (version === 1 || layerCode === 0 || rate === undefined || ((word >>> 12) & 15) === 15) {
    throw invalid('MPEG audio frame with reserved values');
  }
  const layer = layerCode === 3 ? 1 : layerCode === 2 ? 2 : 3;
  return {
    layer,
    sampleRate: version === 3 ? rate : version === 2 ? rate / 2 : rate / 4,
    channels: ((word >>> 6) & 3) === 3 ? 1 : 2,
    samples: layer === 1 ? 384 : layer === 3 && version !== 3 ? 576 : 1152,
  };
}

/** What an MP3 frame tells of the track. Never throws: what cannot be read stays undefined. */
export function mp3Track(frame: Buffer): AudioTrack {
  try {
    const { sampleRate, channels } = readMp3Header(frame);
    return { codec: 'mp3', sampleRate, channels };
  } catch (error) {
    if (error instanceof ServerError) return { codec: 'mp3' };
    throw error;
  }
}

function invalid(message: string): ServerError {
  return new ServerError('CODEC_INVALID', message);
}
