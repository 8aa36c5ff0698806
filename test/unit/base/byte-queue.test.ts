import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteQueue } from '../../../src/base/byte-queue.ts';

test('bytes come out in order however they were cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 150 }),
      fc.infiniteStream(fc.nat({ max: 12 })),
      (pieces, sizes) => {
        const queue = new ByteQueue();
        const all = Buffer.concat(pieces);
        let at = 0;
        let pushed = 0;
        for (const piece of pieces) {
          queue.push(Buffer.from(piece));
          pushed += piece.length;
          const size = sizes.next().value as number;
          const peeked = queue.peek(size);
          const took = queue.take(size);
          assert.deepEqual(took, peeked);
          assert.equal(took === undefined, size > pushed - at);
          if (took !== undefined) {
            assert.deepEqual(took, all.subarray(at, at + size));
            at += size;
          }
          if (size === 3) at += queue.skip(2);
          assert.equal(queue.length, pushed - at);
        }
        assert.deepEqual(queue.takeAll(), all.subarray(at));
        assert.equal(queue.length, 0);
      },
    ),
    { interruptAfterTimeLimit: 2000, markInterruptAsFailure: false },
  );
});

test('a take within one piece is a view, across a border a copy', () => {
  const queue = new ByteQueue();
  const piece = Buffer.from(new Uint8Array([1, 2, 3, 4]).buffer);
  queue.push(piece);
  queue.push(Buffer.from(new Uint8Array([5, 6]).buffer));
  assert.equal(queue.take(3)?.buffer, piece.buffer);
  const across = queue.take(2);
  assert.deepEqual(across, Buffer.from([4, 5]));
  assert.notEqual(across.buffer, piece.buffer);
  assert.equal(queue.take(2), undefined);
  assert.equal(queue.length, 1);
});
