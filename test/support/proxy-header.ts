import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { crc32c } from '../../src/net/crc32c.ts';

export interface Place {
  readonly ip: string;
  readonly port: number;
}

const HERE: Place = { ip: '192.0.2.200', port: 1935 };
const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** A PROXY header of version 1. */
export function proxyV1(source: Place): Buffer {
  const family = isIPv4(source.ip) ? 'TCP4' : 'TCP6';
  const to = family === 'TCP4' ? HERE.ip : '2001:db8::200';
  return Buffer.from(`PROXY ${family} ${source.ip} ${to} ${source.port} ${HERE.port}\r\n`);
}

export interface V2Options {
  readonly command?: number;
  readonly familyAndProtocol?: number;
  readonly tlvs?: readonly (readonly [number, Buffer])[];
  /** Appends a checksum; `wrong` = one that does not fit. */
  readonly checksum?: 'right' | 'wrong';
}

/** A PROXY header of version 2. */
export function proxyV2(source: Place | undefined, options: V2Options = {}): Buffer {
  const bytes = (ip: string): number[] => ipaddr.parse(ip).toByteArray();
  const isV4 = source === undefined || isIPv4(source.ip);
  const addresses =
    source === undefined
      ? Buffer.alloc(0)
      : Buffer.from([...bytes(source.ip), ...bytes(isV4 ? HERE.ip : '2001:db8::200'), 0, 0, 0, 0]);
  if (source !== undefined) {
    addresses.writeUInt16BE(source.port, addresses.length - 4);
    addresses.writeUInt16BE(HERE.port, addresses.length - 2);
  }
  const list = [...(options.tlvs ?? [])];
  if (options.checksum !== undefined) list.push([0x03, Buffer.alloc(4)]);
  const tlvs = list.map(([type, value]) =>
    Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 0xff]), value]),
  );
  const rest = Buffer.concat([addresses, ...tlvs]);
  const fixed = Buffer.from([
    0x20 | (options.command ?? (source === undefined ? 0 : 1)),
    options.familyAndProtocol ?? (source === undefined ? 0 : isV4 ? 0x11 : 0x21),
    rest.length >> 8,
    rest.length & 0xff,
  ]);
  const header = Buffer.concat([SIGNATURE, fixed, rest]);
  if (options.checksum !== undefined)
    header.writeUInt32BE(options.checksum === 'right' ? crc32c(header) : 1, header.length - 4);
  return header;
}
