import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ServerError } from '../../../../src/base/errors.ts';
import {
  encodeMessage,
  MAX_AGGREGATE_MESSAGES,
  MESSAGE_TYPE,
  PEER_BANDWIDTH_TYPE,
  RtmpLink,
  USER_CONTROL_EVENT,
} from '../../../../src/protocols/rtmp/index.ts';

interface Side {
  readonly link: RtmpLink;
  /** `type@timestamp/stream:payload` of each message, `event:a,b` of each user control event. */
  readonly got: string[];
  readonly sent: Buffer[];
}

function side(): Side {
  const got: string[] = [];
  const sent: Buffer[] = [];
  const link = new RtmpLink(
    {
      onMessage: (typeId, timestamp, streamId, payload) =>
        got.push(`${typeId}@${timestamp}/${streamId}:${payload.toString('hex')}`),
      onUserControl: (event, a, b) => got.push(`${event}:${a},${b}`),
    },
    (bytes) => sent.push(bytes),
  );
  return { link, got, sent };
}

/** A control message as one chunk on chunk stream 2. */
function control(typeId: number, payload: string): Buffer {
  const bytes = Buffer.from(payload.replace(/\s+/g, ''), 'hex');
  return encodeMessage({ csid: 2, typeId, streamId: 0, timestamp: 0, payload: bytes }, 128);
}

/** What `from` has sent so far goes to `to`. */
function deliver(from: Side, to: Side): void {
  for (const bytes of from.sent.splice(0)) to.link.receive(bytes);
}

function sentHex(from: Side): string {
  return Buffer.concat(from.sent.splice(0)).toString('hex');
}

