import { createHmac } from 'node:crypto';

/** What a signed URL allows: see docs/access-tokens.md. */
export interface Wish {
  readonly action: 'publish' | 'play';
  /** The name of the vhost in the configuration. */
  readonly vhost: string;
  readonly app: string;
  readonly stream: string;
  /** Unix seconds. */
  readonly expires: number;
  /** Only for a client with this address. */
  readonly ip?: string;
}

/** The query that the server takes for a permission: nine lines, HMAC-SHA-256, base64url. */
export function signedQuery(wish: Wish, key: { readonly name: string; readonly secret: string }): string {
  const { action, vhost, app, stream, expires, ip = '' } = wish;
  const [nonce, kbps, duration] = ['', '', '']; // Not used here: for one session only, and its limits.
  const lines = ['srs-ts-1', action, vhost, `${app}/${stream}`, expires, ip, nonce, kbps, duration];
  const sign = createHmac('sha256', key.secret).update(lines.join('\n')).digest('base64url');
  const query = new URLSearchParams({ expires: String(expires), kid: key.name, sign });
  if (ip !== '') query.set('ip', ip);
  return query.toString();
}
