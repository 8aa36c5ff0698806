import { Buffer } from 'node:buffer';
import { frameFromFlv, TAG_TYPE } from '../../src/containers/flv/index.ts';
import { writeAacConfig } from '../../src/media/codecs/aac.ts';
import { writeAvcConfig } from '../../src/media/codecs/h264.ts';
import type { Frame } from '../../src/media/frame.ts';

/** Bytes without start codes, which do not end in zero: a NAL unit's or any other payload. */
export function filler(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) bytes[i] = 1 + ((i * 7 + seed * 13) % 250);
  return bytes;
}

/** A config frame of H.264; `level` makes records differ. */
export function avcConfig(dts: number, level = 31, nalLengthSize = 4): Frame {
  const record = writeAvcConfig({
    profileIdc: 77,
    compatibility: 0,
    levelIdc: level,
    nalLengthSize,
    sps: [Buffer.from([0x67, 77, 0, level, 0x95, 0xa0, 0x14, 0x01, 0x6e, 0x40])],
    pps: [Buffer.from([0x68, 0xee, 0x3c, 0x80])],
    extension: Buffer.alloc(0),
  });
  return frameFromFlv(TAG_TYPE.VIDEO, dts, Buffer.concat([Buffer.from([0x17, 0, 0, 0, 0]), record]));
}

/** A picture of one or more units, each of so many bytes. */
export function picture(
  dts: number,
  cts: number,
  key: boolean,
  sizes: readonly number[],
  nalLengthSize = 4,
): Frame {
  const head = Buffer.from([key ? 0x17 : 0x27, 1, 0, 0, 0]);
  head.writeUIntBE(cts & 0xffffff, 2, 3);
  const parts: Buffer[] = [head];
  sizes.forEach((size, index) => {
    const prefix = Buffer.alloc(nalLengthSize);
    prefix.writeUIntBE(size, 0, nalLengthSize);
    const unit = filler(size, index + size);
    if (size > 0) unit[0] = key ? 0x65 : 0x41;
    parts.push(prefix, unit);
  });
  return frameFromFlv(TAG_TYPE.VIDEO, dts, Buffer.concat(parts));
}

/** A config frame of AAC. */
export function aacConfig(dts: number, sampleRate = 44_100, channels = 2): Frame {
  const record = writeAacConfig({
    objectType: 2,
    sampleRate,
    channels,
    sbr: false,
    ps: false,
    outputRate: sampleRate,
  });
  return frameFromFlv(TAG_TYPE.AUDIO, dts, Buffer.concat([Buffer.from([0xaf, 0]), record]));
}

export function aacFrame(dts: number, size: number): Frame {
  return frameFromFlv(TAG_TYPE.AUDIO, dts, Buffer.concat([Buffer.from([0xaf, 1]), filler(size, size)]));
}

/** An MP3 frame of 44.1 kHz stereo at 128 kbit/s: 417 bytes. */
export function mp3Frame(dts: number): Frame {
  const frame = filler(417, dts % 1000);
  frame.set([0xff, 0xfb, 0x90, 0x00]);
  return frameFromFlv(TAG_TYPE.AUDIO, dts, Buffer.concat([Buffer.from([0x2f]), frame]));
}

/** Time of the n-th frame of so many samples, whole ms as FLV has it. */
export function audioTime(base: number, index: number, samples = 1024, rate = 44_100): number {
  return base + Math.round((index * samples * 1000) / rate);
}
