import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ChunkReader,
  encodeMessage,
  sizeOfChunks0,
  sizeOfChunks1,
  writeChunks0,
  writeChunks1,
} from '../../../../../src/protocols/rtmp/index.ts';

function hex(text: string): string {
  return text.replace(/\s+/g, '');
}

const PAYLOAD = Buffer.from('0102030405060708090a', 'hex');

const CASES = [
  {
    name: 'one chunk',
    csid: 3,
    time: 40,
    chunk: 10,
    want: '03 000028 00000a 09 04030201 0102030405060708090a',
  },
  {
    name: 'chunks',
    csid: 3,
    time: 40,
    chunk: 4,
    want: '03 000028 00000a 09 04030201 01020304 c3 05060708 c3 090a',
  },
  {
    name: 'exact chunks',
    csid: 3,
    time: 40,
    chunk: 5,
    want: '03 000028 00000a 09 04030201 0102030405 c3 060708090a',
  },
  {
    name: '2-byte id',
    csid: 319,
    time: 0,
    chunk: 5,
    want: '00ff 000000 00000a 09 04030201 0102030405 c0ff 060708090a',
  },
  {
    name: '3-byte id',
    csid: 65599,
    time: 0,
    chunk: 5,
    want: '01ffff 000000 00000a 09 04030201 0102030405 c1ffff 060708090a',
  },
  {
    name: 'extended timestamp',
    csid: 3,
    time: 0xffffff,
    chunk: 5,
    want: '03 ffffff 00000a 09 04030201 00ffffff 0102030405 c3 00ffffff 060708090a',
  },
  {
    name: 'timestamp beyond 2^32',
    csid: 3,
    time: 2 ** 32 + 5,
    chunk: 10,
    want: '03 000005 00000a 09 04030201 0102030405060708090a',
  },
];

for (const { name, csid, time, chunk, want } of CASES) {
  test(`writeChunks0: ${name}`, () => {
    const size = sizeOfChunks0(time, PAYLOAD.length, chunk, csid);
    const buf = Buffer.alloc(size + 2, 0xee);
    assert.equal(writeChunks0(buf, 1, csid, time, 9, 0x01020304, PAYLOAD, chunk), size + 1);
    assert.equal(buf.toString('hex'), `ee${hex(want)}ee`);
    const message = { csid, typeId: 9, streamId: 0x01020304, timestamp: time, payload: PAYLOAD };
    assert.equal(encodeMessage(message, chunk).toString('hex'), hex(want));
  });
}

const CASES_1 = [
  { name: 'one chunk', csid: 3, delta: 40, chunk: 10, want: '43 000028 00000a 09 0102030405060708090a' },
  {
    name: '2-byte id',
    csid: 64,
    delta: 0,
    chunk: 5,
    want: '4000 000000 00000a 09 0102030405 c000 060708090a',
  },
  {
    name: 'extended delta back in time',
    csid: 3,
    delta: -10,
    chunk: 5,
    want: '43 ffffff 00000a 09 fffffff6 0102030405 c3 fffffff6 060708090a',
  },
];

for (const { name, csid, delta, chunk, want } of CASES_1) {
  test(`writeChunks1: ${name}`, () => {
    const size = sizeOfChunks1(delta, PAYLOAD.length, chunk, csid);
    const buf = Buffer.alloc(size);
    assert.equal(writeChunks1(buf, 0, csid, delta, 9, PAYLOAD, chunk), size);
    assert.equal(buf.toString('hex'), hex(want));
  });
}

/** A message as one chunk stream sends it. `step` is the time since the message before. */
interface Sent {
  csid: number;
  typeId: number;
  streamId: number;
  step: number;
  delta: boolean;
  payload: Uint8Array;
}

