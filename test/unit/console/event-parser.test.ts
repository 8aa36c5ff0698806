import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { basic, bearer } from '../../../console/src/manage/authorization.ts';
import { EventParser } from '../../../console/src/manage/event-parser.ts';

const TEXT =
  'retry: 2000\nevent: hello\ndata: {"at_ms":1}\n\n:\n\nid: run-1\nevent: stream_gone\ndata: {"at_ms":2,"stream":"ä"}\n\n' +
  'id: run-2\r\nevent:x\r\ndata: {"a":\r\ndata: 1}\r\n\r\nevent: broken\ndata: {\n\nevent: none\n\n';
const WANT = [
  { id: undefined, type: 'hello', at_ms: 1, fields: { at_ms: 1 } },
  { id: 'run-1', type: 'stream_gone', at_ms: 2, fields: { at_ms: 2, stream: 'ä' } },
  { id: 'run-2', type: 'x', at_ms: 0, fields: { a: 1 } },
];

test('events come out the same however their bytes were cut', () => {
  assert.deepEqual(new EventParser().add(TEXT), WANT);
  fc.assert(
    fc.property(fc.array(fc.nat({ max: TEXT.length }), { maxLength: 8 }), (cuts) => {
      const parser = new EventParser();
      const ends = [...cuts.toSorted((one, other) => one - other), TEXT.length];
      // A line end of two characters that is cut apart is one, not two: that is not what we send.
      fc.pre(ends.every((at) => TEXT[at - 1] !== '\r'));
      const seen = ends.flatMap((end, index) => parser.add(TEXT.slice(ends[index - 1] ?? 0, end)));
      assert.deepEqual(seen, WANT);
    }),
  );
});

test('credentials as the header has them', () => {
  assert.equal(bearer(' abc \n'), 'Bearer abc');
  assert.equal(basic('admin', 'pässword'), `Basic ${Buffer.from('admin:pässword').toString('base64')}`);
});
