/** The few AMF0 values that the load needs. */
export type AmfValue = number | string | boolean | undefined | { readonly [key: string]: AmfValue };

/** Bytes of C0+C1, S0+S1+S2 and C2. */
export const HANDSHAKE_BYTES = 1537;
export const SERVER_HANDSHAKE_BYTES = 1537 + 1536;
/** The chunk size that the load announces, as ffmpeg does: nearly every message is one chunk. */
export const OUT_CHUNK_BYTES = 60_000;

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const head = Buffer.alloc(2);
  head.writeUInt16BE(bytes.length);
  return Buffer.concat([head, bytes]);
}

/** AMF0 2.2–2.7. */
export function amf0(...values: readonly AmfValue[]): Buffer {
  const parts: Buffer[] = [];
  for (const value of values) {
    if (value === undefined) parts.push(Buffer.from([0x05]));
    else if (typeof value === 'boolean') parts.push(Buffer.from([0x01, value ? 1 : 0]));
    else if (typeof value === 'string') parts.push(Buffer.from([0x02]), text(value));
    else if (typeof value === 'number') {
      const bytes = Buffer.alloc(9);
      bytes.writeDoubleBE(value, 1);
      parts.push(bytes);
    } else {
      parts.push(Buffer.from([0x03]));
      for (const [key, item] of Object.entries(value)) parts.push(text(key), amf0(item));
      parts.push(Buffer.from([0, 0, 9]));
    }
  }
  return Buffer.concat(parts);
}

/** Cuts a body into chunks of `OUT_CHUNK_BYTES` with type 3 headers in between (5.3.1.2.4). */
function chunked(csid: number, head: Buffer, body: Buffer): Buffer {
  const parts = [head, body.subarray(0, OUT_CHUNK_BYTES)];
  for (let at = OUT_CHUNK_BYTES; at < body.length; at += OUT_CHUNK_BYTES) {
    parts.push(Buffer.from([0xc0 | csid]), body.subarray(at, at + OUT_CHUNK_BYTES));
  }
  return Buffer.concat(parts);
}

/** One message with a type 0 header (RTMP 1.0, 5.3.1.2.1). */
export function fullMessage(
  csid: number,
  typeId: number,
  streamId: number,
  timestamp: number,
  body: Buffer,
): Buffer {
  const head = Buffer.alloc(12);
  head[0] = csid;
  head.writeUIntBE(timestamp, 1, 3);
  head.writeUIntBE(body.length, 4, 3);
  head[7] = typeId;
  head.writeUInt32LE(streamId, 8);
  return chunked(csid, head, body);
}

/** One message with a type 1 header (5.3.1.2.2): same message stream, time as a difference. */
export function deltaMessage(csid: number, typeId: number, delta: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head[0] = 0x40 | csid;
  head.writeUIntBE(delta, 1, 3);
  head.writeUIntBE(body.length, 4, 3);
  head[7] = typeId;
  return chunked(csid, head, body);
}

/** C0+C1 of the simple handshake. */
export function clientHello(): Buffer {
  const bytes = Buffer.alloc(HANDSHAKE_BYTES);
  bytes[0] = 3;
  // Time and zero, then a fixed pattern: RTMP 1.0, 5.2.3 wants it random only to tell connections apart.
  for (let i = 9; i < HANDSHAKE_BYTES; i++) bytes[i] = (i * 7) & 0xff;
  return bytes;
}

/** Everything a player says after the handshake, in one piece: C2, connect, createStream, play. */
export function playerTalk(host: string, app: string, stream: string): Buffer {
  return Buffer.concat([
    ...opening(host, app),
    fullMessage(8, 20, 1, 0, amf0('play', 4, undefined, stream, -2000)),
  ]);
}

/** Everything a publisher says after the handshake and before the stream. */
export function publisherTalk(host: string, app: string, stream: string): Buffer {
  return Buffer.concat([
    ...opening(host, app),
    fullMessage(8, 20, 1, 0, amf0('publish', 4, undefined, stream, 'live')),
  ]);
}

function opening(host: string, app: string): Buffer[] {
  const chunkSize = Buffer.alloc(4);
  chunkSize.writeUInt32BE(OUT_CHUNK_BYTES);
  const connect = amf0('connect', 1, {
    app,
    flashVer: 'LNX 9,0,124,2',
    tcUrl: `rtmp://${host}/${app}`,
    fpad: false,
    capabilities: 15,
    audioCodecs: 4071,
    videoCodecs: 252,
    videoFunction: 1,
  });
  return [
    // C2: an echo of S1 that no server of the bench checks after the simple handshake.
    Buffer.alloc(1536),
    fullMessage(2, 1, 0, 0, chunkSize),
    fullMessage(3, 20, 0, 0, connect),
    // The four servers all answer 1, so that the next command need not wait for it.
    fullMessage(3, 20, 0, 0, amf0('createStream', 2, undefined)),
  ];
}

/** What a FLV player says. */
export function flvRequest(host: string, app: string, stream: string): Buffer {
  return Buffer.from(
    `GET /${app}/${stream}.flv HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: srs-bench\r\nAccept: */*\r\n\r\n`,
  );
}
