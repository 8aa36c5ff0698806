import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { frameFromFlv, TAG_TYPE, type TagTypeId } from '../../../../src/containers/flv/index.ts';

interface Case {
  readonly name: string;
  readonly type: TagTypeId;
  readonly bytes: string;
  /** codec, flags (`k` keyframe, `c` config, `-` neither), cts, offset of the payload. */
  readonly want: readonly [string, 'k' | 'c' | '-', number, number];
}

const { AUDIO, VIDEO, SCRIPT } = TAG_TYPE;
const fourCc = (text: string): string => Buffer.from(text, 'latin1').toString('hex');

const CASES: readonly Case[] = [
  // Legacy video, FLV 10.1 E.4.3.
  { name: 'AVC sequence header', type: VIDEO, bytes: '17 00 000000 0164001f', want: ['h264', 'c', 0, 5] },
  {
    name: 'AVC sequence header without a record',
    type: VIDEO,
    bytes: '17 00 000000',
    want: ['h264', '-', 0, 5],
  },
  { name: 'AVC keyframe', type: VIDEO, bytes: '17 01 000000 00000001 65', want: ['h264', 'k', 0, 5] },
  {
    name: 'AVC keyframe, positive offset',
    type: VIDEO,
    bytes: '17 01 000050 00000001 65',
    want: ['h264', 'k', 80, 5],
  },
  {
    name: 'AVC inter frame, offset -1',
    type: VIDEO,
    bytes: '27 01 ffffff 00000001 41',
    want: ['h264', '-', -1, 5],
  },
  {
    name: 'AVC inter frame, lowest offset',
    type: VIDEO,
    bytes: '27 01 800000 00000001 41',
    want: ['h264', '-', -8388608, 5],
  },
  {
    name: 'AVC disposable inter frame',
    type: VIDEO,
    bytes: '37 01 7fffff 00000001 01',
    want: ['h264', '-', 8388607, 5],
  },
  { name: 'AVC end of sequence', type: VIDEO, bytes: '17 02 000000', want: ['h264', '-', 0, 5] },
  {
    name: 'AVC end of sequence with bytes',
    type: VIDEO,
    bytes: '17 02 000000 00',
    want: ['h264', '-', 0, 5],
  },
  { name: 'AVC keyframe without data', type: VIDEO, bytes: '17 01 000000', want: ['h264', '-', 0, 5] },
  { name: 'AVC unknown packet type', type: VIDEO, bytes: '17 09 000000 00', want: ['h264', '-', 0, 5] },
  { name: 'AVC cut in its header', type: VIDEO, bytes: '17 01 00', want: ['h264', '-', 0, 3] },
  { name: 'AVC command frame', type: VIDEO, bytes: '57 00 000000 01', want: ['h264', '-', 0, 5] },
  { name: 'AVC command frame of 2 bytes', type: VIDEO, bytes: '57 01', want: ['h264', '-', 0, 2] },
  { name: 'HEVC as codec id 12, config', type: VIDEO, bytes: '1c 00 000000 0101', want: ['h265', 'c', 0, 5] },
  {
    name: 'HEVC as codec id 12, keyframe',
    type: VIDEO,
    bytes: '1c 01 000028 00000002 2601',
    want: ['h265', 'k', 40, 5],
  },
  {
    name: 'HEVC as codec id 12, inter',
    type: VIDEO,
    bytes: '2c 01 000000 00000002 0201',
    want: ['h265', '-', 0, 5],
  },
  { name: 'H.263 key', type: VIDEO, bytes: '12 00', want: ['h263', 'k', 0, 1] },
  { name: 'VP6 key', type: VIDEO, bytes: '14 00', want: ['vp6', 'k', 0, 1] },
  { name: 'VP6 with alpha, inter', type: VIDEO, bytes: '25 00', want: ['vp6', '-', 0, 1] },
  { name: 'VP6 command', type: VIDEO, bytes: '54 00', want: ['vp6', '-', 0, 1] },
  { name: 'screen video', type: VIDEO, bytes: '13 00', want: ['other', 'k', 0, 1] },
  { name: 'video of one byte', type: VIDEO, bytes: '17', want: ['h264', '-', 0, 1] },
  { name: 'empty video', type: VIDEO, bytes: '', want: ['other', '-', 0, 0] },
  // Enhanced video.
  { name: 'hvc1 sequence start', type: VIDEO, bytes: `90 ${fourCc('hvc1')} 01`, want: ['h265', 'c', 0, 5] },
  {
    name: 'hvc1 sequence start, empty',
    type: VIDEO,
    bytes: `90 ${fourCc('hvc1')}`,
    want: ['h265', '-', 0, 5],
  },
  {
    name: 'hvc1 coded key',
    type: VIDEO,
    bytes: `91 ${fourCc('hvc1')} 000028 26`,
    want: ['h265', 'k', 40, 8],
  },
  {
    name: 'hvc1 coded inter, negative',
    type: VIDEO,
    bytes: `a1 ${fourCc('hvc1')} ffffd8 02`,
    want: ['h265', '-', -40, 8],
  },
  {
    name: 'hvc1 coded, cut in the offset',
    type: VIDEO,
    bytes: `91 ${fourCc('hvc1')} 0000`,
    want: ['h265', '-', 0, 7],
  },
  { name: 'hvc1 coded X key', type: VIDEO, bytes: `93 ${fourCc('hvc1')} 26`, want: ['h265', 'k', 0, 5] },
  { name: 'hvc1 sequence end', type: VIDEO, bytes: `92 ${fourCc('hvc1')}`, want: ['h265', '-', 0, 5] },
  { name: 'hvc1 metadata', type: VIDEO, bytes: `94 ${fourCc('hvc1')} 02`, want: ['h265', '-', 0, 5] },
  {
    name: 'avc1 coded key',
    type: VIDEO,
    bytes: `91 ${fourCc('avc1')} 000050 65`,
    want: ['h264', 'k', 80, 8],
  },
  { name: 'av01 sequence start', type: VIDEO, bytes: `90 ${fourCc('av01')} 81`, want: ['av1', 'c', 0, 5] },
  {
    name: 'av01 coded key has no offset',
    type: VIDEO,
    bytes: `91 ${fourCc('av01')} 0a0b0c`,
    want: ['av1', 'k', 0, 5],
  },
  {
    name: 'av01 MPEG-2 TS sequence start',
    type: VIDEO,
    bytes: `95 ${fourCc('av01')} 80`,
    want: ['av1', 'c', 0, 5],
  },
  { name: 'vp09 coded inter', type: VIDEO, bytes: `a1 ${fourCc('vp09')} 86`, want: ['vp9', '-', 0, 5] },
  { name: 'vp08 coded key', type: VIDEO, bytes: `91 ${fourCc('vp08')} 10`, want: ['vp8', 'k', 0, 5] },
  {
    name: 'vvc1 coded key',
    type: VIDEO,
    bytes: `91 ${fourCc('vvc1')} 000001 10`,
    want: ['other', 'k', 1, 8],
  },
  { name: 'unknown FourCC', type: VIDEO, bytes: '91 00000000 01', want: ['other', 'k', 0, 5] },
  { name: 'FourCC cut', type: VIDEO, bytes: '90 687663', want: ['other', '-', 0, 4] },
  { name: 'ex command frame', type: VIDEO, bytes: 'd1 00', want: ['other', '-', 0, 1] },
  {
    name: 'ModEx then key',
    type: VIDEO,
    bytes: `97 02 000064 01 ${fourCc('hvc1')} 000028 26`,
    want: ['h265', 'k', 40, 13],
  },
  {
    name: 'two ModEx then config',
    type: VIDEO,
    bytes: `97 00 aa 07 02 000064 00 ${fourCc('av01')} 81`,
    want: ['av1', 'c', 0, 13],
  },
  {
    name: 'long ModEx',
    type: VIDEO,
    bytes: `97 ff 0001 aabb 03 ${fourCc('hvc1')} 26`,
    want: ['h265', 'k', 0, 11],
  },
  { name: 'ModEx cut', type: VIDEO, bytes: '97 02 0000', want: ['other', '-', 0, 4] },
  { name: 'ModEx cut in its long size', type: VIDEO, bytes: '97 ff 00', want: ['other', '-', 0, 3] },
  {
    name: 'multitrack, one track, config',
    type: VIDEO,
    bytes: `96 00 ${fourCc('avc1')} 01 01`,
    want: ['h264', '-', 0, 1],
  },
  {
    name: 'multitrack, key',
    type: VIDEO,
    bytes: `96 11 ${fourCc('hvc1')} 01 000001 26`,
    want: ['h265', '-', 0, 1],
  },
  {
    name: 'multitrack, many codecs',
    type: VIDEO,
    bytes: `96 21 ${fourCc('hvc1')} 01`,
    want: ['other', '-', 0, 1],
  },
  { name: 'multitrack cut', type: VIDEO, bytes: '96', want: ['other', '-', 0, 1] },
  // Audio, FLV 10.1 E.4.2.
  { name: 'AAC sequence header', type: AUDIO, bytes: 'af 00 1190', want: ['aac', 'c', 0, 2] },
  { name: 'AAC sequence header without a record', type: AUDIO, bytes: 'af 00', want: ['aac', '-', 0, 2] },
  { name: 'AAC raw', type: AUDIO, bytes: 'af 01 2110', want: ['aac', '-', 0, 2] },
  { name: 'AAC of one byte', type: AUDIO, bytes: 'af', want: ['aac', '-', 0, 1] },
  { name: 'MP3', type: AUDIO, bytes: '2f fffb9064', want: ['mp3', '-', 0, 1] },
  { name: 'MP3 at 8 kHz', type: AUDIO, bytes: 'ef ffe3', want: ['mp3', '-', 0, 1] },
  { name: 'G.711 A', type: AUDIO, bytes: '7e d5', want: ['g711a', '-', 0, 1] },
  { name: 'G.711 mu', type: AUDIO, bytes: '8e ff', want: ['g711u', '-', 0, 1] },
  { name: 'Speex', type: AUDIO, bytes: 'b2 00', want: ['speex', '-', 0, 1] },
  { name: 'PCM', type: AUDIO, bytes: '3e 00', want: ['pcm', '-', 0, 1] },
  { name: 'Nellymoser', type: AUDIO, bytes: '62 00', want: ['other', '-', 0, 1] },
  { name: 'empty audio', type: AUDIO, bytes: '', want: ['other', '-', 0, 0] },
  // Enhanced audio.
  { name: 'Opus sequence start', type: AUDIO, bytes: `90 ${fourCc('Opus')} 4f`, want: ['opus', 'c', 0, 5] },
  { name: 'Opus coded', type: AUDIO, bytes: `91 ${fourCc('Opus')} fc`, want: ['opus', '-', 0, 5] },
  { name: 'Opus sequence end', type: AUDIO, bytes: `92 ${fourCc('Opus')}`, want: ['opus', '-', 0, 5] },
  { name: 'AAC sequence start', type: AUDIO, bytes: `90 ${fourCc('mp4a')} 1190`, want: ['aac', 'c', 0, 5] },
  { name: 'FLAC sequence start', type: AUDIO, bytes: `90 ${fourCc('fLaC')} 66`, want: ['flac', 'c', 0, 5] },
  { name: 'AC-3 coded', type: AUDIO, bytes: `91 ${fourCc('ac-3')} 0b77`, want: ['ac3', '-', 0, 5] },
  { name: 'E-AC-3 coded', type: AUDIO, bytes: `91 ${fourCc('ec-3')} 0b77`, want: ['other', '-', 0, 5] },
  { name: '.mp3 coded', type: AUDIO, bytes: `91 ${fourCc('.mp3')} fffb`, want: ['mp3', '-', 0, 5] },
  { name: 'multichannel config', type: AUDIO, bytes: `94 ${fourCc('Opus')} 0102`, want: ['opus', '-', 0, 5] },
  {
    name: 'audio ModEx then coded',
    type: AUDIO,
    bytes: `97 02 000064 01 ${fourCc('mp4a')} 21`,
    want: ['aac', '-', 0, 10],
  },
  { name: 'audio ModEx cut', type: AUDIO, bytes: '97 02', want: ['other', '-', 0, 2] },
  {
    name: 'audio multitrack',
    type: AUDIO,
    bytes: `95 00 ${fourCc('mp4a')} 01 1190`,
    want: ['aac', '-', 0, 1],
  },
  { name: 'audio multitrack, many codecs', type: AUDIO, bytes: '95 20 01', want: ['other', '-', 0, 1] },
  { name: 'audio FourCC cut', type: AUDIO, bytes: '90 4f', want: ['other', '-', 0, 2] },
  { name: 'script data', type: SCRIPT, bytes: '02 000a 6f6e4d65746144617461', want: ['script', '-', 0, 0] },
  { name: 'empty script data', type: SCRIPT, bytes: '', want: ['script', '-', 0, 0] },
];

const KINDS = { [AUDIO]: 'audio', [VIDEO]: 'video', [SCRIPT]: 'data' } as const;

for (const { name, type, bytes, want } of CASES) {
  test(`frame of an FLV body: ${name}`, () => {
    const body = Buffer.from(bytes.replaceAll(' ', ''), 'hex');
    const frame = frameFromFlv(type, 1234, body);
    const flags =
      frame.isKeyframe && frame.isConfig ? 'both' : frame.isKeyframe ? 'k' : frame.isConfig ? 'c' : '-';
    assert.deepEqual([frame.codec, flags, frame.cts, frame.payloadOffset], want);
    assert.equal(frame.kind, KINDS[type]);
    assert.equal(frame.dts, 1234);
    assert.equal(frame.flvBody, body);
  });
}
