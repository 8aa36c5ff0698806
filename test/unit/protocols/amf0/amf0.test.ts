import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerError } from '../../../../src/base/errors.ts';
import {
  AmfBytes,
  AmfDate,
  AmfEcmaArray,
  AmfObject,
  AmfUnsupported,
  AmfXml,
  amfEcmaArray,
  amfObject,
  encodeAmf0,
  readAmf0,
  type AmfValue,
} from '../../../../src/protocols/amf0/index.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** Read as they stand and written back to the same bytes. */
const CASES: readonly { name: string; bytes: string; value: AmfValue }[] = [
  { name: 'number', bytes: '00 3ff0000000000000', value: 1 },
  { name: 'negative zero', bytes: '00 8000000000000000', value: -0 },
  { name: 'not a number', bytes: '00 7ff8000000000000', value: NaN },
  { name: 'true', bytes: '01 01', value: true },
  { name: 'false', bytes: '01 00', value: false },
  { name: 'string', bytes: '02 0004 6c697665', value: 'live' },
  { name: 'empty string', bytes: '02 0000', value: '' },
  { name: 'UTF-8 string', bytes: '02 0006 e79bb4e692ad', value: '直播' },
  { name: 'object', bytes: '03 0001 61 0101 000009', value: amfObject({ a: true }) },
  { name: 'empty object', bytes: '03 000009', value: amfObject({}) },
  { name: 'object with an empty key', bytes: '03 0000 05 000009', value: new AmfObject([['', null]]) },
  { name: 'null', bytes: '05', value: null },
  { name: 'undefined', bytes: '06', value: undefined },
  { name: 'ECMA array', bytes: '08 00000001 0001 61 05 000009', value: amfEcmaArray({ a: null }) },
  { name: 'strict array', bytes: '0a 00000002 05 0100', value: [null, false] },
  { name: 'empty strict array', bytes: '0a 00000000', value: [] },
  { name: 'date with a zone', bytes: '0b 4276c03ca8c00000 ffc4', value: new AmfDate(1_563_431_701_504, -60) },
  { name: 'unsupported', bytes: '0d', value: new AmfUnsupported() },
  { name: 'XML document', bytes: '0f 00000004 3c612f3e', value: new AmfXml('<a/>') },
  {
    name: 'typed object',
    bytes: '10 0001 43 0001 61 06 000009',
    value: new AmfObject([['a', undefined]], 'C'),
  },
  {
    name: 'a key that would poison a plain object',
    bytes: '03 0009 5f5f70726f746f5f5f 03 0001 78 0101 000009 000009',
    value: new AmfObject([['__proto__', amfObject({ x: true })]]),
  },
  { name: 'byte array behind the AVM+ marker', bytes: '11 0c 05 0102', value: new AmfBytes(hex('0102')) },
  {
    name: 'nested',
    bytes: '03 0001 61 08 00000001 0001 62 0a 00000001 00 4000000000000000 000009 000009',
    value: amfObject({ a: new AmfEcmaArray([['b', [2]]]) }),
  },
];

for (const { name, bytes, value } of CASES) {
  test(`AMF0 ${name}, both ways`, () => {
    assert.deepStrictEqual(readAmf0(hex(bytes)), [value]);
    assert.equal(encodeAmf0([value]).toString('hex'), hex(bytes).toString('hex'));
  });
}

/** Read with tolerance, or in a form that is never written. */
const READ_ONLY: readonly { name: string; bytes: string; value: readonly AmfValue[] }[] = [
  {
    name: 'ECMA array with count 0 (Flash, FMLE)',
    bytes: '08 00000000 0001 61 05 000009 05',
    value: [amfEcmaArray({ a: null }), null],
  },
  {
    name: 'ECMA array with a count far too high',
    bytes: '08 ffffffff 0001 61 05 000009',
    value: [amfEcmaArray({ a: null })],
  },
  {
    name: 'ECMA array without end marker (lal)',
    bytes: '08 00000001 0001 61 05',
    value: [amfEcmaArray({ a: null })],
  },
  {
    name: 'end marker cut after the empty key',
    bytes: '03 0001 61 05 0000',
    value: [amfObject({ a: null })],
  },
  {
    name: 'a short long string',
    bytes: '0c 00000001 61',
    value: ['a'],
  },
  { name: 'boolean 2', bytes: '01 02', value: [true] },
  {
    name: 'reference to an earlier object',
    bytes: '03 0001 61 05 000009 07 0000',
    value: [amfObject({ a: null }), amfObject({ a: null })],
  },
  {
    name: 'the same key twice: the last wins',
    bytes: '03 0001 61 05 0001 61 06 000009',
    value: [new AmfObject([['a', undefined]])],
  },
  { name: 'AMF3 string after the switch', bytes: '11 06 03 61 05', value: ['a', null] },
  {
    name: 'AMF3 tables last for the whole message',
    bytes: '11 06 03 61 11 06 00',
    value: ['a', 'a'],
  },
];