suite('RtmpLink', () => {
  test('messages pass both ways, in the chunk size that was announced', () => {
    const a = side();
    const b = side();
    const payload = Buffer.alloc(1000, 1);
    a.link.sendMessage(6, MESSAGE_TYPE.VIDEO, 1, 40, payload);
    a.link.setChunkSize(4096);
    a.link.sendMessage(6, MESSAGE_TYPE.VIDEO, 1, 80, payload);
    assert.deepEqual(
      a.sent.map((s) => s.length),
      [12 + 1000 + 7, 16, 12 + 1000],
    );
    assert.equal(a.link.bytesOut, 1019 + 16 + 1012);
    deliver(a, b);
    assert.equal(b.link.receiveChunkSize, 4096);
    assert.equal(b.link.bytesIn, a.link.bytesOut);
    assert.deepEqual(b.got, [`9@40/1:${payload.toString('hex')}`, `9@80/1:${payload.toString('hex')}`]);
  });

  test('a chunk size outside 1..2^31 - 1 is not sent', () => {
    for (const size of [0, 2 ** 31, 1.5, NaN])
      assert.throws(() => {
        side().link.setChunkSize(size);
      }, RangeError);
  });

  test('a ping is answered, its answer is told', () => {
    const a = side();
    const b = side();
    a.link.ping(0x01020304);
    deliver(a, b);
    assert.deepEqual(b.got, []);
    deliver(b, a);
    assert.deepEqual(a.got, [`${USER_CONTROL_EVENT.PING_RESPONSE}:16909060,0`]);
  });

  test('user control events carry one or two fields', () => {
    const a = side();
    const b = side();
    a.link.userControl(USER_CONTROL_EVENT.STREAM_BEGIN, 1);
    a.link.userControl(USER_CONTROL_EVENT.SET_BUFFER_LENGTH, 1, 3000);
    deliver(a, b);
    b.link.receive(control(4, '001a')); // SWF verification request: no field.
    b.link.receive(control(4, '001a 01')); // An event with one byte, as Flash Media Server sends.
    assert.deepEqual(b.got, ['0:1,0', '3:1,3000', '26:0,0', '26:0,0']);
  });

  test('abort drops what the peer has in part', () => {
    const b = side();
    const long = encodeMessage(
      { csid: 6, typeId: 9, streamId: 1, timestamp: 0, payload: Buffer.alloc(200) },
      128,
    );
    b.link.receive(long.subarray(0, 12 + 128));
    const a = side();
    a.link.abort(6);
    deliver(a, b);
    b.link.receive(
      encodeMessage({ csid: 6, typeId: 9, streamId: 1, timestamp: 7, payload: Buffer.of(5) }, 128),
    );
    assert.deepEqual(b.got, ['9@7/1:05']);
  });

  test('acknowledges at the half of the window, with the bytes received so far', () => {
    const b = side();
    b.link.receive(control(MESSAGE_TYPE.WINDOW_ACK_SIZE, '00000064')); // 100; these are 16 bytes.
    b.link.receive(Buffer.alloc(0));
    assert.equal(b.sent.length, 0);
    const video = encodeMessage(
      { csid: 6, typeId: 9, streamId: 1, timestamp: 0, payload: Buffer.alloc(22) },
      128,
    );
    b.link.receive(video); // 50 bytes now.
    assert.equal(sentHex(b), '02000000000004030000000000000032');
    b.link.receive(video);
    assert.equal(b.sent.length, 0);
    b.link.receive(video);
    assert.equal(sentHex(b), '02000000000004030000000000000076');
  });

  test('no acknowledgement unless asked for; the owner may ask in place of the peer', () => {
    const b = side();
    const video = encodeMessage(
      { csid: 6, typeId: 9, streamId: 1, timestamp: 0, payload: Buffer.alloc(22) },
      128,
    );
    b.link.receive(video);
    assert.equal(b.sent.length, 0);
    b.link.setReceiveWindow(20);
    b.link.receive(video);
    assert.equal(b.sent.length, 1);
  });

  test('what the peer asks for counts, whatever the owner asks for later', () => {
    const b = side();
    b.link.setReceiveWindow(1_000_000);
    b.link.receive(control(MESSAGE_TYPE.WINDOW_ACK_SIZE, '00000064')); // 100
    // A reload of in_ack_size: a peer that waits for its acknowledgement would stop for good.
    for (const window of [1_000_000, 0]) {
      b.link.setReceiveWindow(window);
      b.sent.length = 0;
      for (let i = 0; i < 3; i += 1) {
        b.link.receive(
          encodeMessage({ csid: 6, typeId: 9, streamId: 1, timestamp: 0, payload: Buffer.alloc(40) }, 128),
        );
      }
      assert.notEqual(b.sent.length, 0, `setReceiveWindow(${window})`);
    }
  });

  test('the sequence number wraps at 2^32', () => {
    // Real bytes: one message of 8 MiB, pushed until the count has passed 2^32.
    const a = side();
    a.link.setChunkSize(0x7fffff);
    a.link.sendMessage(6, 9, 1, 0, Buffer.alloc(0x7fffff));
    const [size, video] = a.sent.splice(0);
    assert.ok(size !== undefined && video !== undefined);
    const b = new RtmpLink({ onMessage: () => undefined, onUserControl: () => undefined }, (bytes) =>
      a.link.receive(bytes),
    );
    b.receive(size);
    b.setReceiveWindow(1000);
    let expected = size.length;
    while (expected < 2 ** 32 + 100) {
      b.receive(video);
      expected += video.length;
    }
    assert.equal(b.bytesIn, expected);
    assert.equal(a.link.peerAcknowledged, expected - 2 ** 32);
  });

  test('set peer bandwidth: hard, soft and dynamic, answered with a window size when it changes', () => {
    const { HARD, SOFT, DYNAMIC } = PEER_BANDWIDTH_TYPE;
    const steps = [
      { bytes: 5000, type: DYNAMIC, bandwidth: 0, answer: undefined }, // No hard one before: ignored.
      { bytes: 5000, type: HARD, bandwidth: 5000, answer: 5000 },
      { bytes: 5000, type: HARD, bandwidth: 5000, answer: undefined }, // The same window: no answer.
      { bytes: 6000, type: DYNAMIC, bandwidth: 6000, answer: 6000 }, // Behind a hard one it counts as hard.
      { bytes: 7000, type: SOFT, bandwidth: 6000, answer: undefined }, // Soft only lowers.
      { bytes: 4000, type: SOFT, bandwidth: 4000, answer: 4000 },
      { bytes: 9000, type: DYNAMIC, bandwidth: 4000, answer: undefined }, // The last was soft.
    ];
    const a = side();
    const b = side();
    for (const { bytes, type, bandwidth, answer } of steps) {
      a.link.setPeerBandwidth(bytes, type);
      deliver(a, b);
      assert.equal(b.link.peerBandwidth, bandwidth);
      const want =
        answer === undefined ? '' : control(5, answer.toString(16).padStart(8, '0')).toString('hex');
      assert.equal(sentHex(b), want);
    }
  });

  const BAD = [
    { name: 'chunk size of 3 bytes', bytes: control(1, '000001'), code: 'RTMP_CONTROL_INVALID' },
    { name: 'chunk size of 0', bytes: control(1, '00000000'), code: 'RTMP_CHUNK_SIZE_INVALID' },
    { name: 'chunk size of 2^31', bytes: control(1, '80000000'), code: 'RTMP_CHUNK_SIZE_INVALID' },
    { name: 'empty abort', bytes: control(2, ''), code: 'RTMP_CONTROL_INVALID' },
    { name: 'short acknowledgement', bytes: control(3, '00'), code: 'RTMP_CONTROL_INVALID' },
    { name: 'short window size', bytes: control(5, '00'), code: 'RTMP_CONTROL_INVALID' },
    { name: 'short bandwidth', bytes: control(6, '00'), code: 'RTMP_CONTROL_INVALID' },
    { name: 'user control without event', bytes: control(4, '00'), code: 'RTMP_CONTROL_INVALID' },
    { name: 'ping without a time', bytes: control(4, '0006 00'), code: 'RTMP_CONTROL_INVALID' },
  ];
  for (const { name, bytes, code } of BAD) {
    test(`refused: ${name}`, () => {
      assert.throws(
        () => {
          side().link.receive(bytes);
        },
        { name: 'ServerError', code },
      );
    });
  }
});

