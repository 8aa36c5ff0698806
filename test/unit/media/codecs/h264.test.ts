import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import {
  h264LevelText,
  h264ProfileName,
  h264Track,
  hasIdr,
  readAvcConfig,
  writeAvcConfig,
} from '../../../../src/media/codecs/h264.ts';
import { parseH264Sps } from '../../../../src/media/codecs/h264-sps.ts';
import { NalWalk, withoutEmulationPrevention } from '../../../../src/media/codecs/nal.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** Records by x264 through ffmpeg; the wanted values are what ffprobe says of the same streams. */
const RECORDS = [
  {
    name: 'base_320x240',
    bytes: '0142c00dffe100186742c00dd90141fb011000000300100000030320f142a48001000568cb83cb20',
    want: ['Baseline(Constrained)', '1.3', 320, 240, 25],
  },
  {
    name: 'cbase_176x144',
    bytes: '0142d00bffe100166742d00bd902c4ec0440000003004000000c83c4899201000568cb83cb20',
    want: ['Baseline(Constrained)', '1b', 176, 144, 25],
  },
  {
    name: 'gray_100x50',
    bytes: '0164000affe100196764000af3651c9e363f016c800000030080000019078912cb01000668ebe3cb22c0fcf8f800',
    want: ['High', '1', 100, 50, 25],
  },
  {
    name: 'high10_854x480',
    bytes: '016e001effe1001b676e001ea6cd940d83de6f011000000300100000030320f162d96001000668ebe3cb22c0fdfafa00',
    want: ['High(10)', '3', 854, 480, 25],
  },
  {
    name: 'high422_1280x720',
    bytes: '017a001fffe1001a677a001fbcd9405005bb011000000300100000030320f183196001000668ebe3cb22c0fef8f800',
    want: ['High(422)', '3.1', 1280, 720, 25],
  },
  {
    name: 'high422i',
    bytes: '017a101fffe10016677a101fb6cb80a00b7602200000030020000006408001000568ee0f2c8bfefafa00',
    want: ['High(422+Intra)', '3.1', 1280, 720, 25],
  },
  {
    name: 'high444_426x240',
    bytes: '01f40015ffe1001a67f40015919b28363fcfe022000003000200000300641e2c5b2c01000668ebe3c44844fff8f800',
    want: ['High(444+Predictive)', '2.1', 426, 240, 25],
  },
  {
    name: 'high_1080i',
    bytes: '01640028ffe1001a67640028acd94078044fde0220000003002000000643e2c5b2c001000668fba3cb22c0fdf8f800',
    want: ['High', '4', 1920, 1080, 25],
  },
  {
    name: 'high_1080p',
    bytes: '01640028ffe1001b67640028acd940780227e5c044000003000400000301e03c60c65801000668ebe3cb22c0fdf8f800',
    want: ['High', '4', 1920, 1080, 60],
  },
  {
    name: 'high_4k',
    bytes: '01640033ffe1001a67640033acd9403c0043ec0440000003004000000c83c60c658001000668ebe3cb22c0fdf8f800',
    want: ['High', '5.1', 3840, 2160, 25],
  },
  {
    name: 'main_640x360',
    bytes: '014d401effe10017674d401eeca05017fcb808800001f480007530078b16cb01000568ebe3cb20',
    want: ['Main', '3', 640, 360, 30_000 / 1001],
  },
  {
    name: 'scaling',
    bytes: '0164001effe100196764001eacd940a03db011000003000100000300320f162d9601000768ebe3cb3002c0fdf8f800',
    want: ['High', '3', 640, 480, 25],
  },
] as const;

for (const { name, bytes, want } of RECORDS) {
  test(`avcC of x264: ${name}`, () => {
    const record = hex(bytes);
    const track = h264Track(record);
    assert.deepEqual([track.profile, track.level, track.width, track.height, track.frameRate], want);
    const config = readAvcConfig(record);
    assert.equal(config.nalLengthSize, 4);
    assert.equal(config.sps.length, 1);
    assert.equal(config.pps.length, 1);
    assert.equal(writeAvcConfig(config).toString('hex'), bytes);
  });
}

test('every beginning of a record yields a track or less of it, never an exception', () => {
  for (const { bytes, want } of RECORDS) {
    const record = hex(bytes);
    for (let size = 0; size < record.length; size++) {
      const track = h264Track(record.subarray(0, size));
      assert.ok(track.width === undefined || track.width === want[2]);
    }
  }
});

const BAD_RECORDS = [
  { name: 'empty', bytes: '' },
  { name: 'version 0', bytes: '00 42c00d ff e0 00' },
  { name: 'NAL lengths of 3 bytes', bytes: '01 42c00d fe e0 00' },
  { name: 'ends inside the SPS', bytes: '01 42c00d ff e1 0010 6742' },
  { name: 'ends before the second SPS', bytes: '01 42c00d ff e2 0001 67' },
  { name: 'SPS over the limit', bytes: '01 42c00d ff e1 1001 67' },
  { name: 'ends inside the PPS', bytes: '01 42c00d ff e1 0001 67 01 0004 68' },
];

