import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { ErrorCode } from '../../../../../src/base/errors.ts';
import { ServerError } from '../../../../../src/base/errors.ts';
import {
  ChunkReader,
  encodeMessage,
  MAX_CHUNK_STREAMS,
  MAX_MESSAGE_BYTES,
  MAX_PARTIAL_BYTES,
} from '../../../../../src/protocols/rtmp/index.ts';

interface Got {
  typeId: number;
  timestamp: number;
  streamId: number;
  csid: number;
  payload: string;
}

/** Hex with spaces; `//` comments run to the end of their line. */
function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\/\/.*$/gm, '').replace(/\s+/g, ''), 'hex');
}

function read(pieces: readonly Buffer[], chunkSize = 4): Got[] {
  const got: Got[] = [];
  const reader = new ChunkReader({
    onMessage(typeId, timestamp, streamId, payload, csid) {
      // Type 2 is the abort message here, as a link would act on it.
      if (typeId === 2) reader.abort(payload.readUInt32BE(0));
      else if (typeId === 1) reader.setChunkSize(payload.readUInt32BE(0));
      else got.push({ typeId, timestamp, streamId, csid, payload: payload.toString('hex') });
    },
  });
  reader.setChunkSize(chunkSize);
  for (const piece of pieces) reader.push(piece);
  return got;
}

function oneByOne(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
}

