import { amf0, deltaMessage, fullMessage } from './rtmp-bytes.ts';
import { STAMP_BYTES, writeStampNal } from './stamp.ts';

/** Length of the endless loop, ms: one group of pictures. */
export const LOOP_MS = 2000;
/** Pictures and AAC frames of one loop: 25 and 43 a second. */
export const LOOP_PICTURES = 50;
export const LOOP_SOUNDS = 86;

const KEY_PICTURE_BYTES = 12_000;
const PICTURE_BYTES = 624;
const SOUND_BYTES = 180;
const CSID_AUDIO = 4;
const CSID_VIDEO = 6;
const CSID_DATA = 5;
/** Type 1 chunk head, FLV video tag head and NAL length before the stamp. */
const STAMP_AT = 8 + 5 + 4;

// H.264 main profile, 640x360, 25 fps; AAC-LC 44.1 kHz stereo. Real records: servers read them.
const AVC_CONFIG =
  '1700000000014d401effe10019674d401ed900a02ff97011000003000100000300320f162e4801000568ebc3cb20';
const AAC_CONFIG = 'af001210';

/** One message of the loop, as RTMP bytes that are the same in every turn of the loop except for the stamp. */
export interface SourceMessage {
  readonly atMs: number;
  readonly bytes: Buffer;
  /** Where the stamp NAL begins in `bytes`; -1 for sound. */
  readonly stampAt: number;
}

/** The stream that every publisher of the bench sends. */
export interface Source {
  /** Metadata and config records, with time 0. */
  readonly preamble: Buffer;
  readonly loop: readonly SourceMessage[];
  /** Bytes of one loop without RTMP's chunk heads: what a player must get each two seconds. */
  readonly loopMediaBytes: number;
}

/** mulberry32: the same stream in every run. */
function noise(target: Buffer, from: number, seed: number): void {
  let state = seed;
  for (let i = from; i < target.length; i++) {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    // No zero bytes: nothing that looks like a start code.
    target[i] = ((t ^ (t >>> 14)) & 0xff) | 0x01;
  }
}

function picture(index: number, bytes: number): Buffer {
  const key = index === 0;
  const body = Buffer.alloc(Math.max(bytes, STAMP_AT + STAMP_BYTES + 16));
  body[0] = key ? 0x17 : 0x27;
  body[1] = 1;
  body.writeUInt32BE(STAMP_BYTES, 5);
  writeStampNal(body, 9);
  const slice = 9 + STAMP_BYTES;
  body.writeUInt32BE(body.length - slice - 4, slice);
  body[slice + 4] = key ? 0x65 : 0x41;
  noise(body, slice + 5, 1000 + index);
  return body;
}

function sound(index: number): Buffer {
  const body = Buffer.alloc(SOUND_BYTES);
  body[0] = 0xaf;
  body[1] = 1;
  noise(body, 2, 5000 + index);
  return body;
}

/** Makes the stream in memory. `scale` multiplies the size of its pictures; 1 = 237 kbps in all. */
export function createSource(scale = 1): Source {
  const loop: SourceMessage[] = [];
  let loopMediaBytes = 0;
  for (let i = 0; i < LOOP_PICTURES; i++) {
    const body = picture(i, Math.round((i === 0 ? KEY_PICTURE_BYTES : PICTURE_BYTES) * scale));
    loopMediaBytes += body.length;
    const step = LOOP_MS / LOOP_PICTURES;
    loop.push({ atMs: i * step, bytes: deltaMessage(CSID_VIDEO, 9, step, body), stampAt: STAMP_AT });
  }
  let before = soundAt(LOOP_SOUNDS - 1) - LOOP_MS;
  for (let i = 0; i < LOOP_SOUNDS; i++) {
    const body = sound(i);
    loopMediaBytes += body.length;
    const atMs = soundAt(i);
    loop.push({ atMs, bytes: deltaMessage(CSID_AUDIO, 8, atMs - before, body), stampAt: -1 });
    before = atMs;
  }
  loop.sort((a, b) => a.atMs - b.atMs);
  const metadata = amf0('@setDataFrame', 'onMetaData', {
    duration: 0,
    width: 640,
    height: 360,
    videodatarate: 170,
    framerate: 25,
    videocodecid: 7,
    audiodatarate: 62,
    audiosamplerate: 44100,
    audiosamplesize: 16,
    stereo: true,
    audiocodecid: 10,
    encoder: 'srs-bench',
  });
  return {
    preamble: Buffer.concat([
      fullMessage(CSID_DATA, 18, 1, 0, metadata),
      fullMessage(CSID_VIDEO, 9, 1, 0, Buffer.from(AVC_CONFIG, 'hex')),
      fullMessage(CSID_AUDIO, 8, 1, 0, Buffer.from(AAC_CONFIG, 'hex')),
    ]),
    loop,
    loopMediaBytes,
  };
}

function soundAt(index: number): number {
  return Math.floor((index * LOOP_MS) / LOOP_SOUNDS);
}
