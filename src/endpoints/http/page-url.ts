import type { IncomingHttpHeaders } from '../../net/index.ts';

/**
 * The page that a request comes from, as far as it is told: the referer, else the origin, which is all that browsers send with
 * WebSockets (RFC 6455, 4.1).
 */
export function pageUrlOf({ referer, origin }: IncomingHttpHeaders): string | undefined {
  return referer ?? (origin === 'null' ? undefined : origin);
}
