import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerError } from '../../../../src/base/errors.ts';
import {
  AmfBytes,
  AmfDate,
  AmfDictionary,
  AmfEcmaArray,
  AmfExternal,
  AmfObject,
  AmfVector,
  AmfXml,
  amfObject,
  encodeAmf3,
  readAmf3,
  type AmfValue,
} from '../../../../src/protocols/amf3/index.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

const CASES: readonly { name: string; bytes: string; value: AmfValue }[] = [
  { name: 'undefined', bytes: '00', value: undefined },
  { name: 'null', bytes: '01', value: null },
  { name: 'false', bytes: '02', value: false },
  { name: 'true', bytes: '03', value: true },
  { name: 'integer of one byte', bytes: '04 7f', value: 127 },
  { name: 'integer of two bytes', bytes: '04 8100', value: 128 },
  { name: 'integer of three bytes', bytes: '04 818000', value: 16_384 },
  { name: 'integer of four bytes', bytes: '04 80c08000', value: 2_097_152 },
  { name: 'largest integer', bytes: '04 bfffffff', value: 268_435_455 },
  { name: 'smallest integer', bytes: '04 c0808000', value: -268_435_456 },
  { name: 'minus one', bytes: '04 ffffffff', value: -1 },
  { name: 'above the integers', bytes: '05 41b0000000000000', value: 268_435_456 },
  { name: 'double', bytes: '05 3fe0000000000000', value: 0.5 },
  { name: 'string', bytes: '06 03 61', value: 'a' },
  { name: 'empty string', bytes: '06 01', value: '' },
  { name: 'XML document', bytes: '07 09 3c612f3e', value: new AmfXml('<a/>', true) },
  { name: 'XML', bytes: '0b 09 3c612f3e', value: new AmfXml('<a/>', false) },
  { name: 'date', bytes: '08 01 4276c03ca8c00000', value: new AmfDate(1_563_431_701_504) },
  { name: 'array', bytes: '09 05 01 0401 01', value: [1, null] },
  {
    name: 'array with both parts',
    bytes: '09 05 03 61 03 01 0401 01',
    value: new AmfEcmaArray([
      ['a', true],
      ['0', 1],
      ['1', null],
    ]),
  },
  { name: 'dynamic object', bytes: '0a 0b 01 03 61 03 01', value: amfObject({ a: true }) },
  { name: 'object of a class', bytes: '0a 13 03 43 03 61 03', value: new AmfObject([['a', true]], 'C') },
  { name: 'byte array', bytes: '0c 05 0102', value: new AmfBytes(hex('0102')) },
  { name: 'vector of int', bytes: '0d 05 00 ffffffff 00000001', value: new AmfVector('int', [-1, 1]) },
  { name: 'vector of uint', bytes: '0e 03 01 ffffffff', value: new AmfVector('uint', [4_294_967_295], true) },
  { name: 'vector of double', bytes: '0f 03 00 3fe0000000000000', value: new AmfVector('double', [0.5]) },
  {
    name: 'vector of objects',
    bytes: '10 03 00 03 43 01',
    value: new AmfVector('object', [null], false, 'C'),
  },
  { name: 'dictionary', bytes: '11 03 01 0401 06 03 61', value: new AmfDictionary([[1, 'a']], true) },
  {
    name: 'Flex collection',
    bytes: `0a 07 43 ${Buffer.from('flex.messaging.io.ArrayCollection').toString('hex')} 09 03 01 0401`,
    value: new AmfExternal('flex.messaging.io.ArrayCollection', [1]),
  },
];

for (const { name, bytes, value } of CASES) {
  test(`AMF3 ${name}, both ways`, () => {
    assert.deepStrictEqual(readAmf3(hex(bytes)), [value]);
    assert.equal(encodeAmf3([value]).toString('hex'), hex(bytes).toString('hex'));
  });
}

const READ_ONLY: readonly { name: string; bytes: string; value: readonly AmfValue[] }[] = [
  { name: 'string reference', bytes: '06 03 61 06 00', value: ['a', 'a'] },
  { name: 'the empty string is not in the table', bytes: '06 01 06 03 61 06 00', value: ['', 'a', 'a'] },
  { name: 'object reference', bytes: '09 03 01 01 09 00', value: [[null], [null]] },
  {
    name: 'traits reference',
    bytes: '0a 13 03 43 03 61 03 0a 01 02',
    value: [new AmfObject([['a', true]], 'C'), new AmfObject([['a', false]], 'C')],
  },
  {
    name: 'sealed and dynamic members',
    bytes: '0a 1b 01 03 61 03 03 62 02 01',
    value: [amfObject({ a: true, b: false })],
  },
];

for (const { name, bytes, value } of READ_ONLY) {
  test(`AMF3 ${name}`, () => assert.deepStrictEqual(readAmf3(hex(bytes)), value));
}

const BROKEN: readonly { name: string; bytes: Buffer; code: string }[] = [
  { name: 'an unknown marker', bytes: hex('12'), code: 'AMF_INVALID' },
  { name: 'a cut integer', bytes: hex('04 80'), code: 'AMF_INVALID' },
  { name: 'a string reference to nothing', bytes: hex('06 02'), code: 'AMF_INVALID' },
  { name: 'an object reference to nothing', bytes: hex('0a 02'), code: 'AMF_INVALID' },
  { name: 'a traits reference to nothing', bytes: hex('0a 05'), code: 'AMF_INVALID' },
  { name: 'a circle', bytes: hex('09 03 01 09 00'), code: 'AMF_INVALID' },
  { name: 'an unknown externalizable class', bytes: hex('0a 07 03 43 01'), code: 'AMF_INVALID' },
  { name: 'an array of 268 million', bytes: hex('09 ffffffff 01 01'), code: 'AMF_INVALID' },
  { name: 'a vector of 268 million', bytes: hex('0d ffffffff 00'), code: 'AMF_INVALID' },
  { name: 'a byte array of 268 MB', bytes: hex('0c ffffffff 00'), code: 'AMF_TOO_LARGE' },
  { name: 'traits of 33 million names', bytes: hex('0a fffffff3 01'), code: 'AMF_INVALID' },
  { name: 'arrays nested 10,000 deep', bytes: Buffer.alloc(30_000, '090301', 'hex'), code: 'AMF_TOO_LARGE' },
  {
    name: 'a long string referred to too often',
    bytes: Buffer.concat([hex('06 86 8001'), Buffer.alloc(0xc000, 97), Buffer.alloc(400, '0600', 'hex')]),
    code: 'AMF_TOO_LARGE',
  },
];

for (const { name, bytes, code } of BROKEN) {
  test(`AMF3 refuses ${name}`, () => {
    assert.throws(
      () => readAmf3(bytes),
      (error) => error instanceof ServerError && error.code === code,
    );
  });
}
