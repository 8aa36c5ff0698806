import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { RtmpMessageReader } from '../../../../bench/load/rtmp-message-reader.ts';
import { createSource, LOOP_MS } from '../../../../bench/load/source.ts';
import {
  isKeyPicture,
  readStamp,
  STAMP_BYTES,
  writeStamp,
  writeStampNal,
} from '../../../../bench/load/stamp.ts';

suite('the stream of the bench', () => {
  test('is 237 kbps and 68 messages a second, and the same in every run', () => {
    const source = createSource();
    const bytes = source.loop.reduce((sum, { bytes: one }) => sum + one.length, 0);
    assert.ok(Math.abs((bytes * 8) / LOOP_MS - 237) < 5, `${(bytes * 8) / LOOP_MS} kbps`);
    assert.equal(source.loop.length, 136);
    assert.deepEqual(createSource().loop, source.loop);
  });

  test('its time goes on evenly from one turn to the next', () => {
    const { loop } = createSource();
    const deltas = { video: 0, audio: 0 };
    for (const { bytes, stampAt } of loop) deltas[stampAt < 0 ? 'audio' : 'video'] += bytes.readUIntBE(1, 3);
    assert.deepEqual(deltas, { video: LOOP_MS, audio: LOOP_MS });
    assert.ok(loop.every(({ atMs }, i) => i === 0 || atMs >= (loop[i - 1]?.atMs ?? 0)));
  });

  for (const scale of [1, 10])
    test(`scale ${scale} is read back as metadata, two config records and pictures with stamps`, () => {
      const { preamble, loop } = createSource(scale);
      const types: number[] = [];
      let keys = 0;
      let stamps = 0;
      const reader = new RtmpMessageReader((typeId, body) => {
        types.push(typeId);
        if (typeId !== 9) return;
        if (isKeyPicture(body)) keys++;
        if (readStamp(body) !== undefined) stamps++;
      });
      // The chunk size that the load announces: big pictures are more than one chunk.
      reader.write(Buffer.from('020000000000040100000000' + '0000ea60', 'hex'));
      reader.write(Buffer.concat([preamble, ...loop.map(({ bytes }) => bytes)]));
      assert.deepEqual(types.slice(0, 4), [1, 18, 9, 8]);
      assert.deepEqual({ keys, stamps, messages: types.length }, { keys: 1, stamps: 50, messages: 4 + 136 });
    });

  test('pictures grow with the scale', () => {
    assert.ok(createSource(10).loopMediaBytes > 7 * createSource(1).loopMediaBytes);
  });
});

suite('stamps', () => {
  test('come back as they were written, and never look like a start code', () => {
    const body = Buffer.alloc(9 + STAMP_BYTES);
    body[0] = 0x27;
    writeStampNal(body, 9);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 52 }),
        fc.integer({ min: 0, max: 2 ** 28 - 1 }),
        (time, sequence) => {
          writeStamp(body, 9, time, sequence);
          assert.deepEqual(readStamp(body), { sentMicros: time, sequence });
          assert.ok(body.subarray(9 + 19, 9 + 31).every((byte) => byte >= 0x80));
        },
      ),
    );
  });

  test('other bodies have none', () => {
    assert.equal(readStamp(Buffer.alloc(200, 6)), undefined);
    assert.equal(readStamp(Buffer.alloc(8)), undefined);
  });
});
