import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ServerError } from '../../../../../src/base/errors.ts';
import type { HandshakeStep } from '../../../../../src/protocols/rtmp/index.ts';
import { ClientHandshake, ServerHandshake } from '../../../../../src/protocols/rtmp/index.ts';

const SECRET = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex');
const PLAYER = Buffer.from('Genuine Adobe Flash Player 001');
const SERVER = Buffer.from('Genuine Adobe Flash Media Server 001');

function hmac(key: Buffer, data: Buffer): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

/** The digest of a first packet, found in the plain way: at the place that `block` (8 or 772) points to. */
function digestAt(packet: Buffer, block: number, key: Buffer): Buffer | undefined {
  let at = block + 4;
  at += packet.subarray(block, block + 4).reduce((sum, byte) => sum + byte, 0) % 728;
  const digest = packet.subarray(at, at + 32);
  const want = hmac(key, Buffer.concat([packet.subarray(0, at), packet.subarray(at + 32)]));
  return want.equals(digest) ? digest : undefined;
}

/** Pushes `bytes` cut at `cuts`; joins what the machine sends and leaves over. */
function feed(
  machine: { push(bytes: Buffer): HandshakeStep },
  bytes: Buffer,
  cuts: readonly number[] = [],
): { sent: Buffer; done: boolean; rest: Buffer } {
  const sent: Buffer[] = [];
  const rest: Buffer[] = [];
  let done = false;
  let from = 0;
  for (const to of [...cuts.filter((c) => c < bytes.length).sort((a, b) => a - b), bytes.length]) {
    const piece = bytes.subarray(from, to);
    from = to;
    if (done) {
      rest.push(piece);
      continue;
    }
    const step = machine.push(piece);
    if (step.send !== undefined) sent.push(step.send);
    done = step.done;
    if (step.rest !== undefined) rest.push(step.rest);
  }
  return { sent: Buffer.concat(sent), done, rest: Buffer.concat(rest) };
}

suite('handshake between our two sides', () => {
  const WAYS = [
    { name: 'complex, schema 0', options: { schema: 0 }, kind: 'complex' },
    { name: 'complex, schema 1', options: { schema: 1 }, kind: 'complex' },
    { name: 'simple', options: { offer: 'simple' }, kind: 'simple' },
  ] as const;
  for (const { name, options, kind } of WAYS) {
    test(`${name}: completes however the bytes are cut`, () => {
      const cut = fc.array(fc.nat({ max: 3100 }), { maxLength: 8 });
      fc.assert(
        fc.property(cut, cut, cut, (cuts1, cuts2, cuts3) => {
          const client = new ClientHandshake(options);
          const server = new ServerHandshake();
          const first = feed(server, client.start(), cuts1);
          assert.equal(first.done, false);
          assert.equal(first.sent.length, 3073);
          assert.equal(server.kind, kind);
          const second = feed(client, Buffer.concat([first.sent, Buffer.from('after S2')]), cuts2);
          assert.equal(second.done, true);
          assert.equal(second.sent.length, 1536);
          assert.equal(second.rest.toString(), 'after S2');
          assert.equal(client.kind, kind);
          assert.equal(client.serverVerified, kind === 'complex');
          const third = feed(server, Buffer.concat([second.sent, Buffer.from('after C2')]), cuts3);
          assert.deepEqual([third.done, third.sent.length, third.rest.toString()], [true, 0, 'after C2']);
        }),
        { numRuns: 60, interruptAfterTimeLimit: 2000, markInterruptAsFailure: false },
      );
    });
  }
});

