/** RTMP and AMF0 bytes written out by hand, independent of the code under test. */

export type Amf = Buffer;

export const NULL = Buffer.from([5]);
export const UNDEFINED = Buffer.from([6]);

export function num(value: number): Amf {
  const bytes = Buffer.alloc(9);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

export function bool(value: boolean): Amf {
  return Buffer.from([1, value ? 1 : 0]);
}

function key(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

export function str(text: string): Amf {
  return Buffer.concat([Buffer.from([2]), key(text)]);
}

function properties(entries: Readonly<Record<string, Amf>>): Buffer {
  const parts = Object.entries(entries).flatMap(([name, value]) => [key(name), value]);
  return Buffer.concat([...parts, Buffer.from([0, 0, 9])]);
}

export function obj(entries: Readonly<Record<string, Amf>>): Amf {
  return Buffer.concat([Buffer.from([3]), properties(entries)]);
}

export function ecma(entries: Readonly<Record<string, Amf>>): Amf {
  const head = Buffer.alloc(5, 8);
  head.writeUInt32BE(Object.keys(entries).length, 1);
  return Buffer.concat([head, properties(entries)]);
}

/** A message of one chunk with a type 0 header and timestamp 0. */
export function chunk0(csid: number, typeId: number, streamId: number, ...payload: Buffer[]): Buffer {
  const body = Buffer.concat(payload);
  const head = Buffer.alloc(12);
  head[0] = csid;
  head.writeUIntBE(body.length, 4, 3);
  head[7] = typeId;
  head.writeUInt32LE(streamId, 8);
  return Buffer.concat([head, body]);
}

/** A command of the server: chunk stream 3, type 20. */
export function command(streamId: number, name: string, ...values: Amf[]): Buffer {
  return chunk0(3, 20, streamId, str(name), ...values);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** `onStatus` with the properties that SRS sends, in its order. */
export function status(
  streamId: number,
  level: string,
  code: string,
  description: string,
  more: Readonly<Record<string, string>> = {},
): Buffer {
  const info: Record<string, Amf> = { level: str(level), code: str(code), description: str(description) };
  for (const [name, value] of Object.entries(more)) info[name] = str(value);
  return command(streamId, 'onStatus', num(0), NULL, obj(info));
}

/** User control message. */
export function userControl(event: number, value: number): Buffer {
  return chunk0(2, 4, 0, Buffer.from([event >> 8, event & 255]), uint32(value));
}
