import { BlockList } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';

/** Addresses that are not of the Internet: RFC 1918, 6598, 3927, 4193, 4291. */
const INNER: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[] = [
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['::1', 128, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
];

/** Names of the interfaces that have an address of the Internet. */
export function publicInterfaces(
  interfaces: Readonly<
    Record<string, readonly Pick<NetworkInterfaceInfo, 'address' | 'family'>[] | undefined>
  >,
): ReadonlySet<string> {
  const inner = new BlockList();
  for (const [address, prefix, family] of INNER) inner.addSubnet(address, prefix, family);
  const names = new Set<string>();
  for (const [name, addresses = []] of Object.entries(interfaces)) {
    if (addresses.some(({ address, family }) => !inner.check(address, family === 'IPv6' ? 'ipv6' : 'ipv4')))
      names.add(name);
  }
  return names;
}
