import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { FlvTagReader } from '../../../../bench/load/flv-tag-reader.ts';
import { amf0, deltaMessage, fullMessage } from '../../../../bench/load/rtmp-bytes.ts';
import { RtmpMessageReader } from '../../../../bench/load/rtmp-message-reader.ts';

/** Feeds `bytes` in pieces whose ends are `cuts`, overwriting each piece afterwards as a shared read buffer is. */
function feed(bytes: Buffer, cuts: readonly number[], write: (piece: Buffer) => void): void {
  const ends = [...new Set(cuts.map((cut) => cut % bytes.length))].sort((a, b) => a - b);
  let from = 0;
  for (const end of [...ends, bytes.length]) {
    const piece = Buffer.from(bytes.subarray(from, end));
    write(piece);
    piece.fill(0xee);
    from = end;
  }
}

function rtmpSample(): { bytes: Buffer; want: string[] } {
  const video = Buffer.alloc(300, 0x11);
  const audio = Buffer.from('af0102030405', 'hex');
  const size = Buffer.from('00000080', 'hex');
  const big = Buffer.from('00001000', 'hex');
  const bytes = Buffer.concat([
    fullMessage(2, 1, 0, 0, size),
    // 300 bytes in chunks of 128: the rest follows in type 3 chunks, with sound of another chunk stream in between.
    fullMessage(6, 9, 1, 40, video).subarray(0, 12 + 128),
    fullMessage(4, 8, 1, 23, audio),
    Buffer.from([0xc6]),
    video.subarray(128, 256),
    Buffer.from([0xc6]),
    video.subarray(256),
    fullMessage(2, 1, 0, 0, big),
    deltaMessage(6, 9, 40, video),
    // Type 2 with an extended delta, then a chunk stream id of two bytes.
    Buffer.from('84ffffff01000000', 'hex'),
    audio,
    Buffer.concat([Buffer.from([0x00, 100 - 64]), fullMessage(0, 18, 1, 0, audio).subarray(1)]),
  ]);
  const v = `9:${video.toString('hex')}`;
  const a = `8:${audio.toString('hex')}`;
  return { bytes, want: [`1:00000080`, a, v, `1:00001000`, v, a, `18:${audio.toString('hex')}`] };
}

suite('readers of the probes', () => {
  test('RTMP chunks give the same messages however they are cut', () => {
    const { bytes, want } = rtmpSample();
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 40 }), (cuts) => {
        const got: string[] = [];
        const reader = new RtmpMessageReader((typeId, body) => got.push(`${typeId}:${body.toString('hex')}`));
        feed(bytes, cuts, (piece) => reader.write(piece));
        assert.deepEqual(got, want);
      }),
    );
  });

  test('FLV over HTTP gives the same tags however it is cut and whether it is chunked or not', () => {
    const header = Buffer.from('464c5601050000000900000000', 'hex');
    const tag = Buffer.from('09000004000028000000001701000000000f', 'hex');
    const flv = Buffer.concat([header, tag, Buffer.from('00', 'hex'), tag, Buffer.from('00', 'hex')]);
    const chunk = (part: Buffer): Buffer =>
      Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]);
    const plain = Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'), flv]);
    const chunked = Buffer.concat([
      Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
      chunk(flv.subarray(0, 20)),
      chunk(flv.subarray(20)),
    ]);
    fc.assert(
      fc.property(fc.boolean(), fc.array(fc.nat(), { maxLength: 40 }), (asChunks, cuts) => {
        const got: string[] = [];
        const reader = new FlvTagReader((typeId, body) => got.push(`${typeId}:${body.toString('hex')}`));
        feed(asChunks ? chunked : plain, cuts, (piece) => reader.write(piece));
        assert.deepEqual(got, ['9:17010000', '9:17010000']);
      }),
    );
  });

  test('an HTTP answer other than 200 is a failure', () => {
    const reader = new FlvTagReader(() => undefined);
    assert.throws(() => reader.write(Buffer.from('HTTP/1.1 404 Not Found\r\n\r\n')), /HTTP 404/);
  });

  test('AMF0 has the bytes of its specification', () => {
    assert.equal(
      amf0('a', 1, true, undefined, { k: 'v' }).toString('hex'),
      '02000161003ff00000000000000101050300016b02000176000009',
    );
  });
});
