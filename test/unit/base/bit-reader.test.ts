import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { BitReader } from '../../../src/base/bit-reader.ts';

const reader = (bits: string): BitReader => {
  const text = bits.replaceAll(' ', '');
  const padded = text.padEnd(Math.ceil(text.length / 8) * 8, '0');
  return new BitReader(Buffer.from(padded.match(/.{8}/g)?.map((byte) => parseInt(byte, 2)) ?? []));
};

test('bits across bytes, and 32 of them unsigned', () => {
  const r = reader('101 11111111111111111111111111111110 0 1');
  assert.deepEqual(
    [r.bits(3), r.bits(32), r.bits(0), r.flag(), r.flag(), r.left],
    [5, 0xfffffffe, 0, false, true, 3],
  );
});

const GOLOMB = [
  { bits: '1', ue: 0, se: 0 },
  { bits: '010', ue: 1, se: 1 },
  { bits: '011', ue: 2, se: -1 },
  { bits: '00100', ue: 3, se: 2 },
  { bits: '00111', ue: 6, se: -3 },
  { bits: `${'0'.repeat(31)}1${'1'.repeat(31)}`, ue: 2 ** 32 - 2, se: -(2 ** 31 - 1) },
];

for (const { bits, ue, se } of GOLOMB) {
  test(`Exp-Golomb ${ue}`, () => {
    assert.equal(reader(bits).ue(), ue);
    assert.equal(reader(bits).se() + 0, se);
  });
}

test('reading or skipping past the end throws, as does an endless Exp-Golomb code', () => {
  const short = { code: 'CODEC_INVALID' };
  assert.throws(() => reader('1').bits(9), short);
  assert.throws(() => reader('1').skip(9), short);
  assert.throws(() => reader('00000001').ue(), short);
  assert.throws(() => new BitReader(Buffer.alloc(100)).ue(), short);
  const r = reader('11111111');
  r.skip(8);
  assert.throws(() => r.flag(), short);
});