for (const { name, bytes } of BAD_RECORDS) {
  test(`avcC refused: ${name}`, () => {
    assert.throws(() => readAvcConfig(hex(bytes)), { code: 'CODEC_INVALID' });
    assert.deepEqual(h264Track(hex(bytes)), { codec: 'h264' });
  });
}

test('a record without a count of PPS is taken', () => {
  const config = readAvcConfig(hex('01 42c00d ff e1 0001 67'));
  assert.deepEqual([config.sps.length, config.pps.length, config.extension.length], [1, 0, 0]);
});

test('an odd SPS costs size and rate, not profile and level', () => {
  assert.deepEqual(h264Track(hex('01 64001f ff e1 0002 67ff 00')), {
    codec: 'h264',
    profile: 'High',
    level: '3.1',
  });
});

const NAMES: readonly (readonly [number, number, string])[] = [
  [66, 0, 'Baseline'],
  [66, 0x40, 'Baseline(Constrained)'],
  [77, 0x40, 'Main'],
  [88, 0, 'Extended'],
  [100, 0, 'High'],
  [110, 0, 'High(10)'],
  [110, 0x10, 'High(10+Intra)'],
  [122, 0, 'High(422)'],
  [122, 0x10, 'High(422+Intra)'],
  [144, 0, 'High(444)'],
  [244, 0, 'High(444+Predictive)'],
  [244, 0x10, 'High(444+Intra)'],
  [44, 0, 'Other'],
];

test('profiles are spelled as in the HTTP API', () => {
  for (const [profile, flags, want] of NAMES) assert.equal(h264ProfileName(profile, flags), want);
});

test('levels are text; 1b has two forms', () => {
  const level = (profile: number, flags: number, idc: number): string => h264LevelText(profile, flags, idc);
  assert.deepEqual(
    [level(100, 0, 40), level(100, 0, 31), level(66, 0x10, 11), level(100, 0x10, 11), level(100, 0, 9)],
    ['4', '3.1', '1b', '1.1', '1b'],
  );
});

