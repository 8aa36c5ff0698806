import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeldMessages, MAX_HELD_BYTES } from '../../../../src/endpoints/rtmp/held-messages.ts';

test('messages come back in order, also those added between', () => {
  const held = new HeldMessages();
  const add = (id: number): void => held.add(9, id, 1, Buffer.from([id]));
  add(1);
  add(2);
  assert.equal(held.shift()?.timestamp, 1);
  add(3);
  assert.deepEqual([held.shift()?.timestamp, held.shift()?.timestamp, held.shift()], [2, 3, undefined]);
  add(4);
  assert.deepEqual(held.shift(), { typeId: 9, timestamp: 4, streamId: 1, payload: Buffer.from([4]) });
});

for (const [name, bytes] of [
  ['big', 100_000],
  ['empty', 0],
] as const) {
  test(`${name} messages are bounded; what was handed on counts no more`, () => {
    const held = new HeldMessages();
    const payload = Buffer.alloc(bytes);
    const fill = (): number => {
      let count = 0;
      assert.throws(
        () => {
          for (; ; count += 1) held.add(9, 0, 1, payload);
        },
        { code: 'RTMP_FLOOD' },
      );
      return count;
    };
    const count = fill();
    assert.ok(count > 5 && count <= MAX_HELD_BYTES / 64);
    held.clear();
    assert.equal(fill(), count);
  });
}

test('a queue that is emptied as fast as it is filled never overflows', () => {
  const held = new HeldMessages();
  const payload = Buffer.alloc(300_000);
  held.add(9, 0, 1, payload);
  for (let round = 0; round < 100; round += 1) {
    held.add(9, round, 1, payload);
    assert.ok(held.shift());
  }
});
