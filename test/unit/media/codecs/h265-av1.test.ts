import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { av1Track, findSequenceHeader, readAv1Config } from '../../../../src/media/codecs/av1.ts';
import { h265Track, parseH265SpsSize, readHevcConfig } from '../../../../src/media/codecs/h265.ts';
import type { VideoTrack } from '../../../../src/media/track.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** By x265 through ffmpeg, without its SEI; the wanted values are ffprobe's. */
const HEVC = [
  {
    name: '1080p Main (1088 lines coded)',
    bytes:
      '01016000000090000000000078f000fcfdf8f800000f03a00001001840010c01ffff016000000300900000030000030078959809a10001002a420101016000000300900000030000030078a003c08010e596566924caf0168080000003008000000f04a2000100074401c172b46240',
    want: { codec: 'h265', profile: 'Main', level: '4', width: 1920, height: 1080 },
  },
  {
    name: '642x358 Main10 (cropped both ways)',
    bytes:
      '0102200000009000000000003ff000fcfdfafa00000f03a00001001840010c01ffff02200000030090000003000003003f959809a10001002b42010102200000030090000003000003003fa005120169c94d96566924caf0168080000003008000000f04a2000100074401c172b46240',
    want: { codec: 'h265', profile: 'Main10', level: '2.1', width: 642, height: 358 },
  },
];

for (const { name, bytes, want } of HEVC) {
  test(`hvcC of x265: ${name}`, () => {
    const record = hex(bytes);
    assert.deepEqual(h265Track(record), want);
    const config = readHevcConfig(record);
    assert.deepEqual(
      [config.nalLengthSize, config.vps.length, config.sps.length, config.pps.length],
      [4, 1, 1, 1],
    );
    for (let size = 0; size < record.length; size++) h265Track(record.subarray(0, size));
  });
}

test('hvcC: an average frame rate counts', () => {
  const record = hex(HEVC[0]?.bytes ?? '');
  record.writeUInt16BE(30 * 256, 19);
  assert.equal(h265Track(record).frameRate, 30);
});

const BAD_HEVC = [
  { name: 'short', bytes: '01' },
  { name: 'version 2', bytes: `02${'00'.repeat(22)}` },
  { name: 'NAL lengths of 3 bytes', bytes: `01${'00'.repeat(20)}0200` },
  { name: '65 arrays', bytes: `01${'00'.repeat(20)}0341` },
  { name: 'ends in an array', bytes: `01${'00'.repeat(20)}0301 a1 ffff` },
  { name: 'ends in a unit', bytes: `01${'00'.repeat(20)}0301 a1 0001 0010 42` },
];

for (const { name, bytes } of BAD_HEVC) {
  test(`hvcC refused: ${name}`, () => {
    assert.throws(() => readHevcConfig(hex(bytes)), { code: 'CODEC_INVALID' });
    assert.deepEqual(h265Track(hex(bytes)), { codec: 'h265' });
  });
}

test('an H.265 SPS with sub-layers: their profiles and levels are stepped over', () => {
  const ue = (value: number): string => {
    const code = (value + 1).toString(2);
    return '0'.repeat(code.length - 1) + code;
  };
  // Two sub-layers below the highest: one with profile and level, one with a level alone.
  const text = [
    '0100001000000001', // NAL header, type 33
    '0000' + '010' + '1',
    '0'.repeat(96), // General profile, tier, level.
    '11' + '01' + '00'.repeat(6),
    '1'.repeat(96) + '1'.repeat(8),
    ue(0) + ue(1) + ue(2560) + ue(1440) + '0' + '1',
  ].join('');
  const bytes = Buffer.from(
    text
      .padEnd(Math.ceil(text.length / 8) * 8, '0')
      .match(/.{8}/g)
      ?.map((byte) => parseInt(byte, 2)) ?? [],
  );
  // The zeros of the head would be escaped by an encoder.
  const escaped: number[] = [];
  for (const byte of bytes) {
    if (byte <= 3 && escaped.at(-1) === 0 && escaped.at(-2) === 0) escaped.push(3);
    escaped.push(byte);
  }
  assert.deepEqual(parseH265SpsSize(Buffer.from(escaped)), { width: 2560, height: 1440 });
});

/** By SVT-AV1, rav1e and libaom through ffmpeg; the wanted values are ffprobe's. */
const AV1: readonly { name: string; bytes: string; want: VideoTrack }[] = [
  {
    name: 'SVT-AV1 1080p',
    bytes: '81080c00 0a0b00000042abbfc3700be001',
    want: { codec: 'av1', profile: 'Main', level: '4.0', width: 1920, height: 1080 },
  },
  {
    name: 'rav1e 426x240 without a level',
    bytes: '811f0c00 0a0e000000fa1f53de210ac8101010a0',
    want: { codec: 'av1', profile: 'Main', width: 426, height: 240 },
  },
  {
    name: 'libaom 640x358',
    bytes: '81010c00 0a0b0000000cc4ff6536be4010',
    want: { codec: 'av1', profile: 'Main', level: '2.1', width: 640, height: 358 },
  },
  { name: 'no OBU', bytes: '81290c00', want: { codec: 'av1', profile: 'High', level: '4.1' } },
  { name: 'no marker', bytes: '01080c00', want: { codec: 'av1' } },
  {
    name: 'OBU longer than the record',
    bytes: '81080c00 0a7f00',
    want: { codec: 'av1', profile: 'Main', level: '4.0' },
  },
  {
    name: 'endless OBU size',
    bytes: '81080c00 0affffffffffffff',
    want: { codec: 'av1', profile: 'Main', level: '4.0' },
  },
];

for (const { name, bytes, want } of AV1) {
  test(`av1C: ${name}`, () => {
    assert.deepEqual(av1Track(hex(bytes)), want);
    for (let size = 0; size < hex(bytes).length; size++) av1Track(hex(bytes).subarray(0, size));
  });
}

test('av1C: a temporal delimiter and an extension header before the sequence header are stepped over', () => {
  const config = readAv1Config(hex('81080c00 1200 2e0002aabb 0a0b00000042abbfc3700be001'));
  assert.equal(findSequenceHeader(config.obus)?.toString('hex'), '00000042abbfc3700be001');
});

test('av1C: timing with equal intervals gives the frame rate', () => {
  const bits = [
    '000' + '0' + '0' + '1', // profile, still, reduced, timing info
    (1001).toString(2).padStart(32, '0') + (60_000).toString(2).padStart(32, '0'),
    '1' + '010', // equal intervals, uvlc 1: two ticks a picture
    '1' + '00111' + '0'.repeat(32) + '00000' + '00000', // decoder model: delays of 8 bits
    '1' + '00000', // display delays, one operating point
    '0'.repeat(12) + '01000' + '1' + '1' + '0'.repeat(17) + '1' + '0101',
    '1010' + '1001',
    (1279).toString(2).padStart(11, '0') + (719).toString(2).padStart(10, '0'),
  ].join('');
  const payload = Buffer.from(
    bits
      .padEnd(Math.ceil(bits.length / 8) * 8, '0')
      .match(/.{8}/g)
      ?.map((byte) => parseInt(byte, 2)) ?? [],
  );
  const record = Buffer.concat([hex('81080c00'), Buffer.from([0x0a, payload.length]), payload]);
  const track = av1Track(record);
  assert.deepEqual([track.width, track.height, track.frameRate], [1280, 720, 60_000 / 1001 / 2]);
});
