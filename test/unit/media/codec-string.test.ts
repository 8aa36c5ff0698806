import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { ServerError } from '../../../src/base/errors.ts';
import { audioCodecString, videoCodecString } from '../../../src/media/codec-string.ts';

const VIDEO = [
  { name: 'Constrained Baseline 3.1', codec: 'h264', record: '0142c01fffe000', want: 'avc1.42C01F' },
  { name: 'High 4.0', codec: 'h264', record: '01640028ffe000', want: 'avc1.640028' },
  { name: 'Main 1b', codec: 'h264', record: '014d100bffe000', want: 'avc1.4D100B' },
  {
    name: 'HEVC Main, as in the example of ISO/IEC 14496-15',
    codec: 'h265',
    record: '0101600000 00b000000000005d f000fcfdf8f800000f00',
    want: 'hvc1.1.6.L93.B0',
  },
  {
    name: 'HEVC Main 10, high tier, space A',
    codec: 'h265',
    record: '016220000000000000000000 7b f000fcfdf8f800000f00',
    want: 'hvc1.A2.4.H123',
  },
  { name: 'AV1 Main 3.0', codec: 'av1', record: '81044c00', want: 'av01.0.04M.10' },
  {
    name: 'AV1 Professional 5.0 high tier, 12 bits',
    codec: 'av1',
    record: '814ce000',
    want: 'av01.2.12H.12',
  },
  { name: 'no name in RFC 6381', codec: 'vp6', record: '', want: undefined },
] as const;

for (const { name, codec, record, want } of VIDEO) {
  test(`codecs of ${name}`, () => {
    assert.equal(videoCodecString(codec, Buffer.from(record.replaceAll(' ', ''), 'hex')), want);
  });
}

const AUDIO = [
  { name: 'AAC LC', codec: 'aac', record: '1210', want: 'mp4a.40.2' },
  { name: 'AAC Main', codec: 'aac', record: '0a10', want: 'mp4a.40.1' },
  { name: 'HE-AAC told first', codec: 'aac', record: '2b920800', want: 'mp4a.40.5' },
  { name: 'HE-AAC v2 told first', codec: 'aac', record: 'eb8a0800', want: 'mp4a.40.29' },
  { name: 'HE-AAC told behind', codec: 'aac', record: '131056e598', want: 'mp4a.40.5' },
  { name: 'MP3 in HLS', codec: 'mp3', record: 'fffb9000', want: 'mp4a.40.34' },
  { name: 'MP3 in MP4', codec: 'mp3', record: 'fffb9000', mp3: 'mp4', want: 'mp4a.6B' },
  { name: 'MP3 of 22,050 Hz in MP4', codec: 'mp3', record: 'fff39000', mp3: 'mp4', want: 'mp4a.69' },
  { name: 'Opus', codec: 'opus', record: '', want: 'opus' },
  { name: 'Speex', codec: 'speex', record: '', want: undefined },
] as const;

for (const row of AUDIO) {
  test(`codecs of ${row.name}`, () => {
    const mp3 = 'mp3' in row ? row.mp3 : undefined;
    assert.equal(audioCodecString(row.codec, Buffer.from(row.record, 'hex'), mp3), row.want);
  });
}

test('a record that cannot be read is an error with a code', () => {
  for (const codec of ['h264', 'h265', 'av1'] as const) {
    assert.throws(
      () => videoCodecString(codec, Buffer.from('00', 'hex')),
      (error) => error instanceof ServerError && error.code === 'CODEC_INVALID',
    );
  }
});
