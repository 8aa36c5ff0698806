import { Buffer } from 'node:buffer';
import { BitReader } from '../../base/bit-reader.ts';
import { ServerError } from '../../base/errors.ts';
import type { AudioTrack } from '../track.ts';

/** Audio object types. Spec: ISO/IEC 14496-3, table 1.17. */
export const AAC_OBJECT = { MAIN: 1, LC: 2, SSR: 3, LTP: 4, SBR: 5, PS: 29 } as const;

/** Samples of one raw AAC frame; 960 when the record says so, and twice as many come out with SBR. */
export const AAC_FRAME_SAMPLES = 1024;

/** Hz by sampling frequency index. Spec: ISO/IEC 14496-3, table 1.18. */
export const AAC_SAMPLE_RATES: readonly number[] = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];
const RATE_ESCAPE = 15;

/** Channels by channel configuration; 0 means a program config element follows. Spec: ISO/IEC 14496-3, table 1.19. */
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8];

/** AudioSpecificConfig. Spec: ISO/IEC 14496-3, 1.6.2.1. */
export interface AacConfig {
  /** Object type of the core: 2 = LC even when SBR and PS are on top of it. */
  readonly objectType: number;
  /** Hz of the core. */
  readonly sampleRate: number;
  /** Channels of the core. */
  readonly channels: number;
  /** Spectral band replication (HE) is signalled. */
  readonly sbr: boolean;
  /** Parametric stereo (HEv2) is signalled: one coded channel comes out as two. */
  readonly ps: boolean;
  /** Hz that a decoder gives out. */
  readonly outputRate: number;
  /** Samples of one frame of the core: 1024 or 960. */
  readonly frameSamples: number;
}

/** Reads an AudioSpecificConfig; throws CODEC_INVALID. */
export function readAacConfig(bytes: Buffer): AacConfig {
  const r = new BitReader(bytes);
  let objectType = readObjectType(r);
  const sampleRate = readRate(r);
  const channelConfig = r.bits(4);
  let sbr = objectType === AAC_OBJECT.SBR || objectType === AAC_OBJECT.PS;
  let ps = objectType === AAC_OBJECT.PS;
  let outputRate = sampleRate;
  if (sbr) {
    outputRate = readRate(r);
    objectType = readObjectType(r);
  }
  let channels = CHANNELS[channelConfig] ?? 0;
  let frameSamples = AAC_FRAME_SAMPLES;
  if (objectType >= AAC_OBJECT.MAIN && objectType <= AAC_OBJECT.LTP) {
    // GASpecificConfig, 4.4.1. Some senders cut the record here; the two bytes before say what matters.
    if (r.left >= 3) {
      if (r.flag()) frameSamples = 960;
      if (r.flag()) r.skip(14); // coreCoderDelay
      const extended = r.flag();
      if (channelConfig === 0) channels = readProgramChannels(r);
      // 1.6.6.2: SBR told behind the core's record, where old decoders do not look.
      if (!extended && !sbr && r.left >= 16 && r.bits(11) === 0x2b7) {
        if (readObjectType(r) === AAC_OBJECT.SBR && r.left >= 5 && r.flag()) {
          sbr = true;
          outputRate = readRate(r);
          if (r.left >= 12 && r.bits(11) === 0x548) ps = r.flag();
        }
      }
    }
  }
  return { objectType, sampleRate, channels, sbr, ps, outputRate, frameSamples };
}

function readObjectType(r: BitReader): number {
  const type = r.bits(5);
  return type === 31 ? 32 + r.bits(6) : type;
}

function readRate(r: BitReader): number {
  const index = r.bits(4);
  const rate = index === RATE_ESCAPE ? r.bits(24) : AAC_SAMPLE_RATES[index];
  if (rate === undefined || rate === 0) throw invalid(`sampling frequency index ${index}`);
  return rate;
}

// program_config_element, ISO/IEC 14496-3, 4.4.1.1: only the count of channels is wanted.
function readProgramChannels(r: BitReader): number {
  r.skip(4 + 2 + 4);
  const elements = r.bits(4) + r.bits(4) + r.bits(4);
  const lfe = r.bits(2);
  r.skip(3 + 4);
  if (r.flag()) r.skip(4); // Mono mixdown.
  if (r.flag()) r.skip(4); // Stereo mixdown.
  if (r.flag()) r.skip(3); // Matrix mixdown.
  let channels = lfe;
  for (let i = 0; i < elements; i++) {
    channels += r.flag() ? 2 : 1;
    r.skip(4);
  }
  // What follows (tags of lfe, data and coupling elements, a comment) only matters to what would be read behind it.
  r.skip(r.left);
  return channels;
}

/** What `writeAacConfig` needs; `outputRate` counts only with `sbr`. */
export type AacConfigFields = Pick<
  AacConfig,
  'objectType' | 'sampleRate' | 'channels' | 'sbr' | 'ps' | 'outputRate'
>;

/** The bytes of an AudioSpecificConfig; HE and HEv2 are told explicitly, object type 5 or 29 first (1.6.5.2). */
export function writeAacConfig(config: AacConfigFields): Buffer {
  const channelConfig = CHANNELS.indexOf(config.channels);
  if (config.channels === 0 || channelConfig < 0) throw invalid(`${config.channels} channels`);
  if (config.objectType < AAC_OBJECT.MAIN || config.objectType > AAC_OBJECT.LTP) {
    throw invalid(`object type ${config.objectType}`);
  }
  const bits: number[] = [];
  const put = (value: number, count: number): void => {
    for (let i = count - 1; i >= 0; i--) bits.push(Math.floor(value / 2 ** i) % 2);
  };
  const putRate = (rate: number): void => {
    const index = AAC_SAMPLE_RATES.indexOf(rate);
    put(index < 0 ? RATE_ESCAPE : index, 4);
    if (index < 0) put(rate, 24);
  };
  put(config.ps ? AAC_OBJECT.PS : config.sbr ? AAC_OBJECT.SBR : config.objectType, 5);
  putRate(config.sampleRate);
  put(channelConfig, 4);
  if (config.sbr || config.ps) {
    putRate(config.outputRate);
    put(config.objectType, 5);
  }
  put(0, 3); // 1024 samples, no core coder, no extension.
  const out = Buffer.alloc(Math.ceil(bits.length / 8));
  bits.forEach((bit, i) => (out[i >> 3] = (out[i >> 3] ?? 0) | (bit << (7 - (i & 7)))));
  return out;
}

/** What an AudioSpecificConfig tells of the track. Never throws: what cannot be read stays undefined. */
export function aacTrack(record: Buffer): AudioTrack {
  try {
    const config = readAacConfig(record);
    const channels = config.ps && config.channels === 1 ? 2 : config.channels;
    return {
      codec: 'aac',
      profile: aacProfileName(config),
      sampleRate: config.outputRate,
      ...(channels === 0 ? {} : { channels }),
    };
  } catch (error) {
    if (error instanceof ServerError) return { codec: 'aac' };
    throw error;
  }
}

/** The profile as SRS's API spells it. */
function aacProfileName(config: AacConfig): string {
  if (config.ps) return 'HEv2';
  if (config.sbr) return 'HE';
  switch (config.objectType) {
    case AAC_OBJECT.MAIN:
      return 'Main';
    case AAC_OBJECT.LC:
      return 'LC';
    case AAC_OBJECT.SSR:
      return 'SSR';
    default:
      return 'Other';
  }
}

function invalid(message: string): ServerError {
  return new ServerError('CODEC_INVALID', message);
}