const CASES: { name: string; bytes: string; want?: Partial<Got>[]; error?: ErrorCode }[] = [
  {
    name: 'type 0',
    bytes: '03 000028 000002 09 01000000 aabb',
    want: [{ csid: 3, timestamp: 40, typeId: 9, streamId: 1, payload: 'aabb' }],
  },
  { name: 'one byte short of a header', bytes: '03 000028 000002 09 010000', want: [] },
  { name: 'one byte short of the payload', bytes: '03 000028 000002 09 01000000 aa', want: [] },
  { name: 'no payload', bytes: '03 000001 000000 09 01000000', want: [{ payload: '', timestamp: 1 }] },
  {
    name: 'the stream id is little-endian and unsigned',
    bytes: '03 000000 000001 08 010203ff aa',
    want: [{ streamId: 0xff030201 }],
  },
  {
    name: 'types 1, 2 and 3 lean on the header before',
    bytes: `04 000064 000002 08 01000000 a1a2 // 100 ms.
            44 00000a 000001 09 b1            // + 10 ms, other length and type.
            84 000014 c1                      // + 20 ms.
            c4 d1                             // + 20 ms again.`,
    want: [
      { timestamp: 100, typeId: 8, payload: 'a1a2' },
      { timestamp: 110, typeId: 9, payload: 'b1', streamId: 1 },
      { timestamp: 130, typeId: 9, payload: 'c1' },
      { timestamp: 150, typeId: 9, payload: 'd1' },
    ],
  },
  {
    name: 'type 3 behind type 0 takes the timestamp as its delta (FMLE audio)',
    bytes: '04 00001a 000001 08 01000000 aa c4 bb c4 cc',
    want: [{ timestamp: 26 }, { timestamp: 52 }, { timestamp: 78 }],
  },
  {
    name: 'a message of three chunks, its continuations do not move the time',
    bytes: '04 000005 000009 08 01000000 01020304 c4 05060708 c4 09 c4 11121314 c4 15161718 c4 19',
    want: [
      { timestamp: 5, payload: '010203040506070809' },
      { timestamp: 10, payload: '111213141516171819' },
    ],
  },
  {
    name: 'a length of exactly two chunks has no third',
    bytes: '04 000005 000008 08 01000000 01020304 c4 05060708 44 000001 000001 08 ff',
    want: [{ payload: '0102030405060708' }, { payload: 'ff', timestamp: 6 }],
  },
  {
    name: '2-byte chunk stream ids',
    bytes: '00 00 000000 000001 08 00000000 aa 00 ff 000000 000001 08 00000000 bb',
    want: [
      { csid: 64, payload: 'aa' },
      { csid: 319, payload: 'bb' },
    ],
  },
  {
    name: '3-byte chunk stream ids, low byte first',
    bytes: '01 0001 000000 000001 08 00000000 aa 01 ffff 000000 000001 08 00000000 bb',
    want: [
      { csid: 320, payload: 'aa' },
      { csid: 65599, payload: 'bb' },
    ],
  },
  {
    name: 'the same chunk stream in its 2-byte and 3-byte form',
    bytes: '00 00 000000 000005 08 00000000 01020304 c1 0000 05',
    want: [{ csid: 64, payload: '0102030405' }],
  },
  {
    name: 'interleaved chunk streams',
    bytes: `04 000001 000006 08 01000000 a1a2a3a4
            06 000002 000005 09 01000000 b1b2b3b4
            c4 a5a6
            c6 b5`,
    want: [
      { csid: 4, payload: 'a1a2a3a4a5a6', timestamp: 1 },
      { csid: 6, payload: 'b1b2b3b4b5', timestamp: 2 },
    ],
  },
  {
    name: 'abort drops the message that is under way, the next begins anew',
    bytes: `04 000001 000006 08 01000000 a1a2a3a4
            02 000000 000004 02 00000000 00000004 // Abort chunk stream 4.
            04 000002 000005 08 01000000 b1b2b3b4
            c4 b5`,
    want: [{ csid: 4, payload: 'b1b2b3b4b5', timestamp: 2 }],
  },
  {
    name: 'abort of a chunk stream that does not exist or is idle',
    bytes: `04 000001 000001 08 01000000 aa
            02 000000 000004 02 00000000 00000004
            02 000000 000004 02 00000000 00000099
            c4 bb`,
    want: [{ payload: 'aa' }, { payload: 'bb' }],
  },
  {
    name: 'a larger chunk size counts from the next chunk, also for a message under way',
    bytes: `04 000001 00000a 08 01000000 01020304
            02 000000 000004 01 00000000 00000100 // Set Chunk Size 256.
            c4 05060708090a`,
    want: [{ payload: '0102030405060708090a' }],
  },
  {
    name: 'chunk size 1',
    bytes: `02 000000 000004 01 00000000 00000001
            04 000001 000003 08 01000000 01 c4 02 c4 03`,
    want: [{ payload: '010203' }],
  },
  {
    name: 'chunk size 2^31 - 1',
    bytes: `02 000000 000004 01 00000000 7fffffff
            04 000001 000009 08 01000000 010203040506070809`,
    want: [{ payload: '010203040506070809' }],
  },
  { name: 'chunk size 0', bytes: '02 000000 000004 01 00000000 00000000', error: 'RTMP_CHUNK_SIZE_INVALID' },
  {
    name: 'chunk size 2^31',
    bytes: '02 000000 000004 01 00000000 80000000',
    error: 'RTMP_CHUNK_SIZE_INVALID',
  },
  {
    name: 'extended timestamp, repeated in type 3 chunks as 5.3.1.3 has it',
    bytes: `04 ffffff 000006 08 01000000 01000000 a1a2a3a4
            c4 01000000 a5a6`,
    want: [{ timestamp: 0x1000000, payload: 'a1a2a3a4a5a6' }],
  },
  {
    name: 'extended timestamp of exactly ffffff',
    bytes: '04 ffffff 000001 08 01000000 00ffffff aa',
    want: [{ timestamp: 0xffffff, payload: 'aa' }],
  },
  {
    name: 'extended timestamp, not repeated in type 3 chunks (old librtmp and ffmpeg)',
    bytes: `04 ffffff 00000a 08 01000000 01000000 a1a2a3a4
            c4 a5a6a7a8
            c4 a9aa`,
    want: [{ timestamp: 0x1000000, payload: 'a1a2a3a4a5a6a7a8a9aa' }],
  },
  {
    name: 'not repeated, and the payload begins like the timestamp',
    bytes: `04 ffffff 000007 08 01000000 01000000 a1a2a3a4
            c4 010000
            44 00000a 000001 08 bb`,
    want: [{ payload: 'a1a2a3a4010000' }, { timestamp: 0x100000a, payload: 'bb' }],
  },
  {
    name: 'extended delta, continuations repeat the delta',
    bytes: `04 000005 000001 08 01000000 aa
            44 ffffff 000006 08 01000000 b1b2b3b4
            c4 01000000 b5b6`,
    want: [{ timestamp: 5 }, { timestamp: 0x1000005, payload: 'b1b2b3b4b5b6' }],
  },
  {
    name: 'extended delta, continuations repeat the absolute time',
    bytes: `04 000005 000001 08 01000000 aa
            44 ffffff 000006 08 01000000 b1b2b3b4
            c4 01000005 b5b6`,
    want: [{ timestamp: 5 }, { timestamp: 0x1000005, payload: 'b1b2b3b4b5b6' }],
  },
  {
    name: 'a new type 3 message behind an extended type 0 says its absolute time, as SRS reads it',
    bytes: '04 ffffff 000001 08 01000000 01000000 aa c4 01000014 bb',
    want: [{ timestamp: 0x1000000 }, { timestamp: 0x1000014, payload: 'bb' }],
  },
  {
    name: 'a new type 3 message behind an extended delta says its delta',
    bytes: '04 000005 000001 08 01000000 aa 44 ffffff 000001 08 01000000 bb c4 01000001 cc',
    want: [{ timestamp: 5 }, { timestamp: 0x1000005 }, { timestamp: 0x2000006, payload: 'cc' }],
  },
  {
    name: 'a delta across 2^32 wraps',
    bytes: '04 ffffff 000001 08 01000000 fffffff6 aa 44 000014 000001 08 bb c4 cc',
    want: [{ timestamp: 0xfffffff6 }, { timestamp: 10 }, { timestamp: 30 }],
  },
  {
    name: 'a step back as a delta of 2^32 - 10',
    bytes: '04 000064 000001 08 01000000 aa 44 ffffff 000001 08 fffffff6 bb',
    want: [{ timestamp: 100 }, { timestamp: 90 }],
  },
  {
    name: 'type 1 on a fresh chunk stream (the ping of librtmp)',
    bytes: '42 000000 000004 04 00060d0f',
    want: [{ csid: 2, typeId: 4, streamId: 0, timestamp: 0, payload: '00060d0f' }],
  },
  { name: 'type 2 on a fresh chunk stream', bytes: '84 000000', error: 'RTMP_CHUNK_START' },
  { name: 'type 3 on a fresh chunk stream', bytes: 'c4', error: 'RTMP_CHUNK_START' },
  {
    name: 'type 0 inside a message',
    bytes: '04 000001 000006 08 01000000 a1a2a3a4 04 000001 000006 08 01000000 a1a2a3a4',
    error: 'RTMP_CHUNK_START',
  },
  {
    name: 'types 1 and 2 go on with a message (SHOULD be type 3, 5.3.1.2.4), its time stays',
    bytes: '04 000001 00000a 08 01000000 a1a2a3a4 44 000007 00000a 08 a5a6a7a8 84 000007 a9aa',
    want: [{ timestamp: 1, payload: 'a1a2a3a4a5a6a7a8a9aa' }],
  },
  {
    name: 'another length inside a message',
    bytes: '04 000001 000006 08 01000000 a1a2a3a4 44 000001 000007 08 a1a2a3a4',
    error: 'RTMP_MESSAGE_LENGTH_CHANGED',
  },
  { name: 'longest length', bytes: '04 000001 800000 08 01000000', want: [] },
  { name: 'one byte too long', bytes: '04 000001 800001 08 01000000', error: 'RTMP_MESSAGE_TOO_LARGE' },
  { name: '16 MB announced', bytes: '04 000001 ffffff 08 01000000', error: 'RTMP_MESSAGE_TOO_LARGE' },
];

