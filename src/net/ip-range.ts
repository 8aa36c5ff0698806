import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The bytes of an address in network order: 4 of IPv4, 16 of IPv6. An IPv4-mapped IPv6 address has those of IPv4. */
export type IpBytes = readonly number[];

/** Longest text of an address: IPv6 with an embedded IPv4 address and the name of an interface. */
const MAX_IP_TEXT = 64;
const MAPPED_BITS = 96;

/**
 * Reads `192.0.2.1`, `2001:db8::1` (RFC 4291, 2.2), and with the zone of a link-local address `fe80::1%eth0` (RFC 4007, 11), which
 * makes no difference. Undefined: it is no address.
 */
export function ipBytes(text: string): IpBytes | undefined {
  // The library alone reads more than addresses: `1`, `0x7f.1`.
  if (text.length > MAX_IP_TEXT || isIP(text) === 0) return undefined;
  const zone = text.indexOf('%');
  const address = ipaddr.process(zone < 0 ? text : text.slice(0, zone));
  return address.toByteArray();
}

/** An address or a network in CIDR notation (RFC 4632, 3.1; RFC 4291, 2.3). */
export class IpRange {
  /** Its first address. */
  readonly bytes: IpBytes;
  /** How many bits of an address count. */
  readonly bits: number;

  private constructor(bytes: IpBytes, bits: number) {
    this.bytes = networkOf(bytes, bits);
    this.bits = bits;
  }

  /**
   * Reads an address, or one with `/` and the number of its bits that count; the other ones may be set. `::ffff:10.0.0.0/104` is
   * 10.0.0.0/8. Undefined: it is neither.
   */
  static parse(text: string): IpRange | undefined {
    const slash = text.indexOf('/');
    const address = slash < 0 ? text : text.slice(0, slash);
    const bytes = address.includes('%') ? undefined : ipBytes(address);
    if (bytes === undefined) return undefined;
    const length = bytes.length * 8;
    if (slash < 0) return new IpRange(bytes, length);
    const written = text.slice(slash + 1);
    if (!/^(0|[1-9]\d{0,2})$/.test(written)) return undefined;
    const isMapped = length === 32 && address.includes(':');
    const bits = Number(written) - (isMapped ? MAPPED_BITS : 0);
    return bits >= 0 && bits <= length ? new IpRange(bytes, bits) : undefined;
  }

  /** Whether the address is in it. The families are apart: `::/0` holds no IPv4 address. */
  contains(address: IpBytes): boolean {
    if (address.length !== this.bytes.length) return false;
    const whole = this.bits >> 3;
    for (let index = 0; index < whole; index += 1) if (address[index] !== this.bytes[index]) return false;
    return (this.bits & 7) === 0 || ((address[whole] ?? 0) & maskOf(this.bits & 7)) === this.bytes[whole];
  }

  /** As it is written best: `10.0.0.0/8`, `2001:db8::/32`, and a single address without its bits. */
  toString(): string {
    const bytes = [...this.bytes];
    const text = bytes.length === 4 ? bytes.join('.') : new ipaddr.IPv6(bytes).toRFC5952String();
    return this.bits === bytes.length * 8 ? text : `${text}/${this.bits}`;
  }
}

/** The address with all but its first bits cleared. */
export function networkOf(address: IpBytes, bits: number): IpBytes {
  return address.map((byte, index) => byte & maskOf(Math.min(8, Math.max(0, bits - index * 8))));
}

/** A byte whose first bits are set. */
function maskOf(bits: number): number {
  return (0xff00 >> bits) & 0xff;
}
