import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { flvHeader, sizeOfTag, writeTag } from '../../../../src/containers/flv/index.ts';
import { findFlvTag, flvStartHead } from '../../../../src/endpoints/http/flv-start.ts';

function tag(type: number, body: Buffer): Buffer {
  const bytes = Buffer.alloc(sizeOfTag(body.length));
  writeTag(bytes, 0, type, 0, body);
  return bytes;
}

const HEADER = flvHeader({ audio: true, video: true });
const CONFIG = tag(9, Buffer.from('1700000000aa', 'hex'));
const FRAME = tag(9, Buffer.from('1701000000bb', 'hex'));

test('the head is the header and the first config record of each kind', () => {
  const hevc = tag(9, Buffer.from('9068766331aabb', 'hex')); // Enhanced RTMP: SequenceStart, 'hvc1'.
  assert.deepEqual(
    flvStartHead(Buffer.concat([HEADER, FRAME, CONFIG, CONFIG])),
    Buffer.concat([HEADER, CONFIG]),
  );
  assert.deepEqual(flvStartHead(Buffer.concat([HEADER, hevc, CONFIG])), Buffer.concat([HEADER, hevc]));
  assert.deepEqual(flvStartHead(Buffer.concat([HEADER, CONFIG.subarray(0, -1)])), HEADER);
  assert.equal(flvStartHead(Buffer.from('FLV')), undefined);
  assert.equal(flvStartHead(Buffer.from('not an FLV file')), undefined);
});

test('the next whole tag is found from anywhere', () => {
  assert.equal(findFlvTag(Buffer.concat([FRAME, FRAME])), 0);
  assert.equal(findFlvTag(Buffer.concat([FRAME.subarray(3), FRAME])), FRAME.length - 3);
  assert.equal(findFlvTag(FRAME.subarray(0, 12)), 0);
  assert.equal(findFlvTag(Buffer.alloc(100)), undefined);
  const wrongSize = Buffer.from(FRAME);
  wrongSize.writeUInt32BE(0, FRAME.length - 4);
  assert.equal(findFlvTag(Buffer.concat([wrongSize, FRAME])), 0);
  assert.equal(findFlvTag(Buffer.concat([FRAME.subarray(3), wrongSize, FRAME])), 2 * FRAME.length - 3);
});

test('any bytes are looked at without an error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, withHeader) => {
      const buffer = withHeader ? Buffer.concat([HEADER, bytes]) : Buffer.from(bytes);
      const head = flvStartHead(buffer);
      assert.ok(head === undefined || head.length <= buffer.length);
      const at = findFlvTag(buffer);
      assert.ok(at === undefined || at < buffer.length);
    }),
    { interruptAfterTimeLimit: 2_000, markInterruptAsFailure: false },
  );
});