suite('ChunkReader', () => {
  for (const { name, bytes, want, error } of CASES) {
    for (const [way, cut] of [
      ['at once', (b: Buffer) => [b]],
      ['byte by byte', oneByOne],
    ] as const) {
      test(`${name}, ${way}`, () => {
        const pieces = cut(hex(bytes));
        if (error !== undefined) {
          assert.throws(() => read(pieces), { name: 'ServerError', code: error });
          return;
        }
        const got = read(pieces);
        const expected = want ?? [];
        assert.equal(got.length, expected.length);
        got.forEach((message, i) => {
          assert.deepEqual({ ...message, ...expected[i] }, message);
        });
      });
    }
  }

  test('every case gives the same however it is cut', () => {
    const cases = CASES.filter((c) => c.error === undefined).map((c) => hex(c.bytes));
    for (const bytes of cases) {
      const whole = read([bytes]);
      for (let a = 0; a <= bytes.length; a++) {
        for (let b = a; b <= bytes.length; b++) {
          assert.deepEqual(read([bytes.subarray(0, a), bytes.subarray(a, b), bytes.subarray(b)]), whole);
        }
      }
    }
  });

  test('a message that is one chunk in one buffer is a view, another is a copy', () => {
    const payloads: Buffer[] = [];
    const reader = new ChunkReader({ onMessage: (_type, _time, _stream, payload) => payloads.push(payload) });
    reader.setChunkSize(4);
    // Not from the pool that small copies come from.
    const bytes = Buffer.from(new Uint8Array(hex('04 000001 000002 08 01000000 a1a2 c4 b1b2')).buffer);
    reader.push(bytes.subarray(0, -1));
    reader.push(bytes.subarray(-1));
    assert.equal(payloads[0]?.buffer, bytes.buffer);
    assert.notEqual(payloads[1]?.buffer, bytes.buffer);
    assert.deepEqual(payloads[1], hex('b1b2'));
    assert.equal(reader.partialBytes, 0);
  });

  test('the input is left as it was', () => {
    const bytes = hex('04 000005 000009 08 01000000 01020304 c4 05060708 c4 09');
    const before = Buffer.from(bytes);
    read([bytes]);
    assert.deepEqual(bytes, before);
  });
});