const arbitraryMessage: fc.Arbitrary<Sent> = fc.record({
  csid: fc.oneof(fc.integer({ min: 2, max: 8 }), fc.constantFrom(63, 64, 319, 320, 65599)),
  typeId: fc.constantFrom(8, 9, 18, 20),
  streamId: fc.nat({ max: 0xffffffff }),
  step: fc.oneof(
    fc.nat({ max: 100 }),
    fc.constantFrom(0xfffffe, 0xffffff, 0x1000000, 0x7fffffff, 0xfffffff0),
  ),
  delta: fc.boolean(),
  payload: fc.uint8Array({ maxLength: 600 }),
});

test('what is written is read again: any chunk size, chunk streams, times across 2^32, interleaving and cuts', () => {
  fc.assert(
    fc.property(
      fc.array(arbitraryMessage, { minLength: 1, maxLength: 12 }),
      fc.constantFrom(1, 2, 7, 128, 200, 4096),
      fc.array(fc.nat({ max: 2000 }), { maxLength: 12 }),
      fc.infiniteStream(fc.nat({ max: 3 })),
      (messages, chunkSize, cuts, picks) => {
        // Each chunk stream's chunks in order; the streams' chunks are then shuffled together.
        const queues = new Map<number, Buffer[]>();
        const state = new Map<number, { time: number; streamId: number }>();
        const want = new Map<number, unknown[]>();
        for (const { csid, typeId, streamId, step, delta, payload } of messages) {
          const before = state.get(csid);
          const useDelta = delta && before !== undefined;
          const time = ((before?.time ?? 0) + step) % 2 ** 32;
          const body = Buffer.from(payload);
          const size = useDelta
            ? sizeOfChunks1(step, body.length, chunkSize, csid)
            : sizeOfChunks0(time, body.length, chunkSize, csid);
          const bytes = Buffer.alloc(size);
          const end = useDelta
            ? writeChunks1(bytes, 0, csid, step, typeId, body, chunkSize)
            : writeChunks0(bytes, 0, csid, time, typeId, streamId, body, chunkSize);
          assert.equal(end, size);
          const now = { time, streamId: useDelta ? before.streamId : streamId };
          state.set(csid, now);
          want.set(csid, [...(want.get(csid) ?? []), [typeId, time, now.streamId, body.toString('hex')]]);

          const basic = csid < 64 ? 1 : csid < 320 ? 2 : 3;
          const extended = (useDelta ? step : time) >= 0xffffff ? 4 : 0;
          const chunks: Buffer[] = [];
          let at = 0;
          let left = body.length;
          let head = basic + (useDelta ? 7 : 11) + extended;
          do {
            const part = Math.min(left, chunkSize);
            chunks.push(bytes.subarray(at, at + head + part));
            at += head + part;
            left -= part;
            head = basic + extended;
          } while (left > 0);
          queues.set(csid, [...(queues.get(csid) ?? []), ...chunks]);
        }
        const parts: Buffer[] = [];
        let live = [...queues.values()];
        while (live.length > 0) {
          const pick = picks.next().value as number;
          const queue = live[pick % live.length];
          const chunk = queue?.shift();
          if (chunk !== undefined) parts.push(chunk);
          live = live.filter((q) => q.length > 0);
        }
        const bytes = Buffer.concat(parts);

        const got = new Map<number, unknown[]>();
        const reader = new ChunkReader({
          onMessage(typeId, timestamp, streamId, payload, csid) {
            got.set(csid, [...(got.get(csid) ?? []), [typeId, timestamp, streamId, payload.toString('hex')]]);
          },
        });
        reader.setChunkSize(chunkSize);
        let from = 0;
        for (const to of [...cuts.filter((c) => c < bytes.length).sort((a, b) => a - b), bytes.length]) {
          reader.push(bytes.subarray(from, to));
          from = to;
        }
        assert.deepEqual([...got].sort(), [...want].sort());
        assert.equal(reader.partialBytes, 0);
      },
    ),
    { numRuns: 1000, interruptAfterTimeLimit: 4000, markInterruptAsFailure: false },
  );
});
