import { Frame } from '../../src/media/frame.ts';
import { Mp4Recovery, type Closing, type Recovered } from '../../src/containers/mp4/index.ts';

const SPS = Buffer.from('6764000cacd941419f9f011000000300100000030320f1429960', 'hex');
const PPS = Buffer.from('68ef8fcb', 'hex');

/** An avcC record; `variant` makes another PPS, `lengthSize` is the size of the NAL lengths in bytes. */
export function avcConfig(lengthSize = 4, variant = 0xcb): Frame {
  const pps = Buffer.from([...PPS.subarray(0, -1), variant]);
  const head = Buffer.from([1, 0x64, 0, 0x0c, 0xfc | (lengthSize - 1), 0xe1, 0, SPS.length]);
  const tail = Buffer.from([1, 0, pps.length]);
  const extension = Buffer.from([0xfd, 0xf8, 0xf8, 0]);
  return config('video', 'h264', Buffer.concat([head, SPS, tail, pps, extension]));
}

/** AAC LC, stereo, at an index of the rate table: 3 = 48 kHz, 4 = 44.1 kHz. */
export function aacConfig(rateIndex = 4): Frame {
  const word = (2 << 11) | (rateIndex << 7) | (2 << 3);
  return config('audio', 'aac', Buffer.from([word >> 8, word & 0xff]));
}

/** Bytes in front of each payload, as in an FLV body: whoever forgets the offset is found out. */
const BEFORE = 3;

function config(kind: 'audio' | 'video', codec: 'h264' | 'aac', record: Buffer): Frame {
  return new Frame(kind, codec, 0, 0, false, true, Buffer.concat([Buffer.alloc(BEFORE), record]), BEFORE);
}

/** A picture of one NAL unit of `size` bytes behind a length of `lengthSize` bytes. Times in ms. */
export function picture(dts: number, cts: number, isKey: boolean, size = 20, lengthSize = 4): Frame {
  const body = Buffer.alloc(BEFORE + lengthSize + size, size & 0xff);
  body.writeUIntBE(size, BEFORE, lengthSize);
  body[BEFORE + lengthSize] = isKey ? 0x65 : 0x41;
  return new Frame('video', 'h264', dts, cts, isKey, false, body, BEFORE);
}

/** A raw AAC frame. */
export function sound(dts: number, size = 9): Frame {
  return new Frame('audio', 'aac', dts, 0, false, false, Buffer.alloc(BEFORE + size, dts & 0xff), BEFORE);
}

/** What the file layer does with a closing, on a file in memory. */
export function applied(file: Buffer, { truncateTo, append, patches }: Closing): Buffer {
  const out = Buffer.concat([file.subarray(0, truncateTo), append]);
  for (const { at, bytes } of patches) bytes.copy(out, at);
  return out;
}

/** Looks through a file in memory; `onRead` is told how much is read. */
export function recover(file: Buffer, onRead: (bytes: number) => void = () => undefined): Recovered {
  const recovery = new Mp4Recovery(file.length);
  for (let want = recovery.wants; want !== undefined; want = recovery.wants) {
    onRead(want.bytes);
    recovery.take(file.subarray(want.at, want.at + want.bytes));
  }
  return recovery.result();
}