suite('ServerHandshake', () => {
  test('simple: S2 echoes C1, S1 has no version', () => {
    const c1 = Buffer.alloc(1536, 0x5a);
    const server = new ServerHandshake();
    const { send, done } = server.push(Buffer.concat([Buffer.from([3]), c1]));
    assert.equal(done, false);
    assert.equal(send?.[0], 3);
    assert.deepEqual(send.subarray(1537), c1);
    assert.equal(send.readUInt32BE(5), 0);
  });

  for (const schema of [0, 1] as const) {
    test(`complex, schema ${schema}: C1, S1, S2 and C2 carry the digests that Adobe's programs want`, () => {
      // Often enough that the offset of the digest wraps in its block.
      for (let round = 0; round < 100; round++) {
        const client = new ClientHandshake({ schema });
        const c0c1 = client.start();
        const block = schema === 0 ? 772 : 8;
        const c1Digest = digestAt(c0c1.subarray(1), block, PLAYER);
        assert.ok(c1Digest !== undefined);
        const answer = new ServerHandshake().push(c0c1).send ?? assert.fail('no answer');
        const s1 = answer.subarray(1, 1537);
        const s2 = answer.subarray(1537);
        const s1Digest = digestAt(s1, block, SERVER);
        assert.ok(s1Digest !== undefined);
        const s2Key = hmac(Buffer.concat([SERVER, SECRET]), c1Digest);
        assert.deepEqual(s2.subarray(1504), hmac(s2Key, s2.subarray(0, 1504)));
        const c2 = client.push(answer).send ?? assert.fail('no C2');
        const c2Key = hmac(Buffer.concat([PLAYER, SECRET]), s1Digest);
        assert.deepEqual(c2.subarray(1504), hmac(c2Key, c2.subarray(0, 1504)));
      }
    });
  }

  test('a C2 that is no echo is taken', () => {
    const server = new ServerHandshake();
    server.push(Buffer.alloc(1537, 3));
    assert.equal(server.push(Buffer.alloc(1536, 9)).done, true);
  });

  test('C0, C1, C2 and the first chunk in one piece', () => {
    const bytes = Buffer.concat([Buffer.alloc(1 + 2 * 1536, 3), Buffer.from('chunk')]);
    const step = new ServerHandshake().push(bytes);
    assert.deepEqual([step.done, step.rest?.toString(), step.send?.length], [true, 'chunk', 3073]);
  });

  const REFUSED = [
    { name: 'RTMPE', byte: 6, code: 'RTMP_HANDSHAKE_VERSION', text: /RTMPE/ },
    { name: 'version 2', byte: 2, code: 'RTMP_HANDSHAKE_VERSION', text: /version 2/ },
    { name: 'HTTP', byte: 'G'.charCodeAt(0), code: 'RTMP_HANDSHAKE_NOT_RTMP', text: /'G': an HTTP request/ },
    { name: 'TLS', byte: 0x16, code: 'RTMP_HANDSHAKE_NOT_RTMP', text: /TLS/ },
    { name: 'noise', byte: 0xff, code: 'RTMP_HANDSHAKE_NOT_RTMP', text: /255/ },
  ];
  for (const { name, byte, code, text } of REFUSED) {
    test(`${name} is refused at the first byte, by both sides`, () => {
      for (const side of [new ServerHandshake(), new ClientHandshake()]) {
        assert.throws(() => side.push(Buffer.from([byte])), { name: 'ServerError', code, message: text });
      }
    });
  }

  test('survives any bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 4 }),
        fc.boolean(),
        (pieces, version) => {
          const server = new ServerHandshake();
          try {
            if (version) server.push(Buffer.from([3]));
            for (const piece of pieces) if (server.push(Buffer.from(piece)).done) return;
          } catch (error) {
            assert.ok(error instanceof ServerError, String(error));
          }
        },
      ),
      { numRuns: 1000, interruptAfterTimeLimit: 2000, markInterruptAsFailure: false },
    );
  });
});

suite('ClientHandshake', () => {
  test('C2 goes out with S1, before S2 has come', () => {
    const client = new ClientHandshake();
    const answer = new ServerHandshake().push(client.start()).send ?? assert.fail('no answer');
    const step = client.push(answer.subarray(0, 1537));
    assert.equal(step.send?.length, 1536);
    assert.equal(step.done, false);
    assert.equal(client.push(answer.subarray(1537)).done, true);
  });

  test('offers complex and takes a simple answer: C2 echoes S1', () => {
    const client = new ClientHandshake();
    client.start();
    const s1 = Buffer.alloc(1536, 0x77);
    const step = client.push(Buffer.concat([Buffer.from([3]), s1, Buffer.alloc(1536)]));
    assert.deepEqual(step.send, s1);
    assert.deepEqual([step.done, client.kind, client.serverVerified], [true, 'simple', false]);
  });

  test('a simple offer has no version and no digest', () => {
    const c0c1 = new ClientHandshake({ offer: 'simple' }).start();
    assert.equal(c0c1.readUInt32BE(5), 0);
    const server = new ServerHandshake();
    server.push(c0c1);
    assert.equal(server.kind, 'simple');
  });
});
