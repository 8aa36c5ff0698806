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

type Interfaces = Readonly<
  Record<string, readonly Pick<NetworkInterfaceInfo, 'address' | 'family' | 'internal'>[] | undefined>
>;

/** Names of the interfaces that have an address of the Internet. */
export function publicInterfaces(interfaces: Interfaces): ReadonlySet<string> {
  const isInner = innerAddresses();
  const names = new Set<string>();
  for (const [name, addresses = []] of Object.entries(interfaces))
    if (addresses.some((address) => !isInner(address))) names.add(name);
  return names;
}

/** The address that others most probably know: IPv4 of the Internet, else of a network, else the loopback's. */
export function publicAddress(interfaces: Interfaces): string {
  const isInner = innerAddresses();
  const all = Object.values(interfaces)
    .flatMap((addresses = []) => addresses)
    .filter(({ family, internal }) => family === 'IPv4' && !internal);
  return (all.find((address) => !isInner(address)) ?? all[0])?.address ?? '127.0.0.1';
}

/**
 * [stats network] The local address of a number, in the order of the interfaces, loopback left out as `stats.network` counts them. A
 * machine without any has its loopback; a number that is too large since an address went away is the first.
 */
export function localAddress(interfaces: Interfaces, index: number): string {
  const all = Object.values(interfaces)
    .flatMap((addresses = []) => addresses)
    .filter(({ internal }) => !internal);
  return (all[index] ?? all[0])?.address ?? '127.0.0.1';
}

function innerAddresses(): (address: Pick<NetworkInterfaceInfo, 'address' | 'family'>) => boolean {
  const inner = new BlockList();
  for (const [address, prefix, family] of INNER) inner.addSubnet(address, prefix, family);
  return ({ address, family }) => inner.check(address, family === 'IPv6' ? 'ipv6' : 'ipv4');
}
