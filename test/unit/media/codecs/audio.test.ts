import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { aacTrack, readAacConfig, writeAacConfig, type AacConfig } from '../../../../src/media/codecs/aac.ts';
import { mp3Track, readMp3Header } from '../../../../src/media/codecs/mp3.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

interface Case {
  readonly name: string;
  readonly bytes: string;
  /** Core object type, core rate, channels, sbr, ps, output rate. */
  readonly want: readonly [number, number, number, boolean, boolean, number];
  /** Profile, rate and channels for the API. */
  readonly track: readonly [string, number, number | undefined];
  /** The writer gives these bytes back. */
  readonly writes?: true;
}

const CASES: readonly Case[] = [
  {
    name: 'LC 44.1 kHz stereo',
    bytes: '1210',
    want: [2, 44_100, 2, false, false, 44_100],
    track: ['LC', 44_100, 2],
    writes: true,
  },
  {
    name: 'LC 48 kHz stereo',
    bytes: '1190',
    want: [2, 48_000, 2, false, false, 48_000],
    track: ['LC', 48_000, 2],
    writes: true,
  },
  {
    name: 'LC 8 kHz mono',
    bytes: '1588',
    want: [2, 8_000, 1, false, false, 8_000],
    track: ['LC', 8_000, 1],
    writes: true,
  },
  {
    name: 'Main 96 kHz 5.1',
    bytes: '0830',
    want: [1, 96_000, 6, false, false, 96_000],
    track: ['Main', 96_000, 6],
    writes: true,
  },
  {
    name: 'LC 48 kHz 7.1',
    bytes: '11b8',
    want: [2, 48_000, 8, false, false, 48_000],
    track: ['LC', 48_000, 8],
    writes: true,
  },
  {
    name: 'SSR 32 kHz',
    bytes: '1a90',
    want: [3, 32_000, 2, false, false, 32_000],
    track: ['SSR', 32_000, 2],
    writes: true,
  },
  {
    name: 'rate escaped: 50 kHz',
    bytes: '17 80 61a8 10',
    want: [2, 50_000, 2, false, false, 50_000],
    track: ['LC', 50_000, 2],
    writes: true,
  },
  {
    name: 'HE 24 to 48 kHz, explicit',
    bytes: '2b 11 88 00',
    want: [2, 24_000, 2, true, false, 48_000],
    track: ['HE', 48_000, 2],
    writes: true,
  },
  {
    name: 'HEv2 24 to 48 kHz, explicit',
    bytes: 'eb 09 88 00',
    want: [2, 24_000, 1, true, true, 48_000],
    track: ['HEv2', 48_000, 2],
    writes: true,
  },
  {
    name: 'HE told behind the core',
    bytes: '13 10 56 e5 98',
    want: [2, 24_000, 2, true, false, 48_000],
    track: ['HE', 48_000, 2],
  },
  {
    name: 'HEv2 told behind the core',
    bytes: '13 08 56 e5 9d 48 80',
    want: [2, 24_000, 1, true, true, 48_000],
    track: ['HEv2', 48_000, 2],
  },
  {
    name: 'sync extension that says no SBR (ffmpeg)',
    bytes: '1190 56 e5 00',
    want: [2, 48_000, 2, false, false, 48_000],
    track: ['LC', 48_000, 2],
  },
  {
    name: 'program config: 3 front, 2 back, lfe',
    bytes: '11 80 04 c8 05 00 01 08 80',
    want: [2, 48_000, 6, false, false, 48_000],
    track: ['LC', 48_000, 6],
  },
  {
    name: 'object type escaped',
    bytes: 'f9 46 40',
    want: [42, 48_000, 2, false, false, 48_000],
    track: ['Other', 48_000, 2],
  },
];

for (const { name, bytes, want, track, writes } of CASES) {
  test(`AudioSpecificConfig: ${name}`, () => {
    const c: AacConfig = readAacConfig(hex(bytes));
    assert.deepEqual([c.objectType, c.sampleRate, c.channels, c.sbr, c.ps, c.outputRate], want);
    const info = aacTrack(hex(bytes));
    assert.deepEqual([info.profile, info.sampleRate, info.channels], track);
    if (writes) assert.equal(writeAacConfig(c).toString('hex'), bytes.replaceAll(' ', ''));
  });
}

test('an AudioSpecificConfig that ends early yields what it said, or nothing', () => {
  assert.deepEqual(aacTrack(hex('')), { codec: 'aac' });
  assert.deepEqual(aacTrack(hex('12')), { codec: 'aac' });
  for (const { bytes } of CASES) {
    for (let size = 0; size < hex(bytes).length; size++) aacTrack(hex(bytes).subarray(0, size));
  }
});

test('AudioSpecificConfig refused: reserved rate index, escaped rate 0', () => {
  assert.throws(() => readAacConfig(hex('16 90')), { code: 'CODEC_INVALID' });
  assert.throws(() => readAacConfig(hex('17 80 00 00 10')), { code: 'CODEC_INVALID' });
});

test('960 samples a frame', () => {
  assert.equal(readAacConfig(hex('1194')).frameSamples, 960);
  assert.equal(readAacConfig(hex('1190')).frameSamples, 1024);
});

test('what has no channel configuration or object type of four bits is not written', () => {
  const config = { objectType: 2, sampleRate: 48_000, sbr: false, ps: false, outputRate: 48_000 };
  assert.throws(() => writeAacConfig({ ...config, channels: 9 }), { code: 'CODEC_INVALID' });
  assert.throws(() => writeAacConfig({ ...config, channels: 0 }), { code: 'CODEC_INVALID' });
  assert.throws(() => writeAacConfig({ ...config, channels: 2, objectType: 5 }), { code: 'CODEC_INVALID' });
});

/** First headers of files by LAME. */
const MP3 = [
  { name: 'MPEG-1 layer 3, 48 kHz stereo', bytes: 'fffb9464', want: [3, 48_000, 2, 1152] },
  { name: 'MPEG-2 layer 3, 22.05 kHz mono', bytes: 'fff340c4', want: [3, 22_050, 1, 576] },
  { name: 'MPEG-2.5 layer 3, 11.025 kHz mono', bytes: 'ffe320c4', want: [3, 11_025, 1, 576] },
  { name: 'MPEG-1 layer 2, 44.1 kHz', bytes: 'fffd8004', want: [2, 44_100, 2, 1152] },
  { name: 'MPEG-1 layer 1, 32 kHz', bytes: 'ffff8804', want: [1, 32_000, 2, 384] },
] as const;

for (const { name, bytes, want } of MP3) {
  test(`MPEG audio header: ${name}`, () => {
    const header = readMp3Header(hex(bytes));
    assert.deepEqual([header.layer, header.sampleRate, header.channels, header.samples], want);
    assert.deepEqual(mp3Track(hex(bytes)), { codec: 'mp3', sampleRate: want[1], channels: want[2] });
  });
}

test('MPEG audio header refused: short, no sync, reserved version, layer, rate, bit rate', () => {
  for (const bytes of ['fffb94', '49443303', 'ffeb9464', 'fff99464', 'fffb9c64', 'fffbf464']) {
    assert.throws(() => readMp3Header(hex(bytes)), { code: 'CODEC_INVALID' }, bytes);
    assert.deepEqual(mp3Track(hex(bytes)), { codec: 'mp3' });
  }
});
