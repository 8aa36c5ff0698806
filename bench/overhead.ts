import { frameFromFlv, sizeOfTag, TAG_TYPE } from '../src/containers/flv/index.ts';
import { FragmentWriter } from '../src/containers/mp4/index.ts';
import { TsMuxer, type TsSink } from '../src/containers/mpegts/index.ts';
import type { Frame } from '../src/media/frame.ts';

/** What a container adds to a stream, beside FLV with the same frames. */
export interface Overhead {
  /** Of the stream as FLV, rounded. */
  readonly kbps: number;
  readonly flvBytes: number;
  readonly tsBytes: number;
  readonly fmp4Bytes: number;
}

/** The streams: bit rate as FLV, bit rate of the sound in it, the most that MPEG-TS may add. */
export const OVERHEAD_LIMITS = [
  { kbps: 275, audioKbps: 48, percent: 14 },
  { kbps: 565, audioKbps: 64, percent: 7 },
  { kbps: 860, audioKbps: 96, percent: 5 },
  { kbps: 2700, audioKbps: 128, percent: 3.1 },
  { kbps: 5200, audioKbps: 128, percent: 2.6 },
] as const;

const SECONDS = 120;
const FRAME_MS = 40;
const GOP_PICTURES = 50;
const SEGMENT_MS = 10_000;
const SAMPLE_RATE = 44_100;
const AAC_SAMPLES = 1024;

// H.264 main profile, 640x360; AAC-LC 44.1 kHz stereo.
const AVC_CONFIG =
  '1700000000014d401effe10019674d401ed900a02ff97011000003000100000300320f162e4801000568ebc3cb20';
const AAC_CONFIG = 'af001210';

/** Relative sizes of pictures as x264 makes them: a keyframe, then P with two B between each. */
const KEY_WEIGHT = 9;
const P_WEIGHT = 1.7;
const B_WEIGHT = 0.6;
const CTS_OF_P_MS = 3 * FRAME_MS;

/** FLV tag head, previous tag size, video tag head and one NAL length; the same of AAC. */
const FLV_PICTURE_BYTES = 11 + 4 + 5 + 4;
const FLV_SOUND_BYTES = 11 + 4 + 2;

/** mulberry32: the same stream in every run. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The frames of a stream: 25 pictures a second with B pictures, a keyframe every 2 s, AAC at 44.1 kHz; config records first. */
export function overheadStream(kbps: number, audioKbps: number): Frame[] {
  const random = randomOf(kbps);
  const vary = (share: number): number => 1 + (random() * 2 - 1) * share;
  const soundsPerSecond = SAMPLE_RATE / AAC_SAMPLES;
  const soundBytes = (audioKbps * 1000) / 8 / soundsPerSecond;
  const picturesPerSecond = 1000 / FRAME_MS;
  const forPictures = (kbps * 1000) / 8 - soundsPerSecond * (soundBytes + FLV_SOUND_BYTES);
  const pictureBytes = forPictures / picturesPerSecond - FLV_PICTURE_BYTES;
  const weights = Array.from({ length: GOP_PICTURES }, (_, i) =>
    i === 0 ? KEY_WEIGHT : i % 3 === 1 ? P_WEIGHT : B_WEIGHT,
  );
  const unit = (pictureBytes * GOP_PICTURES) / weights.reduce((sum, weight) => sum + weight, 0);
  const frames = [
    frameFromFlv(TAG_TYPE.VIDEO, 0, Buffer.from(AVC_CONFIG, 'hex')),
    frameFromFlv(TAG_TYPE.AUDIO, 0, Buffer.from(AAC_CONFIG, 'hex')),
  ];
  let sound = 0;
  for (let i = 0; i * FRAME_MS < SECONDS * 1000; i++) {
    const dts = i * FRAME_MS;
    for (; soundMs(sound) <= dts; sound++) {
      frames.push(soundOf(soundMs(sound), Math.round(soundBytes * vary(0.25))));
    }
    const place = i % GOP_PICTURES;
    const cts = place % 3 === 1 ? CTS_OF_P_MS : place === 0 ? FRAME_MS : 0;
    const bytes = Math.max(16, Math.round(unit * (weights[place] ?? 1) * vary(0.5)));
    frames.push(pictureOf(dts, cts, place === 0, bytes));
  }
  return frames;
}

/** What the containers make of a stream, as HLS writes them: a segment each 10 s, tables only where they are needed. */
export function overheadOf(kbps: number, frames: readonly Frame[]): Overhead {
  let flvBytes = 0;
  for (const frame of frames) flvBytes += sizeOfTag(frame.flvBody.length);
  return { kbps, flvBytes, tsBytes: tsBytesOf(frames), fmp4Bytes: fmp4BytesOf(frames) };
}

/** The rows of all streams of `OVERHEAD_LIMITS`. */
export function computeOverheads(): Overhead[] {
  return OVERHEAD_LIMITS.map(({ kbps, audioKbps }) => overheadOf(kbps, overheadStream(kbps, audioKbps)));
}

/** How much longer than FLV, %. */
export function percentOver(flvBytes: number, bytes: number): number {
  return (bytes / flvBytes - 1) * 100;
}

class CountingSink implements TsSink {
  #buffer = Buffer.alloc(1024 * 1024);

  reserve(size: number): { buffer: Buffer; offset: number } {
    if (size > this.#buffer.length) this.#buffer = Buffer.alloc(size);
    return { buffer: this.#buffer, offset: 0 };
  }
}

function tsBytesOf(frames: readonly Frame[]): number {
  const muxer = new TsMuxer({ tablesIntervalMs: Infinity });
  muxer.declare({ video: 'h264', audio: 'aac' });
  const sink = new CountingSink();
  let bytes = 0;
  let segmentAt = 0;
  for (const frame of frames) {
    if (frame.isKeyframe && frame.dts - segmentAt >= SEGMENT_MS) {
      bytes += muxer.flush(sink);
      muxer.startSegment();
      segmentAt = frame.dts;
    }
    bytes += muxer.write(frame, sink);
  }
  return bytes + muxer.flush(sink);
}

function fmp4BytesOf(frames: readonly Frame[]): number {
  const writer = new FragmentWriter();
  let bytes = 0;
  let segmentAt = 0;
  for (const frame of frames) {
    if (frame.isConfig) {
      writer.configure(frame);
      continue;
    }
    if (frame.isKeyframe && frame.dts - segmentAt >= SEGMENT_MS) {
      bytes += writer.cut({ nextVideoDts: frame.dts, styp: true })?.length ?? 0;
      segmentAt = frame.dts;
    }
    writer.push(frame);
  }
  return bytes + writer.init().length + (writer.cut({ styp: true })?.length ?? 0);
}

function soundMs(index: number): number {
  return Math.round((index * AAC_SAMPLES * 1000) / SAMPLE_RATE);
}

function soundOf(dts: number, bytes: number): Frame {
  const body = Buffer.alloc(2 + bytes, 0x55);
  body[0] = 0xaf;
  body[1] = 1;
  return frameFromFlv(TAG_TYPE.AUDIO, dts, body);
}

function pictureOf(dts: number, cts: number, key: boolean, bytes: number): Frame {
  const body = Buffer.alloc(9 + bytes, 0x55);
  body[0] = key ? 0x17 : 0x27;
  body[1] = 1;
  body.writeIntBE(cts, 2, 3);
  body.writeUInt32BE(bytes, 5);
  body[9] = key ? 0x65 : 0x41;
  return frameFromFlv(TAG_TYPE.VIDEO, dts, body);
}
