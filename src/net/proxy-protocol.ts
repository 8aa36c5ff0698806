import { isIPv4, isIPv6 } from 'node:net';
import { ServerError } from '../base/errors.ts';
import { crc32c } from './crc32c.ts';
import { normalIp } from './networks.ts';

/*
 * The PROXY protocol, versions 1 and 2: what a proxy says of a connection that it relays, before the first byte of it.
 * Spec: HAProxy, "The PROXY protocol", sections 2.1 (text) and 2.2 (binary).
 */

/** Who is behind a proxy. */
export interface ProxySource {
  readonly ip: string;
  readonly port: number;
  /** The client spoke TLS with the proxy (2.2.6). */
  readonly secure: boolean;
}

/** A whole header. */
export interface ProxyHeader {
  readonly version: 1 | 2;
  /** Bytes of the connection that it takes up. */
  readonly length: number;
  /** Undefined: the proxy speaks for itself (a health check), or does not know the client; then its own address counts. */
  readonly source: ProxySource | undefined;
}

/** A line of version 1 with its CRLF, bytes (2.1: the worst case). */
export const MAX_PROXY_V1_BYTES = 107;
/** What may follow the 16 fixed bytes of version 2: addresses and TLVs. Those of real proxies have less than 600. */
export const MAX_PROXY_V2_BYTES = 4_096;

const V1_START = Buffer.from('PROXY ', 'latin1');
const V2_START = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const V2_FIXED = 16;
const TLV_CRC32C = 0x03;
const TLV_SSL = 0x20;
const CLIENT_SSL = 0x01;

/**
 * Reads the header from all bytes that a connection has brought so far. Undefined = they are too few to tell; `absent` = they do
 * not begin with one. Throws PROXY_HEADER_INVALID when what begins as a header is none.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | 'absent' | undefined {
  if (startsLike(bytes, V1_START)) return bytes.length < V1_START.length ? undefined : readText(bytes);
  if (startsLike(bytes, V2_START)) return bytes.length < V2_START.length ? undefined : readBinary(bytes);
  return 'absent';
}

/** Whether the bytes are equal as far as there are some of both. */
function startsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

/** 2.1: `PROXY TCP4 SOURCE DESTINATION PORT PORT`, or `PROXY UNKNOWN` and whatever follows in the line. */
function readText(bytes: Buffer): ProxyHeader | undefined {
  const end = bytes.subarray(0, MAX_PROXY_V1_BYTES).indexOf('\r\n', 0, 'latin1');
  if (end < 0) {
    if (bytes.length >= MAX_PROXY_V1_BYTES) throw invalid(`a line of more than ${MAX_PROXY_V1_BYTES} bytes`);
    return undefined;
  }
  const [, protocol = '', ...words] = bytes.toString('latin1', 0, end).split(' ');
  const length = end + 2;
  if (protocol === 'UNKNOWN') return { version: 1, length, source: undefined };
  const isAddress = protocol === 'TCP4' ? isIPv4 : protocol === 'TCP6' ? isIPv6 : undefined;
  if (isAddress === undefined) throw invalid('a line of an unknown protocol');
  const [source = '', destination = '', sourcePort = '', destinationPort = ''] = words;
  const addresses = isPlain(source, isAddress) && isPlain(destination, isAddress);
  if (words.length !== 4 || !addresses || !isPort(sourcePort) || !isPort(destinationPort))
    throw invalid(`a line of ${protocol} that cannot be read`);
  return {
    version: 1,
    length,
    source: { ip: normalIp(source) ?? source, port: Number(sourcePort), secure: false },
  };
}

function isPlain(text: string, isAddress: (text: string) => boolean): boolean {
  return isAddress(text) && !text.includes('%');
}

/** Without zeros in front. */
function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

/**
 * 2.2: signature, version and command, family and protocol, length of the rest:
 *
 *   0           12       13       14       16
 *   | signature | ver cmd | fam pro | length | source, destination, ports | TLVs …
 */
function readBinary(bytes: Buffer): ProxyHeader | undefined {
  if (bytes.length < V2_FIXED) return undefined;
  const version = bytes.readUInt8(12) >> 4;
  const command = bytes.readUInt8(12) & 0x0f;
  const family = bytes.readUInt8(13) >> 4;
  const protocol = bytes.readUInt8(13) & 0x0f;
  const rest = bytes.readUInt16BE(14);
  if (version !== 2) throw invalid(`version ${version}`);
  if (command > 1) throw invalid(`command ${command}`);
  if (family > 3 || protocol > 2) throw invalid(`family ${family}, protocol ${protocol}`);
  if (rest > MAX_PROXY_V2_BYTES) throw invalid(`${rest} bytes, more than ${MAX_PROXY_V2_BYTES}`);
  const length = V2_FIXED + rest;
  if (bytes.length < length) return undefined;
  const header = bytes.subarray(0, length);
  const isLocal = command === 0;
  // Whatever the combination, the receiver must be able to step over it; only TCP names a client of ours.
  const named = !isLocal && protocol === 1 && (family === 1 || family === 2);
  const addressBytes = isLocal || protocol === 0 ? 0 : ([0, 12, 36, 216][family] ?? 0);
  if (rest < addressBytes) throw invalid(`${rest} bytes are too few for its addresses`);
  // Of a LOCAL or unspecified header it is not said where TLVs begin.
  const secure = addressBytes === 0 ? false : readTlvs(header, V2_FIXED + addressBytes);
  if (!named) return { version: 2, length, source: undefined };
  const source =
    family === 1
      ? { ip: header.subarray(16, 20).join('.'), port: header.readUInt16BE(24), secure }
      : { ip: ipv6Text(header.subarray(16, 32)), port: header.readUInt16BE(48), secure };
  return { version: 2, length, source };
}

function ipv6Text(bytes: Buffer): string {
  const words = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16));
  const text = words.join(':');
  return normalIp(text) ?? text;
}

/** 2.2: type, length, value. Checks a checksum (2.2.3), tells whether the client spoke TLS (2.2.6), and steps over the others. */
function readTlvs(header: Buffer, from: number): boolean {
  let secure = false;
  for (let at = from; at < header.length;) {
    if (at + 3 > header.length) throw invalid('a TLV is cut');
    const type = header.readUInt8(at);
    const value = header.subarray(at + 3, at + 3 + header.readUInt16BE(at + 1));
    if (at + 3 + header.readUInt16BE(at + 1) > header.length) throw invalid('a TLV is cut');
    if (type === TLV_CRC32C) checkSum(header, value, at + 3);
    if (type === TLV_SSL && value.length > 0) secure = (value.readUInt8(0) & CLIENT_SSL) !== 0;
    at += 3 + value.length;
  }
  return secure;
}

/** 2.2.3: over the whole header, with zeros in the place of the checksum itself. */
function checkSum(header: Buffer, value: Buffer, at: number): void {
  if (value.length !== 4) throw invalid('a checksum has 4 bytes');
  const zeroed = Buffer.from(header);
  zeroed.fill(0, at, at + 4);
  if (crc32c(zeroed) !== value.readUInt32BE(0)) throw invalid('the checksum is wrong');
}

function invalid(what: string): ServerError {
  return new ServerError('PROXY_HEADER_INVALID', `PROXY header: ${what}`);
}
