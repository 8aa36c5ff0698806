import { isIP, isIPv6 } from 'node:net';
import type { Origin } from './problem.ts';

/** Where to listen, and which words of which file said so (for the message when the port is taken). */
export interface ListenAddress {
  /** An IP address or a host name; undefined = every address of the machine. */
  readonly host: string | undefined;
  readonly port: number;
  /** Dotted path of the directive, e.g. `http_api.listen`. */
  readonly directive: string;
  readonly origin: Origin;
}

/** Host and port of `1935`, `127.0.0.1:1935`, `[::1]:1935` or `name:1935`; a text that says what is wrong otherwise. */
export function parseListen(
  text: string,
  allowPortZero = false,
): { readonly host: string | undefined; readonly port: number } | string {
  const parts = /^(?:(?:\[([^\]]*)\]|([^:[\]]+)):)?([^:]*)$/.exec(text);
  if (parts === null) {
    return isIP(text) === 0
      ? `'${text}' is not an address`
      : `'${text}' has no port, or its brackets are missing`;
  }
  const [, bracketed, plain, portText = ''] = parts;
  const host = bracketed ?? plain;
  if (bracketed !== undefined && !isIPv6(bracketed)) return `'${bracketed}' is not an IPv6 address`;
  if (plain !== undefined && /^[\d.]+$/.test(plain) && isIP(plain) === 0)
    return `'${plain}' is not an IPv4 address`;
  if (plain !== undefined && !/^[\w.-]+$/.test(plain)) return `'${plain}' is not a host`;
  if (!/^\d{1,5}$/.test(portText)) return `'${portText === '' ? text : portText}' is not a port`;
  const port = Number(portText);
  if (port > 65535 || (port === 0 && !allowPortZero)) return `port ${port} is out of range`;
  return { host, port };
}

/** `127.0.0.1:1935`, `[::1]:1935`, or `*:1935` for every address. */
export function formatListen(address: Pick<ListenAddress, 'host' | 'port'>): string {
  if (address.host === undefined) return `*:${address.port}`;
  return `${isIPv6(address.host) ? `[${address.host}]` : address.host}:${address.port}`;
}
