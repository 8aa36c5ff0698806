import { isIPv6 } from 'node:net';
import { namedListeners, usedDirectives } from './directives.ts';
import { findingsOf, type Check, type Context, type Finding } from './finding.ts';

const say = findingsOf('network');

/** What our listeners ask of the kernel (see `backlog` of the TCP listener). */
const BACKLOG = 4096;
/** A second of 30 Mbit/s: what one viewer's connection should be able to hold. */
const WANTED_SEND_BYTES = 4 * 1024 * 1024;
/** From so many connections on the buffers matter. */
const MANY_CONNECTIONS = 1000;

/** IPv6, and the settings of the kernel that many viewers need. */
export const checkNetwork: Check = async (context) => [
  await checkIpv6(context),
  ...(await checkBacklog(context)),
  ...(await checkSendBuffer(context)),
  ...(await checkCongestion(context)),
];

async function checkIpv6({ config, around }: Context): Promise<Finding> {
  const hosts = namedListeners(usedDirectives(config)).map(({ address }) => address.host);
  const everywhere = hosts.includes(undefined) ? '; listeners without an address take it too' : '';
  const code = await around.bind('::', 0, 'tcp');
  if (code === undefined) {
    if ((await around.bind('::1', 0, 'tcp')) === undefined) return say.ok(`IPv6 works${everywhere}`);
    return say.note(
      'IPv6 works, but the loopback has no ::1',
      `'sysctl -w net.ipv6.conf.lo.disable_ipv6=0' if programs here speak to each other over it`,
    );
  }
  const off = (await around.read('/proc/sys/net/ipv6/conf/all/disable_ipv6'))?.trim() === '1';
  const why = off ? 'net.ipv6.conf.all.disable_ipv6 is 1' : code;
  const mend = off
    ? `'sysctl -w net.ipv6.conf.all.disable_ipv6=0' if viewers come over it`
    : `boot without ipv6.disable=1, or start the container with IPv6, if viewers come over it`;
  // A listener that needs it is told by the check of ports.
  const needed = hosts.some((host) => host !== undefined && isIPv6(host));
  return (needed ? say.error : say.note)(
    `no IPv6 (${why}): listeners without an address take IPv4 alone`,
    mend,
  );
}

async function checkBacklog({ around }: Context): Promise<readonly Finding[]> {
  const most = await setting('core/somaxconn', around);
  if (most === undefined) return [];
  if (most >= BACKLOG) return [say.ok(`net.core.somaxconn is ${most}`)];
  return [
    say.warning(
      `net.core.somaxconn is ${most}: when many viewers come at once, those beyond ${most} wait and retry`,
      `'sysctl -w net.core.somaxconn=${BACKLOG}', and the same in /etc/sysctl.d/ to keep it`,
    ),
  ];
}

async function checkSendBuffer({ config, around }: Context): Promise<readonly Finding[]> {
  if (config.maxConnections < MANY_CONNECTIONS) return [];
  const most = Number((await around.read('/proc/sys/net/ipv4/tcp_wmem'))?.trim().split(/\s+/)[2]);
  if (!Number.isInteger(most) || most >= WANTED_SEND_BYTES) return [];
  return [
    say.note(
      `net.ipv4.tcp_wmem allows ${most} bytes for a connection: viewers far away or with high bit rates may stall`,
      `'sysctl -w net.ipv4.tcp_wmem="4096 16384 ${WANTED_SEND_BYTES}"'`,
    ),
  ];
}

async function checkCongestion({ around }: Context): Promise<readonly Finding[]> {
  const used = (await around.read('/proc/sys/net/ipv4/tcp_congestion_control'))?.trim();
  if (used === undefined || used === '' || used.startsWith('bbr')) return [];
  const known = (await around.read('/proc/sys/net/ipv4/tcp_available_congestion_control')) ?? '';
  if (!/\bbbr\b/.test(known)) return [];
  return [
    say.note(
      `TCP uses ${used}; bbr gives viewers on lossy lines a steadier rate`,
      `'sysctl -w net.ipv4.tcp_congestion_control=bbr'`,
    ),
  ];
}

async function setting(name: string, around: Context['around']): Promise<number | undefined> {
  const text = (await around.read(`/proc/sys/net/${name}`))?.trim();
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
