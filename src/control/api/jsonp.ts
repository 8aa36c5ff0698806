import type { IncomingMessage } from 'node:http';

/** Longest name of a JSONP callback, characters. */
export const MAX_CALLBACK_CHARS = 128;
/** A name such as `jQuery1_2` or `app.cb[3]`: nothing that is a program of its own. */
const CALLBACK = /^[\w$][\w$.[\]]*$/;
const METHODS = new Set(['GET', 'POST', 'PUT', 'DELETE']);

/** The name of the JSONP callback; undefined = none was asked for, or no name that may be sent back. */
export function callbackOf(url: string | undefined): string | undefined {
  const name = queryOf(url)?.get('callback');
  if (name === null || name === undefined || name.length > MAX_CALLBACK_CHARS) return undefined;
  return CALLBACK.test(name) ? name : undefined;
}

/** With JSONP a page can only GET: `method=` says what it means. */
export function overrideMethod(request: IncomingMessage): void {
  if (request.method !== 'GET' || callbackOf(request.url) === undefined) return;
  const method = queryOf(request.url)?.get('method')?.toUpperCase();
  if (method !== undefined && METHODS.has(method)) request.method = method;
}

function queryOf(url: string | undefined): URLSearchParams | undefined {
  const at = url?.indexOf('?') ?? -1;
  return url === undefined || at < 0 ? undefined : new URLSearchParams(url.slice(at));
}
