import type { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import { AAC_OBJECT, AAC_SAMPLE_RATES, type AacConfig } from '../../media/codecs/aac.ts';
import { FrameWalk } from './frame-walk.ts';

/** Bytes of the header that is written: without CRC. Spec: ISO/IEC 14496-3, 1.A.2.2. */
export const ADTS_HEADER_BYTES = 7;

/** Longest frame that the 13 bits of `aac_frame_length` can tell, header included, bytes. */
export const MAX_ADTS_FRAME_BYTES = 8191;

/** What an ADTS header says. */
export interface AdtsHeader {
  /** Of the core: 1 = Main, 2 = LC, 3 = SSR, 4 = LTP. Headers cannot tell HE; decoders find SBR in the data. */
  readonly objectType: number;
  /** Hz of the core. */
  readonly sampleRate: number;
  /** channel_configuration: 1 to 6 = so many channels, 7 = eight, 0 = told in the data. */
  readonly channelConfig: number;
  /** Bytes of the header: 7, or 9 with a CRC. */
  readonly headerBytes: number;
  /** Bytes of the frame, header included. */
  readonly frameBytes: number;
  /** Samples of the frame for each channel, of the core. */
  readonly samples: number;
}

/** The header at `at`, or undefined when none is there. Needs 7 bytes. Spec: ISO/IEC 14496-3, 1.A.3.2. */
export function readAdtsHeader(bytes: Buffer, at = 0): AdtsHeader | undefined {
  const frameBytes = adtsFrameBytes(bytes, at);
  if (frameBytes === 0) return undefined;
  const second = bytes[at + 2] ?? 0;
  const third = bytes[at + 3] ?? 0;
  const sampleRate = AAC_SAMPLE_RATES[(second >> 2) & 15];
  if (sampleRate === undefined) return undefined;
  return {
    objectType: (second >> 6) + 1,
    sampleRate,
    channelConfig: ((second & 1) << 2) | (third >> 6),
    headerBytes: headerBytesOf(bytes, at),
    frameBytes,
    samples: 1024 * (((bytes[at + 6] ?? 0) & 3) + 1),
  };
}

function headerBytesOf(bytes: Buffer, at: number): number {
  return ((bytes[at + 1] ?? 0) & 1) === 1 ? ADTS_HEADER_BYTES : ADTS_HEADER_BYTES + 2;
}

/** Sync word of 12 bits, layer 0, a rate of the table and a length that holds the header itself. */
function adtsFrameBytes(bytes: Buffer, at: number): number {
  if (bytes[at] !== 0xff || ((bytes[at + 1] ?? 0) & 0xf6) !== 0xf0) return 0;
  if ((((bytes[at + 2] ?? 0) >> 2) & 15) >= AAC_SAMPLE_RATES.length) return 0;
  const length =
    (((bytes[at + 3] ?? 0) & 3) << 11) | ((bytes[at + 4] ?? 0) << 3) | ((bytes[at + 5] ?? 0) >> 5);
  return length < headerBytesOf(bytes, at) ? 0 : length;
}

/** Cuts a run of ADTS frames, however it comes. */
export function adtsWalk(): FrameWalk {
  return new FrameWalk(ADTS_HEADER_BYTES, adtsFrameBytes);
}

/**
 * Writes the headers of one track. HE and HEv2 are told as their core: ADTS has no field for SBR, and decoders that know it
 * find it in the data (ISO/IEC 14496-3, 1.6.6).
 */
export class AdtsWriter {
  readonly #second: number;
  readonly #third: number;

  /** Throws CODEC_INVALID for what the header cannot tell: rates outside the table, object types above 4, 7 channels. */
  constructor(config: AacConfig) {
    const { objectType, sampleRate, channels } = config;
    const rateIndex = AAC_SAMPLE_RATES.indexOf(sampleRate);
    const channelConfig = channels === 8 ? 7 : channels;
    if (objectType < AAC_OBJECT.MAIN || objectType > AAC_OBJECT.LTP) {
      throw new ServerError('CODEC_INVALID', `ADTS cannot carry AAC of object type ${objectType}`);
    }
    if (rateIndex < 0) throw new ServerError('CODEC_INVALID', `ADTS cannot carry AAC of ${sampleRate} Hz`);
    if (channelConfig > 7 || channels === 7) {
      throw new ServerError('CODEC_INVALID', `ADTS cannot carry AAC of ${channels} channels`);
    }
    this.#second = ((objectType - 1) << 6) | (rateIndex << 2) | (channelConfig >> 2);
    this.#third = (channelConfig & 3) << 6;
  }

  /** Writes the 7 bytes before a raw frame of `payloadBytes` (at most MAX_ADTS_FRAME_BYTES - 7); returns where it goes on. */
  write(buf: Buffer, at: number, payloadBytes: number): number {
    const length = ADTS_HEADER_BYTES + payloadBytes;
    buf[at] = 0xff;
    buf[at + 1] = 0xf1; // MPEG-4, layer 0, no CRC.
    buf[at + 2] = this.#second;
    buf[at + 3] = this.#third | (length >> 11);
    buf[at + 4] = length >> 3;
    buf[at + 5] = ((length & 7) << 5) | 0x1f; // Buffer fullness 0x7ff: variable rate.
    buf[at + 6] = 0xfc;
    return at + ADTS_HEADER_BYTES;
  }
}