for (const { name, bytes, value } of READ_ONLY) {
  test(`AMF0 ${name}`, () => assert.deepStrictEqual(readAmf0(hex(bytes)), value));
}

const BROKEN: readonly { name: string; bytes: Buffer; code: string }[] = [
  { name: 'number cut', bytes: hex('00 3ff00000'), code: 'AMF_INVALID' },
  { name: 'string longer than the message', bytes: hex('02 0005 61'), code: 'AMF_INVALID' },
  { name: 'long string of 4 GiB', bytes: hex('0c ffffffff 61'), code: 'AMF_TOO_LARGE' },
  { name: 'strict array of 4 billion', bytes: hex('0a ffffffff 05'), code: 'AMF_INVALID' },
  { name: 'movieclip', bytes: hex('04'), code: 'AMF_INVALID' },
  { name: 'recordset', bytes: hex('0e'), code: 'AMF_INVALID' },
  { name: 'end marker alone', bytes: hex('09'), code: 'AMF_INVALID' },
  { name: 'unknown marker', bytes: hex('ff'), code: 'AMF_INVALID' },
  { name: 'reference to nothing', bytes: hex('07 0003'), code: 'AMF_INVALID' },
  { name: 'reference to itself', bytes: hex('03 0001 61 07 0000 000009'), code: 'AMF_INVALID' },
  { name: 'key cut', bytes: hex('03 0005 61'), code: 'AMF_INVALID' },
  {
    name: 'objects nested 10,000 deep',
    bytes: Buffer.alloc(40_000, '03000161', 'hex'),
    code: 'AMF_TOO_LARGE',
  },
  {
    name: 'arrays nested 10,000 deep',
    bytes: Buffer.alloc(50_000, '0a00000001', 'hex'),
    code: 'AMF_TOO_LARGE',
  },
  {
    name: 'a million nulls in an array',
    bytes: Buffer.concat([hex('0a 000f4240'), Buffer.alloc(1e6, 5)]),
    code: 'AMF_TOO_LARGE',
  },
];

for (const { name, bytes, code } of BROKEN) {
  test(`AMF0 refuses ${name}`, () => {
    assert.throws(
      () => readAmf0(bytes),
      (error) => error instanceof ServerError && error.code === code,
    );
  });
}

test('AMF0: references to references cannot stand for more values than the limit', () => {
  // Array n holds two references to array n-1: 2^40 values when expanded.
  const parts = [hex('0a 00000001 05')];
  for (let i = 0; i < 40; i += 1) {
    const index = i.toString(16).padStart(4, '0');
    parts.push(hex(`0a 00000002 07 ${index} 07 ${index}`));
  }
  assert.throws(
    () => readAmf0(Buffer.concat(parts)),
    (error) => error instanceof ServerError && error.code === 'AMF_TOO_LARGE',
  );
});

test('AMF0: a string above 65,535 bytes takes the long form, a name above is refused', () => {
  const text = 'é'.repeat(32_768);
  const bytes = encodeAmf0([text]);
  assert.equal(bytes.subarray(0, 5).toString('hex'), '0c00010000');
  assert.deepStrictEqual(readAmf0(bytes), [text]);
  assert.throws(
    () => encodeAmf0([new AmfObject([[text, 1]])]),
    (error) => error instanceof ServerError && error.code === 'AMF_TOO_LARGE',
  );
});

test('AMF0: a circle built by the program ends at the depth limit', () => {
  const object = amfObject({});
  object.set('self', object);
  assert.throws(
    () => encodeAmf0([object]),
    (error) => error instanceof ServerError && error.code === 'AMF_TOO_LARGE',
  );
});

test('properties: typed getters take numbers as text, as some encoders send them', () => {
  const metadata = amfEcmaArray({ width: 1280, height: '720', name: 'x', empty: '', on: true });
  assert.equal(metadata.number('width'), 1280);
  assert.equal(metadata.number('height'), 720);
  assert.equal(metadata.number('name'), undefined);
  assert.equal(metadata.number('empty'), undefined);
  assert.equal(metadata.string('name'), 'x');
  assert.equal(metadata.string('width'), undefined);
  assert.equal(metadata.boolean('on'), true);
  assert.equal(({} as Record<string, unknown>)['x'], undefined);
});
