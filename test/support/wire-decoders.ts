import assert from 'node:assert/strict';

/** A media message as a viewer sees it. */
export interface SeenMessage {
  readonly kind: 'audio' | 'video' | 'data';
  /** Viewer's time, 32-bit, ms. */
  readonly time: number;
  readonly body: Buffer;
}

const KINDS = new Map<number, 'audio' | 'video' | 'data'>([
  [8, 'audio'],
  [9, 'video'],
  [18, 'data'],
]);

function kindOf(typeId: number): 'audio' | 'video' | 'data' {
  const kind = KINDS.get(typeId);
  if (kind === undefined) assert.fail(`unexpected type id ${typeId}`);
  return kind;
}

/** Reads whole RTMP media messages, strictly by the specification, for message stream `streamId`. */
export function readRtmp(bytes: Buffer, chunkSize: number, streamId: number): SeenMessage[] {
  const lanes = new Map<
    number,
    { time: number; delta: number; length: number; typeId: number; body: Buffer[] }
  >();
  const seen: SeenMessage[] = [];
  let at = 0;
  while (at < bytes.length) {
    const first = bytes.readUInt8(at);
    const fmt = first >> 6;
    const csid = first & 63;
    assert.ok(csid >= 3, 'one-byte chunk stream ids');
    at += 1;
    let lane = lanes.get(csid);
    const got = lane === undefined ? 0 : lane.body.reduce((sum, part) => sum + part.length, 0);
    if (fmt === 3) {
      assert.ok(lane !== undefined && got > 0, 'type 3 only continues a message');
      if (lane.delta >= 0xffffff) {
        assert.equal(bytes.readUInt32BE(at), lane.delta, 'repeated extended timestamp');
        at += 4;
      }
    } else {
      assert.equal(got, 0, 'a message is whole before the next one of its chunk stream');
      let time = bytes.readUIntBE(at, 3);
      const length = bytes.readUIntBE(at + 3, 3);
      const typeId = bytes.readUInt8(at + 6);
      at += 7;
      if (fmt === 0) {
        assert.equal(bytes.readUInt32LE(at), streamId);
        at += 4;
      } else {
        assert.equal(fmt, 1);
        assert.ok(lane !== undefined, 'a chunk stream begins with type 0');
      }
      if (time === 0xffffff) {
        time = bytes.readUInt32BE(at);
        at += 4;
      }
      const absolute: number = fmt === 0 ? time : ((lane?.time ?? 0) + time) >>> 0;
      lane = { time: absolute, delta: time, length, typeId, body: [] };
      lanes.set(csid, lane);
    }
    const have = lane.body.reduce((sum, part) => sum + part.length, 0);
    const take = Math.min(chunkSize, lane.length - have);
    assert.ok(at + take <= bytes.length, 'a window ends with a whole message');
    lane.body.push(bytes.subarray(at, at + take));
    at += take;
    if (have + take === lane.length) {
      seen.push({ kind: kindOf(lane.typeId), time: lane.time, body: Buffer.concat(lane.body) });
      lane.body = [];
    }
  }
  return seen;
}

/** Takes HTTP/1.1 chunks off; `ended` when the last chunk was there. */
export function unchunk(bytes: Buffer): { readonly body: Buffer; readonly ended: boolean } {
  const parts: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const lineEnd = bytes.indexOf('\r\n', at);
    assert.ok(lineEnd > at, 'chunk size line');
    const line = bytes.toString('latin1', at, lineEnd);
    assert.match(line, /^[0-9a-f]+$/);
    const size = Number.parseInt(line, 16);
    at = lineEnd + 2;
    if (size === 0) {
      assert.equal(bytes.toString('latin1', at), '\r\n');
      return { body: Buffer.concat(parts), ended: true };
    }
    parts.push(bytes.subarray(at, at + size));
    assert.equal(bytes.toString('latin1', at + size, at + size + 2), '\r\n');
    at += size + 2;
  }
  return { body: Buffer.concat(parts), ended: false };
}

/** Takes WebSocket frames off (server to client). */
export function unwebsocket(bytes: Buffer): { readonly body: Buffer; readonly ended: boolean } {
  const parts: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const opcode = bytes.readUInt8(at);
    let size = bytes.readUInt8(at + 1);
    at += 2;
    if (size === 126) {
      size = bytes.readUInt16BE(at);
      at += 2;
    } else if (size === 127) {
      size = Number(bytes.readBigUInt64BE(at));
      at += 8;
    }
    if (opcode === 0x88) {
      assert.equal(bytes.readUInt16BE(at), 1000);
      return { body: Buffer.concat(parts), ended: true };
    }
    assert.equal(opcode, 0x82);
    parts.push(bytes.subarray(at, at + size));
    at += size;
  }
  return { body: Buffer.concat(parts), ended: false };
}

/** Reads a whole FLV body. */
export function readFlv(bytes: Buffer): { readonly flags: number; readonly messages: SeenMessage[] } {
  if (bytes.length === 0) return { flags: -1, messages: [] };
  assert.equal(bytes.toString('latin1', 0, 4), 'FLV\x01');
  assert.equal(bytes.readUInt32BE(9), 0);
  const messages: SeenMessage[] = [];
  for (let at = 13; at < bytes.length;) {
    const size = bytes.readUIntBE(at + 1, 3);
    const time = bytes.readUIntBE(at + 4, 3) + bytes.readUInt8(at + 7) * 0x1000000;
    messages.push({
      kind: kindOf(bytes.readUInt8(at)),
      time,
      body: bytes.subarray(at + 11, at + 11 + size),
    });
    assert.equal(bytes.readUInt32BE(at + 11 + size), 11 + size);
    at += 15 + size;
  }
  return { flags: bytes.readUInt8(4), messages };
}
