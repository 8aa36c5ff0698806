import { formatListen } from '../../config/index.ts';
import { namedListeners, usedDirectives, type NamedListener } from './directives.ts';
import { isSameAddress, sharesPort } from '../../server/shared-port.ts';
import { findingsOf, type Check, type Context, type Finding } from './finding.ts';
import { mayMeet, socketOwner } from './socket-owner.ts';

const say = findingsOf('ports');

/** Whether each listener of the configuration can listen, and who or what keeps it from it. */
export const checkPorts: Check = async (context) => {
  const listeners = namedListeners(usedDirectives(context.config));
  const findings: Finding[] = [];
  // One after the other: two that want the same port must not disturb each other.
  for (const [i, listener] of listeners.entries()) {
    const first = listeners.slice(0, i).find((other) => clash(other, listener));
    if (first === undefined) findings.push(await checkListener(listener, context));
    else findings.push(isShared(first, listener, context) ? shared(first, listener) : twice(first, listener));
  }
  return findings;
};

function clash(a: NamedListener, b: NamedListener): boolean {
  if (a.transport !== b.transport || a.address.port !== b.address.port || a.address.port === 0) return false;
  return mayMeet(a.address.host, b.address.host);
}

/** [http_api, http_server] They may have one port. */
function isShared(one: NamedListener, other: NamedListener, { config }: Context): boolean {
  const names = [one.address.directive, other.address.directive].toSorted().join(' ');
  if (
    names !== 'http_api.listen http_server.listen' &&
    names !== 'http_api.https.listen http_server.https.listen'
  )
    return false;
  return sharesPort(config) && isSameAddress(one.address, other.address);
}

function shared(first: NamedListener, second: NamedListener): Finding {
  return say.ok(`${nameOf(second)} is shared with ${nameOf(first)}`);
}

function twice(first: NamedListener, second: NamedListener): Finding {
  return say.error(
    `${nameOf(second)} wants the same port as ${nameOf(first)}`,
    `choose another port for ${second.address.directive}`,
  );
}

async function checkListener(listener: NamedListener, context: Context): Promise<Finding> {
  const { host, port, directive } = listener.address;
  const name = nameOf(listener);
  if (port === 0)
    return say.warning(
      `${name}: the system picks another port at each start`,
      `write a port: '${directive} 1935;'`,
    );
  const code = await context.around.bind(host, port, listener.transport);
  switch (code) {
    case undefined:
      return say.ok(`${name} is free`);
    case 'EADDRINUSE':
      return taken(listener, context);
    case 'EACCES':
    case 'EPERM':
      return say.error(
        `${name}: this user may not listen on a port below 1024`,
        `use a port from 1024 on, or allow it: 'AmbientCapabilities=CAP_NET_BIND_SERVICE' in the systemd unit, ` +
          `'sysctl -w net.ipv4.ip_unprivileged_port_start=${port}', or run as root`,
      );
    case 'EADDRNOTAVAIL': {
      const some = context.around.addresses.slice(0, MAX_ADDRESSES).join(', ');
      return say.error(
        `${name}: ${host ?? 'the address'} is no address of this machine`,
        `use one of ${some}, or the port alone ('${lastName(directive)} ${port};') for all of them`,
      );
    }
    case 'EAFNOSUPPORT':
      return say.error(`${name}: this system has no such addresses (IPv6 is off)`, ipv4(directive, port));
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return say.error(
        `${name}: the name ${host ?? ''} is not known here`,
        `use an IP address, or add the name to /etc/hosts`,
      );
    default:
      return say.error(`${name}: cannot listen (${code})`);
  }
}

const MAX_ADDRESSES = 8;

async function taken(listener: NamedListener, { around, running }: Context): Promise<Finding> {
  const { host, port, directive } = listener.address;
  const name = nameOf(listener);
  const [owner, server] = await Promise.all([socketOwner(host, port, listener.transport, around), running()]);
  const another = `choose another port for ${directive}`;
  if (owner === undefined) {
    if (server?.answers === true)
      return say.ok(
        `${name} is in use, most likely by the running server${server.pid === undefined ? '' : ` (pid ${server.pid})`}`,
      );
    return say.error(
      `${name} is taken by a process that this user may not see`,
      `'sudo ss -l${listener.transport === 'tcp' ? 't' : 'u'}np sport = :${port}' tells which; end it, or ${another}`,
    );
  }
  if (owner.pid === server?.pid) return say.ok(`${name} is in use by the running server (pid ${owner.pid})`);
  const what = owner.isServer ? `pid ${owner.pid} (another srs)` : `pid ${owner.pid} (${owner.program})`;
  return say.error(`${name} is taken by ${what}`, `end that process ('kill ${owner.pid}'), or ${another}`);
}

/** `http_api.listen 127.0.0.1:1985 (conf/srs.conf:4)`. */
function nameOf({ address, transport }: NamedListener): string {
  const { file, line } = address.origin;
  const place = line === 0 ? '' : ` (${file}:${line})`;
  return `${address.directive} ${formatListen(address)}${transport === 'udp' ? ' over UDP' : ''}${place}`;
}

function lastName(directive: string): string {
  return directive.split('.').at(-1) ?? directive;
}

function ipv4(directive: string, port: number): string {
  return `use an IPv4 address ('${lastName(directive)} 0.0.0.0:${port};'), or 'sysctl -w net.ipv6.conf.all.disable_ipv6=0'`;
}
