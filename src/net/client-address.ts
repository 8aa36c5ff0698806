import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { plainIp } from './ip.ts';
import type { ProxySource } from './proxy-protocol.ts';
import type { TrustedProxies } from './trusted-proxies.ts';

/** What is known of a connection that a trusted proxy has opened. */
export interface RelayedPeer {
  readonly proxies: TrustedProxies;
  /** Of its PROXY header; undefined = the proxy named nobody. */
  readonly source: ProxySource | undefined;
}

const RELAYED = Symbol('relayed');

interface Noted {
  [RELAYED]?: RelayedPeer;
}

/** As far as they are asked here: those of TCP, TLS and HTTP/2. */
type AnySocket = Duplex | { readonly remoteAddress?: string | undefined };

/** @internal Notes who is behind a connection; a connection without a note speaks for itself. */
export function noteRelayed(socket: AnySocket, peer: RelayedPeer | undefined): void {
  if (peer !== undefined) (socket as Noted)[RELAYED] = peer;
}

/** @internal */
export function relayedOf(socket: AnySocket): RelayedPeer | undefined {
  return (socket as Noted)[RELAYED];
}

/** The address of the client at the other end of a connection: the one that a trusted proxy tells, else the peer's. */
export function clientIp(socket: AnySocket): string {
  return relayedOf(socket)?.source?.ip ?? plainIp((socket as { remoteAddress?: string }).remoteAddress);
}

/** Whom a request comes from. */
export interface RequestClient {
  readonly ip: string;
  /** The client speaks TLS, with us or with the proxy. */
  readonly secure: boolean;
}

/**
 * Whom a request comes from: who is behind its connection, and if that is a trusted proxy, whom it names in the header of
 * `proxy_header`. A header of anybody else is not looked at.
 */
export function requestClient({
  socket,
  headers,
}: Pick<IncomingMessage, 'socket' | 'headers'>): RequestClient {
  const relayed = relayedOf(socket);
  const ip = clientIp(socket);
  const secure = ('encrypted' in socket && socket.encrypted === true) || relayed?.source?.secure === true;
  if (relayed?.proxies.trusts(ip) !== true) return { ip, secure };
  const client = relayed.proxies.clientOf(headers, ip);
  return { ip: client.ip, secure: client.secure ?? secure };
}