suite('aggregate messages', () => {
  /** One message inside an aggregate. */
  function inner(typeId: number, time: number, payload: string): string {
    const length = (payload.length / 2).toString(16).padStart(6, '0');
    const low = (time & 0xffffff).toString(16).padStart(6, '0');
    const high = (time >>> 24).toString(16).padStart(2, '0');
    return `${typeId.toString(16).padStart(2, '0')}${length}${low}${high}000000${payload}00000000`;
  }

  function receive(timestamp: number, payload: string): string[] {
    const b = side();
    const bytes = Buffer.from(payload, 'hex');
    b.link.receive(encodeMessage({ csid: 5, typeId: 22, streamId: 1, timestamp, payload: bytes }, 128));
    return b.got;
  }

  test('are split, their times keep their distance to the first', () => {
    const payload = inner(8, 1000, 'aa') + inner(9, 1020, 'bbbb') + inner(18, 0x1000000, '');
    assert.deepEqual(receive(40, payload), ['8@40/1:aa', '9@60/1:bbbb', `18@${0x1000000 - 960}/1:`]);
  });

  test('times wrap at 2^32 both ways', () => {
    assert.deepEqual(receive(0xfffffff0, inner(8, 0, 'aa') + inner(8, 0x20, 'bb')), [
      '8@4294967280/1:aa',
      '8@16/1:bb',
    ]);
    assert.deepEqual(receive(5, inner(8, 100, 'aa') + inner(8, 90, 'bb')), [
      '8@5/1:aa',
      `8@${2 ** 32 - 5}/1:bb`,
    ]);
  });

  test('an empty one has no messages', () => {
    assert.deepEqual(receive(0, ''), []);
  });

  const BAD = [
    { name: 'ends in a header', payload: inner(8, 0, 'aa') + '0800' },
    { name: 'ends in a payload', payload: inner(8, 0, 'aabb').slice(0, -10) },
    { name: 'ends in a back pointer', payload: inner(8, 0, 'aabb').slice(0, -2) },
    { name: 'an aggregate inside', payload: inner(22, 0, inner(8, 0, 'aa')) },
    { name: 'a chunk size inside', payload: inner(1, 0, '00000001') },
    { name: 'a flood', payload: inner(8, 0, '').repeat(MAX_AGGREGATE_MESSAGES + 1) },
  ];
  for (const { name, payload } of BAD) {
    test(`refused: ${name}`, () => {
      assert.throws(() => receive(0, payload), { name: 'ServerError', code: 'RTMP_AGGREGATE_INVALID' });
    });
  }

  test('as many as the limit pass', () => {
    assert.equal(receive(0, inner(8, 0, '').repeat(MAX_AGGREGATE_MESSAGES)).length, MAX_AGGREGATE_MESSAGES);
  });
});

test('RtmpLink survives any control messages', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: 24 }), fc.uint8Array({ maxLength: 60 })), { maxLength: 10 }),
      (messages) => {
        const { link } = side();
        try {
          for (const [typeId, payload] of messages) {
            link.receive(
              encodeMessage(
                { csid: 2, typeId, streamId: 0, timestamp: 0, payload: Buffer.from(payload) },
                link.receiveChunkSize,
              ),
            );
          }
        } catch (error) {
          assert.ok(error instanceof ServerError, String(error));
        }
      },
    ),
    { numRuns: 3000, interruptAfterTimeLimit: 2000, markInterruptAsFailure: false },
  );
});
