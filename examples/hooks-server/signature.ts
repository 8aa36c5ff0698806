import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Calls that are older, or from the future, are not believed, seconds. A repeated call has a new timestamp. */
const MAX_AGE_SECONDS = 300;

/** Whether a call is from our server: see docs/callbacks.md, "Headers". `signed`: the body, or path and query of a GET. */
export function isOurs(
  headers: IncomingHttpHeaders,
  signed: Buffer | string,
  secret: string,
  nowMs: number,
): boolean {
  const timestamp = headerOf(headers, 'x-srs-timestamp');
  const age = nowMs / 1000 - Number(timestamp);
  if (!/^\d+$/.test(timestamp) || Math.abs(age) > MAX_AGE_SECONDS) return false;
  const id = headerOf(headers, 'x-srs-event-id');
  const sequence = headerOf(headers, 'x-srs-sequence');
  const hmac = createHmac('sha256', secret).update(`${timestamp}.${id}.${sequence}.`).update(signed);
  const want = Buffer.from(`sha256=${hmac.digest('hex')}`);
  const got = Buffer.from(headerOf(headers, 'x-srs-signature'));
  return got.length === want.length && timingSafeEqual(got, want);
}

export function headerOf(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
}
