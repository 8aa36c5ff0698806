import { isIP, isIPv6 } from 'node:net';
import type { Surroundings, Transport } from './surroundings.ts';

/** Who has a port. */
export interface SocketOwner {
  readonly pid: number;
  /** The name of its program, as the kernel has it (15 characters at most). */
  readonly program: string;
  /** It looks like one of our servers. */
  readonly isServer: boolean;
}

/** A socket in a table of the kernel. */
interface SocketRow {
  /** In canonical form; undefined = every address. */
  readonly address: string | undefined;
  readonly port: number;
  readonly inode: string;
}

/** State of a TCP socket that listens, and of a UDP socket that is bound; linux/include/net/tcp_states.h. */
const STATES: Readonly<Record<Transport, string>> = { tcp: '0A', udp: '07' };

/**
 * The process that has a port, by the tables of the kernel: the socket's inode is among its open files. Undefined when it is
 * hidden: it belongs to another user, or to another network or process namespace.
 */
export async function socketOwner(
  host: string | undefined,
  port: number,
  transport: Transport,
  around: Surroundings,
): Promise<SocketOwner | undefined> {
  const tables = await Promise.all(
    [`/proc/net/${transport}`, `/proc/net/${transport}6`].map((table) => around.read(table)),
  );
  const rows = tables.flatMap((table) => socketRows(table ?? '', STATES[transport]));
  const inodes = rows
    .filter((row) => row.port === port && mayMeet(row.address, host))
    .map(({ inode }) => inode);
  return inodes.length === 0
    ? undefined
    : processWith(new Set(inodes.map((inode) => `socket:[${inode}]`)), around);
}

async function processWith(
  sockets: ReadonlySet<string>,
  around: Surroundings,
): Promise<SocketOwner | undefined> {
  const pids = ((await around.list('/proc')) ?? []).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    const fds = (await around.list(`/proc/${pid}/fd`)) ?? [];
    const links = await Promise.all(fds.map((fd) => around.link(`/proc/${pid}/fd/${fd}`)));
    if (!links.some((link) => link !== undefined && sockets.has(link))) continue;
    const program = (await around.read(`/proc/${pid}/comm`))?.trim() ?? '';
    // Only looked at, never shown: command lines hold secrets.
    const [, script = ''] = ((await around.read(`/proc/${pid}/cmdline`)) ?? '').split('\0');
    return { pid: Number(pid), program, isServer: program === 'srs' || /(?:^|\/)srs$/.test(script) };
  }
  return undefined;
}

/** Rows of /proc/net/tcp and its like (proc(5)): number, local address, remote address, state, …, inode in column 10. */
export function socketRows(table: string, state: string): readonly SocketRow[] {
  return table.split('\n').flatMap((line): readonly SocketRow[] => {
    const columns = line.trim().split(/\s+/);
    const [address = '', port = ''] = columns[1]?.split(':') ?? [];
    const inode = columns[9];
    if (columns[3] !== state || inode === undefined || port === '') return [];
    return [{ address: fromHex(address), port: Number.parseInt(port, 16), inode }];
  });
}

/** Words of 32 bits, each with its lowest byte first (the kernel prints them as numbers of a little-endian machine). */
function fromHex(text: string): string | undefined {
  if (/^0*$/.test(text)) return undefined;
  const bytes = text.match(/.{8}/g)?.flatMap((word) => word.match(/../g)?.reverse() ?? []) ?? [];
  if (bytes.length === 4) return bytes.map((byte) => Number.parseInt(byte, 16)).join('.');
  const groups = bytes.join('').match(/.{4}/g) ?? [];
  return canonical(groups.join(':'));
}

/** `::1` of every way to write it. */
export function canonical(address: string): string {
  return isIPv6(address) ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}

/** Whether a socket on the one address keeps another from the other one. A name may be any address. */
export function mayMeet(a: string | undefined, b: string | undefined): boolean {
  const [first, second] = [a, b].map((host) => (host === '::' || host === '0.0.0.0' ? undefined : host));
  if (first === undefined || second === undefined) return true;
  if (isIP(first) === 0 || isIP(second) === 0) return true;
  return canonical(first) === canonical(second);
}
