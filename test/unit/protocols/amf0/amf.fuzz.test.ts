import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ServerError } from '../../../../src/base/errors.ts';
import {
  AmfDate,
  AmfEcmaArray,
  AmfObject,
  encodeAmf0,
  readAmf0,
  type AmfValue,
} from '../../../../src/protocols/amf0/index.ts';
import { encodeAmf3, readAmf3 } from '../../../../src/protocols/amf3/index.ts';

const CAP = { interruptAfterTimeLimit: 2000, markInterruptAsFailure: false, numRuns: 20_000 };

const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const { value: anyValue } = fc.letrec<{ value: AmfValue }>((tie) => {
  const entries = fc
    .uniqueArray(fc.tuple(text, tie('value')), { maxLength: 4, selector: ([key]) => key })
    .map((pairs) => pairs.filter(([key]) => key !== ''));
  return {
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, undefined, true, false),
      fc.double(),
      fc.integer(),
      text,
      fc.integer().map((ms) => new AmfDate(ms)),
      fc.array(tie('value'), { maxLength: 4 }),
      entries.map((pairs) => new AmfObject(pairs)),
      fc.tuple(entries, text).map(([pairs, name]) => new AmfObject(pairs, `C${name}`)),
      entries.map((pairs) => new AmfEcmaArray(pairs.map(([key, item]) => [`k${key}`, item]))),
    ),
  };
});

test('AMF0: what is written is read again', () => {
  fc.assert(
    fc.property(fc.array(anyValue, { maxLength: 4 }), (values) => {
      assert.deepStrictEqual(readAmf0(encodeAmf0(values)), values);
    }),
    CAP,
  );
});

test('AMF3: what is written is read again', () => {
  fc.assert(
    fc.property(fc.array(anyValue, { maxLength: 4 }), (values) => {
      // An empty ECMA array is an empty array in AMF3: there is no other form.
      assert.deepStrictEqual(readAmf3(encodeAmf3(values)), values.map(emptyAsArray));
    }),
    CAP,
  );
});

function emptyAsArray(value: AmfValue): AmfValue {
  if (Array.isArray(value)) return (value as readonly AmfValue[]).map(emptyAsArray);
  const mapped = (from: AmfObject | AmfEcmaArray): [string, AmfValue][] =>
    [...from.entries].map(([key, item]) => [key, emptyAsArray(item)]);
  if (value instanceof AmfEcmaArray) return value.entries.size === 0 ? [] : new AmfEcmaArray(mapped(value));
  if (value instanceof AmfObject) return new AmfObject(mapped(value), value.className);
  return value;
}

/** Bytes that look like AMF: markers and small lengths are likely. */
const amfLike = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 17 }), fc.constantFrom(0, 0, 1, 3, 0x80, 0xff), fc.nat(255)), {
    maxLength: 300,
  })
  .map((bytes) => Buffer.from(bytes));

for (const [name, read, encode] of [
  ['AMF0', readAmf0, encodeAmf0],
  ['AMF3', readAmf3, encodeAmf3],
] as const) {
  test(`${name}: any bytes are read or refused by a ServerError, and what was read can be written`, () => {
    fc.assert(
      fc.property(amfLike, (bytes) => {
        let values: AmfValue[];
        try {
          values = read(bytes);
        } catch (error) {
          assert.ok(error instanceof ServerError, String(error));
          return;
        }
        const again = encode(values);
        assert.equal(encode(read(again)).length, again.length);
      }),
      CAP,
    );
  });
}
