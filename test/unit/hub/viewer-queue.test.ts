import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ViewerQueue } from '../../../src/hub/viewer-queue.ts';
import { TestSink } from '../../support/hub-fixtures.ts';

const BOUNDS = { queueLengthMs: 1_000, queueMaxBytes: 1_000 };

test('a viewer that keeps up gets the very same Buffer', () => {
  const sink = new TestSink();
  const queue = new ViewerQueue(sink, BOUNDS);
  const window = Buffer.from('abc');
  assert.equal(queue.offer(window, 40, 40), true);
  assert.equal(sink.written[0], window);
  assert.equal(queue.sentDts, 40);
  assert.equal(queue.sentBytes, 3);
});

for (const { name, bytes, spanMs } of [
  { name: 'bytes', bytes: 300, spanMs: 1 },
  { name: 'media time', bytes: 1, spanMs: 300 },
]) {
  test(`over the bound of ${name} all is dropped and counted`, () => {
    const sink = new TestSink();
    sink.reading = false;
    const queue = new ViewerQueue(sink, BOUNDS);
    const window = Buffer.alloc(bytes);
    assert.equal(queue.offer(window, spanMs, 0), true, 'to the socket');
    for (let n = 1; n <= 3; n += 1) assert.equal(queue.offer(window, spanMs, n), true);
    assert.equal(queue.queuedBytes, 3 * bytes);
    assert.equal(queue.queuedMs, 3 * spanMs);
    assert.equal(queue.offer(window, spanMs, 4), false);
    assert.equal(queue.queuedBytes, 0);
    assert.equal(queue.queuedMs, 0);
    assert.equal(queue.drops, 1);
    assert.equal(queue.droppedBytes, 4 * bytes);
    assert.equal(queue.givenDts, 0, 'only the first window was given');
  });
}

test('draining joins small windows into pieces of 256 KiB and keeps order', () => {
  const sink = new TestSink();
  sink.reading = false;
  const queue = new ViewerQueue(sink, { queueLengthMs: 1e9, queueMaxBytes: 1e9 });
  const windows = Array.from({ length: 300 }, (_, n) => Buffer.alloc(4_000, n));
  for (const window of windows) queue.offer(window, 10, 0);
  sink.pendingBytes = 0;
  sink.reading = true;
  queue.drain();
  assert.ok(queue.isEmpty);
  assert.equal(queue.queuedMs, 0);
  assert.ok(sink.bytes.equals(Buffer.concat(windows)));
  assert.equal(sink.written.length, 1 + Math.ceil(299 / 65));
  assert.ok(sink.written.every((piece) => piece.length <= 256 * 1024));
});

test('a sink that fills up again stops the draining', () => {
  const sink = new TestSink();
  sink.reading = false;
  const queue = new ViewerQueue(sink, { queueLengthMs: 1e9, queueMaxBytes: 1e9 });
  for (let n = 0; n < 4; n += 1) queue.offer(Buffer.alloc(200_000, n), 10, n);
  sink.pendingBytes = 0;
  queue.drain();
  assert.equal(sink.written.length, 2);
  assert.equal(queue.queuedBytes, 400_000);
  assert.equal(queue.sentDts, 1);
});

test('the next offer writes on when the sink never told that it drained', () => {
  const sink = new TestSink();
  sink.reading = false;
  const queue = new ViewerQueue(sink, BOUNDS);
  queue.offer(Buffer.from('a'), 1, 1);
  queue.offer(Buffer.from('b'), 1, 2);
  sink.reading = true;
  sink.pendingBytes = 0;
  queue.offer(Buffer.from('c'), 1, 3);
  assert.equal(sink.bytes.toString(), 'abc');
});

test('whatever happens, bytes come out in order and the bounds hold', () => {
  const step = fc.oneof(
    fc.record({ offer: fc.integer({ min: 1, max: 300 }) }),
    fc.record({ reading: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const sink = new TestSink();
      const queue = new ViewerQueue(sink, BOUNDS);
      let value = 0;
      let offered = 0;
      for (const at of steps) {
        if ('offer' in at) {
          value = (value + 1) & 255;
          offered += at.offer;
          queue.offer(Buffer.alloc(at.offer, value), 30, value);
        } else {
          sink.reading = at.reading;
          if (at.reading) sink.pendingBytes = 0;
          queue.drain();
        }
        assert.ok(queue.queuedBytes <= BOUNDS.queueMaxBytes && queue.queuedMs <= BOUNDS.queueLengthMs);
        assert.equal(queue.sentBytes + queue.queuedBytes + queue.droppedBytes, offered);
      }
      assert.equal(sink.bytes.length, queue.sentBytes);
      const seen = sink.bytes;
      for (let n = 1; n < seen.length; n += 1) assert.ok((seen[n] ?? 0) >= (seen[n - 1] ?? 0));
    }),
    { numRuns: 500, interruptAfterTimeLimit: 3_000, markInterruptAsFailure: false },
  );
});
