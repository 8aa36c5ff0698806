import ipaddr from 'ipaddr.js';
import { ipBytes, IpRange } from './ip-range.ts';

/** Addresses and networks in CIDR notation, parsed once. */
export class NetworkSet {
  readonly #ranges: readonly IpRange[];

  /** Words that are neither are left out: a configuration has been checked for them. */
  constructor(words: readonly string[]) {
    this.#ranges = words.map((word) => IpRange.parse(word)).filter((range) => range !== undefined);
  }

  /** Whether one of them has this address. What is no address is in none. */
  has(ip: string): boolean {
    if (this.#ranges.length === 0) return false;
    const address = ipBytes(ip);
    return address !== undefined && this.#ranges.some((range) => range.contains(address));
  }
}

/** An address as text in the form that logs have, IPv4 plain also when it is within IPv6; undefined = it is none. */
export function normalIp(text: string): string | undefined {
  const bytes = ipBytes(text);
  if (bytes === undefined) return undefined;
  return bytes.length === 4 ? bytes.join('.') : new ipaddr.IPv6([...bytes]).toRFC5952String();
}

/**
 * Whom limits per client count an address for: an IPv4 address for itself, one of IPv6 for its /64. A site gets at least that much
 * (RFC 6177), and each of its devices changes its address within it as it likes (RFC 8981).
 */
export function clientOfIp(ip: string): string {
  if (!ip.includes(':')) return ip;
  const bytes = ipBytes(ip);
  return bytes?.length === 16 ? bytes.slice(0, 8).join(':') : ip;
}

/** Bits of a network of which one client has all addresses. */
const CLIENT_BITS = 64;
/** fe80::/10: all devices on a wire share their first 64 bits (RFC 4291, 2.5.6). */
const LINK_LOCAL = IpRange.parse('fe80::/10');

/** The range that is one client, as `clientOfIp` counts: to ban it. A link-local address is one device. */
export function rangeOfClient(ip: string): string {
  const bytes = ip.includes(':') ? ipBytes(ip) : undefined;
  if (bytes?.length !== 16 || LINK_LOCAL?.contains(bytes) === true) return ip.replace(/%.*/, '');
  const prefix = [...bytes.slice(0, CLIENT_BITS / 8), ...Array<number>(8).fill(0)];
  return `${new ipaddr.IPv6(prefix).toRFC5952String()}/${CLIENT_BITS}`;
}
