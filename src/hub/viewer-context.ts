import { randomBytes } from 'node:crypto';

/** Longest id of a viewer that is taken from a URL, characters. */
export const MAX_CONTEXT_CHARACTERS = 64;

/** 128 bits: nobody guesses the id of another viewer. */
const CONTEXT_BYTES = 16;
const CONTEXT = new RegExp(`^[A-Za-z0-9_-]{1,${MAX_CONTEXT_CHARACTERS}}$`);

/** What URLs of a format call the id of a viewer: `hls_ctx`, `dash_ctx` … */
export function parameterOf(kind: string): string {
  return `${kind}_ctx`;
}

/** A new id of a viewer. */
export function newContext(): string {
  return randomBytes(CONTEXT_BYTES).toString('base64url');
}

/** Whether a value of a URL could be an id of a viewer. */
export function isContext(value: string): boolean {
  return CONTEXT.test(value);
}

/** The viewer whom the query of a URL names by `parameter`. */
export function contextOf(query: string, parameter: string): string | undefined {
  if (!query.includes(parameter)) return undefined;
  for (const one of query.split('&')) {
    if (!one.startsWith(`${parameter}=`)) continue;
    const value = one.slice(parameter.length + 1);
    if (isContext(value)) return value;
  }
  return undefined;
}

/** A name of a vhost, percent-encoded where that is needed: nothing that means something in a playlist or a query. */
const VHOST = /^vhost=[A-Za-z0-9._:%-]{1,255}$/;

/** `vhost=NAME`, as it came: whoever found a playlist by it finds the segments only so. */
export function vhostOf(query: string): string | undefined {
  return query.includes('vhost=') ? query.split('&').find((one) => VHOST.test(one)) : undefined;
}

/** A URL, or the query of one, with another parameter behind it. */
export function addQuery(uri: string, query: string): string {
  return query === '' ? uri : `${uri}${uri.includes('?') ? '&' : '?'}${query}`;
}
