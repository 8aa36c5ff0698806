import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { frameFromFlv, TAG_TYPE } from '../../../src/containers/flv/index.ts';
import { audioTrackOf, videoTrackOf } from '../../../src/media/track-info.ts';

const video = (text: string) => frameFromFlv(TAG_TYPE.VIDEO, 0, Buffer.from(text.replaceAll(' ', ''), 'hex'));
const audio = (text: string) => frameFromFlv(TAG_TYPE.AUDIO, 0, Buffer.from(text.replaceAll(' ', ''), 'hex'));

const AVCC = '014d401effe10019674d401ed900a02ff97011000003000100000300320f162e4801000568ebc172c8';

test('video tracks come from config frames, legacy and enhanced', () => {
  const want = { codec: 'h264', profile: 'Main', level: '3', width: 640, height: 360, frameRate: 25 };
  assert.deepEqual(videoTrackOf(video(`17 00 000000 ${AVCC}`)), want);
  assert.deepEqual(videoTrackOf(video(`90 61766331 ${AVCC}`)), want);
  assert.deepEqual(videoTrackOf(video('90 61763031 81080c00 0a0b00000042abbfc3700be001')).width, 1920);
  assert.deepEqual(videoTrackOf(video('1c 00 000000 0101')), { codec: 'h265' });
  assert.deepEqual(videoTrackOf(video('17 01 000000 00000001 65')), { codec: 'h264' });
  assert.deepEqual(videoTrackOf(video('14 00')), { codec: 'vp6' });
});

test('with parse_sps off there is no size, but profile and level', () => {
  const track = videoTrackOf(video(`17 00 000000 ${AVCC}`), false);
  assert.deepEqual(track, { codec: 'h264', profile: 'Main', level: '3' });
});

const AUDIO = [
  {
    name: 'AAC config',
    bytes: 'af 00 1190',
    want: { codec: 'aac', profile: 'LC', sampleRate: 48_000, channels: 2 },
  },
  { name: 'AAC raw', bytes: 'af 01 21', want: { codec: 'aac' } },
  { name: 'MP3 frame', bytes: '2f fff340c4', want: { codec: 'mp3', sampleRate: 22_050, channels: 1 } },
  {
    name: 'MP3 without a sync word',
    bytes: '2b 00000000',
    want: { codec: 'mp3', sampleRate: 22_050, channels: 2 },
  },
  { name: 'G.711', bytes: '7e d5', want: { codec: 'g711a', sampleRate: 8_000, channels: 1 } },
  { name: 'Speex', bytes: 'b2 00', want: { codec: 'speex', sampleRate: 16_000, channels: 1 } },
  { name: 'PCM', bytes: '36 00', want: { codec: 'pcm', sampleRate: 11_025, channels: 1 } },
  { name: 'empty', bytes: '', want: { codec: 'other' } },
  {
    name: 'Opus config',
    bytes: `90 4f707573 ${Buffer.from('OpusHead').toString('hex')} 01 02 3801 80bb0000 0000 00`,
    want: { codec: 'opus', sampleRate: 48_000, channels: 2 },
  },
  { name: 'Opus frame', bytes: '91 4f707573 fc', want: { codec: 'opus' } },
  { name: 'FLAC', bytes: '90 664c6143 66', want: { codec: 'flac' } },
] as const;

for (const { name, bytes, want } of AUDIO) {
  test(`audio track: ${name}`, () => {
    assert.deepEqual(audioTrackOf(audio(bytes)), want);
  });
}