suite('ChunkReader under hostile peers', () => {
  function quiet(): ChunkReader {
    return new ChunkReader({ onMessage: () => undefined });
  }

  /** Header of type 0 on a chunk stream of the 2-byte form. */
  function header(csid: number, length: number): Buffer {
    const bytes = Buffer.alloc(13);
    bytes[1] = csid - 64;
    bytes.writeUIntBE(length, 5, 3);
    bytes[8] = 9;
    return bytes;
  }

  test('8 MB announced on 64 chunk streams cost nothing but what came', () => {
    const reader = quiet();
    for (let csid = 64; csid < 128; csid++) {
      reader.push(Buffer.concat([header(csid, MAX_MESSAGE_BYTES), Buffer.alloc(128)]));
    }
    assert.ok(reader.partialBytes <= 64 * 512, `${reader.partialBytes} bytes held`);
  });

  test('unfinished messages are bounded together', () => {
    const reader = quiet();
    reader.setChunkSize(0x7fffff);
    const most = Buffer.alloc(0x7fffff);
    assert.throws(
      () => {
        for (let csid = 64; csid < 68; csid++) {
          reader.push(header(csid, MAX_MESSAGE_BYTES));
          reader.push(most);
        }
      },
      { code: 'RTMP_PARTIAL_TOO_LARGE' },
    );
    assert.ok(reader.partialBytes <= MAX_PARTIAL_BYTES + MAX_MESSAGE_BYTES);
  });

  test('abort gives the memory back', () => {
    const reader = quiet();
    for (let round = 0; round < 100; round++) {
      reader.push(Buffer.concat([header(70, MAX_MESSAGE_BYTES), Buffer.alloc(128)]));
      assert.equal(reader.partialBytes, 512);
      reader.abort(70);
      assert.equal(reader.partialBytes, 0);
    }
  });

  test('chunk streams are bounded', () => {
    const reader = quiet();
    for (let i = 0; i < MAX_CHUNK_STREAMS; i++) reader.push(header(64 + i, 0));
    reader.push(header(64, 0));
    assert.throws(
      () => {
        reader.push(header(64 + MAX_CHUNK_STREAMS, 0));
      },
      { code: 'RTMP_CHUNK_STREAMS_EXCEEDED' },
    );
  });

  test('the longest message passes in small pieces', () => {
    const payload = Buffer.alloc(MAX_MESSAGE_BYTES, 7);
    let length = 0;
    const reader = new ChunkReader({ onMessage: (_type, _time, _stream, got) => (length = got.length) });
    const message = { csid: 6, typeId: 9, streamId: 1, timestamp: 0, payload };
    const bytes = encodeMessage(message, 128);
    for (let at = 0; at < bytes.length; at += 1448) reader.push(bytes.subarray(at, at + 1448));
    assert.equal(length, MAX_MESSAGE_BYTES);
    assert.equal(reader.partialBytes, 0);
  });
});

test('ChunkReader survives any bytes', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (pieces) => {
      const reader = new ChunkReader({ onMessage: () => undefined });
      try {
        for (const piece of pieces) reader.push(Buffer.from(piece));
      } catch (error) {
        assert.ok(error instanceof ServerError, String(error));
      }
      assert.ok(reader.partialBytes <= 4 * 300 * 20 + 512 * MAX_CHUNK_STREAMS);
    }),
    { numRuns: 3000, interruptAfterTimeLimit: 2000, markInterruptAsFailure: false },
  );
});
