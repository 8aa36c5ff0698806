import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  flvHeader,
  FlvReader,
  MAX_FLV_TAG_BYTES,
  sizeOfTag,
  writeTag,
  type FlvTag,
} from '../../../../src/containers/flv/index.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const HEADER = '464c5601 05 00000009 00000000';

const plain = (tags: readonly FlvTag[]): readonly unknown[] =>
  tags.map((tag) => [tag.typeId, tag.timestamp, tag.body.toString('hex')]);

const readAll = (bytes: Buffer): readonly unknown[] => plain(new FlvReader().push(bytes));

const CASES = [
  { name: 'header alone', bytes: HEADER, want: [] },
  { name: 'one tag', bytes: `${HEADER} 09 000002 000028 00 000000 aabb 0000000d`, want: [[9, 40, 'aabb']] },
  {
    name: 'an empty tag, then one',
    bytes: `${HEADER} 08 000000 000000 00 000000 0000000b 08 000001 000001 00 000000 cc 0000000c`,
    want: [
      [8, 0, ''],
      [8, 1, 'cc'],
    ],
  },
  { name: 'an empty tag at the very end', bytes: `${HEADER} 09 000000 000000 00 000000`, want: [[9, 0, '']] },
  {
    name: 'extended timestamp',
    bytes: `${HEADER} 12 000001 ffffff ff 000000 02 0000000c`,
    want: [[18, 0xffffffff, '02']],
  },
  {
    name: 'wrong previous tag sizes',
    bytes: `464c5601 05 00000009 deadbeef 09 000001 000000 00 000000 aa ffffffff 09 000001 000001 00 000000 bb 00000000`,
    want: [
      [9, 0, 'aa'],
      [9, 1, 'bb'],
    ],
  },
  {
    name: 'body that begins later',
    bytes: `464c5601 01 0000000c 111111 00000000 09 000001 000000 00 000000 aa 0000000c`,
    want: [[9, 0, 'aa']],
  },
  {
    name: 'a stream id that is not 0',
    bytes: `${HEADER} 09 000001 000000 00 000001 aa 0000000c`,
    want: [[9, 0, 'aa']],
  },
  { name: 'cut inside a tag', bytes: `${HEADER} 09 000002 000028 00 000000 aa`, want: [] },
  { name: 'no signature', bytes: '464c5801 05 00000009', error: 'FLV_INVALID' },
  { name: 'data offset 8', bytes: '464c5601 05 00000008', error: 'FLV_INVALID' },
  { name: 'data offset of 2 GB', bytes: '464c5601 05 7fffffff', error: 'FLV_INVALID' },
  { name: 'encrypted tag', bytes: `${HEADER} 29 000001 000000 00 000000 aa`, error: 'FLV_INVALID' },
  { name: 'tag over the limit', bytes: `${HEADER} 09 800001 000000 00 000000`, error: 'FLV_TAG_TOO_LARGE' },
];

for (const { name, bytes, want, error } of CASES) {
  test(`FLV is read: ${name}`, () => {
    if (error === undefined) assert.deepEqual(readAll(hex(bytes)), want);
    else assert.throws(() => readAll(hex(bytes)), { code: error });
  });
}

test('the flags of the header are told', () => {
  const reader = new FlvReader();
  assert.equal(reader.contents, undefined);
  reader.push(flvHeader({ audio: false, video: true }));
  assert.deepEqual(reader.contents, { audio: false, video: true });
});

test('the end of a whole file is told from the end of a cut one', () => {
  const bytes = hex(`${HEADER} 09 000002 000028 00 000000 aabb 0000000d`);
  const boundaries: number[] = [];
  for (let size = 0; size <= bytes.length; size++) {
    const reader = new FlvReader();
    reader.push(bytes.subarray(0, size));
    if (reader.atBoundary) boundaries.push(size);
  }
  // After the file header and after the tag, with or without the whole of the size that follows.
  assert.deepEqual(boundaries, [9, 10, 11, 12, 13, 26, 27, 28, 29, 30]);
});

const tag = fc.record({
  typeId: fc.constantFrom(8, 9, 18),
  timestamp: fc.nat(0xffffffff),
  body: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
});

const written = (tags: readonly FlvTag[]): Buffer => {
  const head = flvHeader({ audio: true, video: true });
  const out = Buffer.alloc(tags.reduce((sum, { body }) => sum + sizeOfTag(body.length), head.length));
  let at = head.copy(out);
  for (const { typeId, timestamp, body } of tags) at = writeTag(out, at, typeId, timestamp, body);
  assert.equal(at, out.length);
  return out;
};

test('the same tags come out however the bytes were cut', () => {
  fc.assert(
    fc.property(
      fc.array(tag, { maxLength: 8 }),
      fc.array(fc.nat(40), { minLength: 1, maxLength: 30 }),
      (tags, cuts) => {
        const bytes = written(tags);
        const reader = new FlvReader();
        const got: FlvTag[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = i < 2000 ? (cuts[i % cuts.length] ?? 1) : 40;
          got.push(...reader.push(Buffer.from(bytes.subarray(at, at + size))));
          at += size;
        }
        assert.deepEqual(plain(got), plain(tags));
        assert.equal(reader.atBoundary, true);
      },
    ),
    { numRuns: 300 },
  );
});

test('a large tag that comes byte by byte is whole and has its own memory', () => {
  const reader = new FlvReader();
  const body = Buffer.alloc(300_000, 7);
  const bytes = written([{ typeId: 9, timestamp: 0, body }]);
  const got: FlvTag[] = [];
  for (let at = 0; at < bytes.length; at++) got.push(...reader.push(bytes.subarray(at, at + 1)));
  assert.equal(got[0]?.body.equals(body), true);
  assert.equal(got[0].body.buffer.byteLength, body.length);
});

test('any bytes: tags or a ServerError of this reader', () => {
  const head = fc.constantFrom(
    '',
    HEADER,
    `${HEADER} 09 000002`,
    '464c5601 05 00000010',
    `${HEADER} 12 ffffff`,
  );
  fc.assert(
    fc.property(head, fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 }), (start, chunks) => {
      const reader = new FlvReader();
      try {
        reader.push(hex(start));
        for (const chunk of chunks) {
          for (const { body } of reader.push(Buffer.from(chunk)))
            assert.ok(body.length <= MAX_FLV_TAG_BYTES, 'limit');
        }
      } catch (error) {
        const code = (error as { code?: unknown }).code;
        assert.ok(code === 'FLV_INVALID' || code === 'FLV_TAG_TOO_LARGE', String(error));
      }
    }),
    { numRuns: 20_000, interruptAfterTimeLimit: 2000, markInterruptAsFailure: false },
  );
});
