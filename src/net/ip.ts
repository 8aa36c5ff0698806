/** The peer's address as people write it: IPv4 without the `::ffff:` of a dual-stack socket; empty when already gone. */
export function plainIp(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