/** Bits as text, for parameter sets that no encoder at hand writes. */
class Bits {
  #text = '';
  u(value: number, count: number): this {
    this.#text += value.toString(2).padStart(count, '0');
    return this;
  }
  ue(value: number): this {
    const code = (value + 1).toString(2);
    this.#text += '0'.repeat(code.length - 1) + code;
    return this;
  }
  se(value: number): this {
    return this.ue(value > 0 ? 2 * value - 1 : -2 * value);
  }
  bytes(): Buffer {
    const text = `${this.#text}1`.padEnd(Math.ceil((this.#text.length + 1) / 8) * 8, '0');
    return Buffer.from(text.match(/.{8}/g)?.map((byte) => parseInt(byte, 2)) ?? []);
  }
}

const sizeOf = (sps: Buffer): readonly unknown[] => {
  const { width, height, frameRate } = parseH264Sps(sps);
  return [width, height, frameRate];
};

test('SPS with scaling lists, separate planes and picture order type 1', () => {
  const bits = new Bits().u(0x67, 8).u(244, 8).u(0, 8).u(40, 8).ue(0);
  bits.ue(3).u(1, 1).ue(0).ue(0).u(0, 1);
  bits.u(1, 1); // Scaling matrix: the first list runs full, the second ends at once, a large one ends in its middle.
  bits.u(1, 1);
  for (let i = 0; i < 16; i++) bits.se(i % 2 === 0 ? 3 : -3);
  bits.u(1, 1).se(-8);
  bits.u(0, 4);
  bits.u(1, 1).se(5).se(-13);
  bits.u(0, 5);
  bits.ue(0).ue(1).u(0, 1).se(-2).se(2).ue(3).se(1).se(-1).se(7);
  bits.ue(4).u(0, 1).ue(39).ue(22).u(0, 1).u(1, 1).u(1, 1);
  bits.u(1, 1).ue(1).ue(2).ue(3).ue(4); // Crop: units of 1x2 for separate planes with fields.
  bits.u(0, 1);
  assert.deepEqual(sizeOf(bits.bytes()), [640 - 3, 736 - 14, undefined]);
});

test('SPS with all of the VUI before its timing', () => {
  const bits = new Bits().u(0x67, 8).u(77, 8).u(0, 8).u(30, 8).ue(0).ue(0).ue(2).ue(1).u(0, 1);
  bits.ue(39).ue(22).u(1, 1).u(1, 1).u(1, 1).ue(0).ue(0).ue(0).ue(4);
  bits.u(1, 1).u(1, 1).u(255, 8).u(40, 16).u(33, 16).u(1, 1).u(0, 1);
  bits.u(1, 1).u(5, 3).u(0, 1).u(1, 1).u(0x010101, 24).u(1, 1).ue(0).ue(0);
  bits.u(1, 1).u(1001, 32).u(120_000, 32).u(1, 1);
  // 00 00 03 must be put in where the bits need it, as an encoder does.
  const escaped: number[] = [];
  for (const byte of bits.bytes()) {
    if (byte <= 3 && escaped.at(-1) === 0 && escaped.at(-2) === 0) escaped.push(3);
    escaped.push(byte);
  }
  assert.deepEqual(sizeOf(Buffer.from(escaped)), [640, 360, 120_000 / 2002]);
});

const BAD_SPS = [
  { name: 'another NAL type', sps: new Bits().u(0x68, 8).u(77, 8).u(0, 8).u(30, 8).ue(0).bytes() },
  { name: 'endless Exp-Golomb', sps: Buffer.concat([hex('674d001e'), Buffer.alloc(64)]) },
  { name: 'chroma format 4', sps: new Bits().u(0x67, 8).u(100, 8).u(0, 16).ue(0).ue(4).ue(0).bytes() },
  { name: 'over the size limit', sps: Buffer.alloc(5000, 0x67) },
  {
    name: 'picture of 65,536',
    sps: new Bits()
      .u(0x67, 8)
      .u(77, 8)
      .u(0, 16)
      .ue(0)
      .ue(0)
      .ue(2)
      .ue(1)
      .u(0, 1)
      .ue(4095)
      .ue(22)
      .u(7, 3)
      .u(0, 2)
      .bytes(),
  },
  {
    name: 'cropped to nothing',
    sps: new Bits()
      .u(0x67, 8)
      .u(77, 8)
      .u(0, 16)
      .ue(0)
      .ue(0)
      .ue(2)
      .ue(1)
      .u(0, 1)
      .ue(0)
      .ue(0)
      .u(7, 3)
      .ue(4)
      .ue(4)
      .ue(0)
      .ue(0)
      .u(0, 1)
      .bytes(),
  },
  {
    name: 'picture order cycle of 256',
    sps: new Bits().u(0x67, 8).u(77, 8).u(0, 16).ue(0).ue(0).ue(1).u(0, 1).se(0).se(0).ue(256).bytes(),
  },
];

for (const { name, sps } of BAD_SPS) {
  test(`SPS refused: ${name}`, () => {
    assert.throws(() => parseH264Sps(sps), { code: 'CODEC_INVALID' });
  });
}

const ESCAPES = [
  { bytes: '000003', want: '0000' },
  { bytes: '00000301', want: '000001' },
  { bytes: '0000030000030000', want: '000000000000' },
  { bytes: '00000303', want: '000003' },
  { bytes: '000103', want: '000103' },
  { bytes: '', want: '' },
];

test('emulation prevention is removed', () => {
  for (const { bytes, want } of ESCAPES)
    assert.equal(withoutEmulationPrevention(hex(bytes)).toString('hex'), want);
});

const UNITS = [
  {
    name: 'two units',
    bytes: '00000002 0910 00000001 65',
    size: 4,
    want: ['0910', '65'],
    truncated: false,
    idr: true,
  },
  {
    name: 'lengths of 2 bytes',
    bytes: '0001 41 0002 0101',
    size: 2,
    want: ['41', '0101'],
    truncated: false,
    idr: false,
  },
  { name: 'lengths of 1 byte', bytes: '01 45', size: 1, want: ['45'], truncated: false, idr: true },
  {
    name: 'an empty unit between',
    bytes: '01 41 00 01 42',
    size: 1,
    want: ['41', '42'],
    truncated: false,
    idr: false,
  },
  {
    name: 'a unit cut',
    bytes: '00000001 41 00000005 65',
    size: 4,
    want: ['41'],
    truncated: true,
    idr: false,
  },
  { name: 'a length cut', bytes: '00000001 65 0000', size: 4, want: ['65'], truncated: true, idr: true },
  { name: 'a length of 2^32-1', bytes: 'ffffffff 65', size: 4, want: [], truncated: true, idr: false },
  { name: 'nothing', bytes: '', size: 4, want: [], truncated: false, idr: false },
];

for (const { name, bytes, size, want, truncated, idr } of UNITS) {
  test(`NAL units are walked: ${name}`, () => {
    const body = Buffer.concat([hex('1701000000'), hex(bytes)]);
    const walk = new NalWalk(body, size, 5);
    const units: string[] = [];
    while (walk.next()) units.push(body.toString('hex', walk.start, walk.end));
    assert.deepEqual([units, walk.truncated, hasIdr(body, size, 5)], [want, truncated, idr]);
  });
}
