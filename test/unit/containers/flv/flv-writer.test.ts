import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { flvHeader, sizeOfTag, writeTag } from '../../../../src/containers/flv/index.ts';

const HEADERS = [
  { audio: true, video: true, bytes: '464c5601 05 00000009 00000000' },
  { audio: true, video: false, bytes: '464c5601 04 00000009 00000000' },
  { audio: false, video: true, bytes: '464c5601 01 00000009 00000000' },
  { audio: false, video: false, bytes: '464c5601 00 00000009 00000000' },
];

for (const { audio, video, bytes } of HEADERS) {
  test(`the FLV header tells the truth: audio ${audio}, video ${video}`, () => {
    assert.equal(flvHeader({ audio, video }).toString('hex'), bytes.replaceAll(' ', ''));
  });
}

const TAGS = [
  { name: 'time 0, empty body', type: 8, time: 0, body: '', bytes: '08 000000 000000 00 000000 0000000b' },
  {
    name: 'three bytes',
    type: 9,
    time: 40,
    body: 'aabbcc',
    bytes: '09 000003 000028 00 000000 aabbcc 0000000e',
  },
  {
    name: 'last time of 24 bits',
    type: 18,
    time: 0xffffff,
    body: '02',
    bytes: '12 000001 ffffff 00 000000 02 0000000c',
  },
  {
    name: 'extended time',
    type: 9,
    time: 0x01000000,
    body: '',
    bytes: '09 000000 000000 01 000000 0000000b',
  },
  {
    name: 'last time of 32 bits',
    type: 9,
    time: 0xfffffffe,
    body: '',
    bytes: '09 000000 fffffe ff 000000 0000000b',
  },
  {
    name: 'time beyond 32 bits wraps',
    type: 9,
    time: 2 ** 32 * 3 + 5,
    body: '',
    bytes: '09 000000 000005 00 000000 0000000b',
  },
];

for (const { name, type, time, body, bytes } of TAGS) {
  test(`a tag is written: ${name}`, () => {
    const payload = Buffer.from(body, 'hex');
    const out = Buffer.alloc(2 + sizeOfTag(payload.length) + 2, 0xee);
    const end = writeTag(out, 2, type, time, payload);
    assert.equal(end, out.length - 2);
    assert.equal(out.toString('hex'), `eeee${bytes.replaceAll(' ', '')}eeee`);
  });
}

test('a body of 2^16 bytes and more keeps its size', () => {
  const payload = Buffer.alloc(0x012345, 1);
  const out = Buffer.alloc(sizeOfTag(payload.length));
  writeTag(out, 0, 9, 0, payload);
  assert.equal(out.readUIntBE(1, 3), 0x012345);
  assert.equal(out.readUInt32BE(out.length - 4), 0x012345 + 11);
});
