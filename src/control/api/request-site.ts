import type { FastifyRequest } from 'fastify';

/**
 * Whose page in a browser asked for a request: `own` = a page of this very host and port, or no browser at all; `machine` = one
 * of this machine (another port); `foreign` = one of somebody else; `unknown` = a browser that does not say.
 */
export type RequestSite = 'own' | 'machine' | 'foreign' | 'unknown';

/** What browsers tell of the page that asks: Fetch Metadata, the Origin header (Fetch, 3.2), else the referer. */
export function siteOf(request: FastifyRequest): RequestSite {
  const { headers } = request;
  const page = headers.origin ?? headers.referer;
  const host = page === undefined ? undefined : hostOf(page);
  if (page !== undefined && host === request.host.toLowerCase()) return 'own';
  if (host !== undefined && isLoopbackName(withoutPort(host))) return 'machine';
  if (page !== undefined) return 'foreign';
  const site = headers['sec-fetch-site'];
  if (site === 'same-origin' || site === 'none') return 'own';
  if (site !== undefined) return 'foreign';
  // Pages cannot change the name of the browser, and every browser has this one.
  return headers['user-agent']?.startsWith('Mozilla/') === true ? 'unknown' : 'own';
}

/** `localhost`, `127.0.0.1`, `[::1]` and the like (RFC 6761, 6.3). */
export function isLoopbackName(name: string): boolean {
  return /^(?:(?:[\w-]+\.)*localhost\.?|127(?:\.\d{1,3}){3}|\[::1\])$/i.test(name);
}

/**
 * Whether a request names this machine by a name that nobody else can point at it: addresses, `localhost`, its own name. A page
 * whose name was pointed at 127.0.0.1 (DNS rebinding) sends its own name.
 */
export function namesThisMachine(request: FastifyRequest, ownNames: readonly string[]): boolean {
  const name = withoutPort(request.host.toLowerCase());
  if (name === '' || name.startsWith('[') || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(name)) return true;
  return isLoopbackName(name) || ownNames.some((own) => own.toLowerCase() === name);
}

/** `host:port` of a URL; undefined = `null` and other texts that are none. */
function hostOf(page: string): string | undefined {
  return URL.canParse(page) ? new URL(page).host.toLowerCase() : undefined;
}

function withoutPort(host: string): string {
  return host.replace(/:\d+$/, '');
}
