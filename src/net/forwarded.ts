import type { IncomingHttpHeaders } from 'node:http';
import { normalIp } from './networks.ts';

/** Where a proxy writes down whom a request comes from. Only one of them is believed: proxies hand on what clients wrote in the others. */
export type ForwardedHeader = 'x-forwarded-for' | 'forwarded' | 'x-real-ip' | 'off';

/** Proxies that one request may have come through, as far as they are looked at. */
export const MAX_FORWARDED_HOPS = 32;

/** One station of a request, as the next one wrote it down. */
interface Hop {
  /** Undefined: not an address (`unknown`, `_hidden`, garbage). */
  readonly ip: string | undefined;
  readonly proto: string | undefined;
}

export interface ForwardedClient {
  readonly ip: string;
  /** Undefined: nothing was said of it. */
  readonly secure: boolean | undefined;
}

/**
 * The client of a request that a trusted proxy with address `peer` has handed on: the rightmost address that is not itself one of a
 * trusted proxy. What is left of it anybody may have written. What cannot be read ends the search: then it is the proxy that wrote
 * it down.
 */
export function forwardedClient(
  headers: IncomingHttpHeaders,
  header: ForwardedHeader,
  peer: string,
  isTrusted: (ip: string) => boolean,
): ForwardedClient {
  const hops = hopsOf(headers, header);
  let ip = peer;
  let proto: string | undefined;
  for (let at = hops.length - 1; at >= 0 && hops.length - at <= MAX_FORWARDED_HOPS; at -= 1) {
    const hop = hops[at] as Hop;
    if (hop.ip === undefined) break;
    ip = hop.ip;
    proto = hop.proto ?? proto;
    if (!isTrusted(ip)) break;
  }
  if (header !== 'forwarded' && header !== 'off') proto = lastWord(headers['x-forwarded-proto']);
  return { ip, secure: proto === undefined ? undefined : /^(https|wss)$/i.test(proto) };
}

function hopsOf(headers: IncomingHttpHeaders, header: ForwardedHeader): readonly Hop[] {
  switch (header) {
    case 'x-forwarded-for':
      return words(headers['x-forwarded-for']).map((word) => ({ ip: nodeIp(word), proto: undefined }));
    case 'forwarded':
      return elements(joined(headers.forwarded)).map(hopOfElement);
    case 'x-real-ip': {
      const word = lastWord(headers['x-real-ip']);
      return word === undefined ? [] : [{ ip: nodeIp(word), proto: undefined }];
    }
    case 'off':
      return [];
    default:
      return header satisfies never;
  }
}

/** Several header lines of one name count as one list (RFC 9110, 5.3). */
function joined(value: string | string[] | undefined): string {
  return Array.isArray(value) ? value.join(',') : (value ?? '');
}

function words(value: string | string[] | undefined): readonly string[] {
  const text = joined(value);
  return text === '' ? [] : text.split(',').map((word) => word.trim());
}

function lastWord(value: string | string[] | undefined): string | undefined {
  const word = words(value).at(-1);
  return word === '' ? undefined : word;
}

/**
 * RFC 7239, 4: elements between commas, pairs between semicolons; values are tokens or quoted strings, which may have both in
 * them. A quote that is not closed goes to the end.
 */
function elements(text: string): readonly (readonly string[])[] {
  if (text.trim() === '') return [];
  const found: string[][] = [[]];
  let pair = '';
  let quoted = false;
  const endPair = (): void => {
    if (pair.trim() !== '') found.at(-1)?.push(pair.trim());
    pair = '';
  };
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (quoted && char === '\\') {
      pair += char + text.charAt(at + 1);
      at += 1;
    } else if (!quoted && char === ',') {
      endPair();
      found.push([]);
    } else if (!quoted && char === ';') endPair();
    else {
      if (char === '"') quoted = !quoted;
      pair += char;
    }
  }
  endPair();
  return found;
}

function hopOfElement(pairs: readonly string[]): Hop {
  let ip: string | undefined;
  let proto: string | undefined;
  for (const pair of pairs) {
    const [, name = '', value = ''] = /^([^=\s]+)\s*=\s*(.*)$/s.exec(pair) ?? [];
    if (name.toLowerCase() === 'for') ip = nodeIp(unquoted(value));
    if (name.toLowerCase() === 'proto') proto = unquoted(value);
  }
  return { ip, proto };
}

function unquoted(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"')
    ? value.slice(1, -1).replace(/\\(.)/gs, '$1')
    : value;
}

/** RFC 7239, 6: `192.0.2.43`, `192.0.2.43:47011`, `[2001:db8::17]`, `[2001:db8::17]:4711`; and a bare IPv6 address, as proxies write it. */
function nodeIp(text: string): string | undefined {
  const bracketed = /^\[([^\]]*)\](?::[\w.-]*)?$/.exec(text);
  if (bracketed !== null) return normalIp(bracketed[1] ?? '');
  const withPort = /^(\d+\.\d+\.\d+\.\d+):[\w.-]*$/.exec(text);
  return normalIp(withPort?.[1] ?? text);
}
