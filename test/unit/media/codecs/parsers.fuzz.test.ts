import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { ServerError } from '../../../../src/base/errors.ts';
import { frameFromFlv, type TagTypeId } from '../../../../src/containers/flv/index.ts';
import { aacTrack, readAacConfig } from '../../../../src/media/codecs/aac.ts';
import { av1Track, findSequenceHeader, parseAv1SequenceHeader } from '../../../../src/media/codecs/av1.ts';
import { h264Track, hasIdr, readAvcConfig, writeAvcConfig } from '../../../../src/media/codecs/h264.ts';
import { parseH264Sps } from '../../../../src/media/codecs/h264-sps.ts';
import { h265Track, parseH265SpsSize, readHevcConfig } from '../../../../src/media/codecs/h265.ts';
import { mp3Track, readMp3Header } from '../../../../src/media/codecs/mp3.ts';
import { audioTrackOf, videoTrackOf } from '../../../../src/media/track-info.ts';

const CAP = { numRuns: 20_000, interruptAfterTimeLimit: 2000, markInterruptAsFailure: false };

/** Good beginnings, so that the noise reaches the depths. */
const SEEDS = [
  '',
  '01640028ffe1001b67640028acd940780227e5c044000003000400000301e03c60c65801000668ebe3cb22c0fdf8f800',
  '67640028acd940780227e5c044000003000400000301e03c60c658',
  '0102200000009000000000003ff000fcfdfafa00000f03a00001001840010c01ffff02200000030090000003000003003f959809a1',
  '42010102200000030090000003000003003fa005120169c94d96566924caf01680',
  '81080c000a0b00000042abbfc3700be001',
  '131056e598',
  'fffb9464',
].map((seed) => Buffer.from(seed, 'hex'));

const noise = fc.uint8Array({ maxLength: 80 });
/** A seed with one run of bytes overwritten, then cut or prolonged. */
const input = fc
  .tuple(fc.constantFrom(...SEEDS), fc.nat(80), noise, noise, fc.nat(120))
  .map(([seed, at, patch, tail, length]) => {
    const bytes = Buffer.concat([seed, tail]);
    Buffer.from(patch).copy(bytes, Math.min(at, bytes.length));
    return bytes.subarray(0, length);
  });

const strict = (parse: (bytes: Buffer) => unknown) => (bytes: Buffer) => {
  try {
    parse(bytes);
  } catch (error) {
    assert.ok(error instanceof ServerError, String(error));
    assert.equal(error.code, 'CODEC_INVALID', 'the code');
  }
};

const STRICT = {
  readAvcConfig,
  parseH264Sps,
  readHevcConfig,
  parseH265SpsSize,
  findSequenceHeader,
  parseAv1SequenceHeader,
  readAacConfig,
  readMp3Header,
};

for (const [name, parse] of Object.entries(STRICT)) {
  test(`any bytes: ${name} parses or throws CODEC_INVALID`, () => {
    fc.assert(fc.property(input, strict(parse)), { ...CAP, interruptAfterTimeLimit: 700 });
  });
}

test('any bytes: what reads as avcC is written back the same', () => {
  const same = (bytes: Buffer): void => {
    const again = writeAvcConfig(readAvcConfig(bytes));
    // Reserved bits are set, and a missing PPS count becomes 0: the rest is equal.
    const length = Math.min(again.length, bytes.length);
    assert.equal(again.toString('hex', 6, length), bytes.toString('hex', 6, length));
  };
  fc.assert(fc.property(input, strict(same)), CAP);
});

test('any bytes: the info functions never throw', () => {
  const tracks = [h264Track, h265Track, av1Track, aacTrack, mp3Track];
  fc.assert(
    fc.property(input, (bytes) => {
      for (const track of tracks) track(bytes);
      for (const size of [1, 2, 4]) hasIdr(bytes, size);
    }),
    CAP,
  );
});

test('any bytes: every FLV body is a frame', () => {
  const head = fc.constantFrom(
    '',
    '1700000000',
    '9768766331',
    '97ffffff',
    '9661766331',
    'af00',
    '904f707573',
    '95',
  );
  fc.assert(
    fc.property(fc.constantFrom<TagTypeId>(8, 9, 18), head, input, (type, start, rest) => {
      const body = Buffer.concat([Buffer.from(start, 'hex'), rest]);
      const frame = frameFromFlv(type, 0, body);
      assert.ok(frame.payloadOffset <= body.length, 'the payload lies in the body');
      assert.ok(!(frame.isConfig && frame.isKeyframe), 'not both');
      assert.ok(Math.abs(frame.cts) <= 2 ** 23, 'the offset has 24 bits');
      if (frame.kind === 'video') videoTrackOf(frame);
      if (frame.kind === 'audio') audioTrackOf(frame);
    }),
    CAP,
  );
});
