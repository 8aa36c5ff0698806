import { createHmac, timingSafeEqual } from 'node:crypto';

/** First line of what is signed. */
const VERSION = 'srs-ts-1';
/** Characters, and bytes, of a signature: 32 bytes as base64url without padding (RFC 4648, 5). */
const SIGNATURE_CHARS = 43;

export type SignedAction = 'publish' | 'play' | 'both';

/** What a signed URL promises, each value as it stands in the query, decoded; what is not there is empty. */
export interface SignedText {
  readonly action: SignedAction;
  /** As the configuration calls it. */
  readonly vhost: string;
  readonly app: string;
  readonly stream: string;
  /** Unix seconds, decimal digits. */
  readonly expires: string;
  /** The client's address, or a network in CIDR notation. */
  readonly ip?: string;
  /** An id that makes the URL good for one session, where `one_time` is on. */
  readonly nonce?: string;
  /** The most that the session may carry, kbit/s. */
  readonly kbps?: string;
  /** The session ends after so long, seconds. */
  readonly duration?: string;
}

/** The text that is signed: nine lines, with a line feed between them. */
export function canonicalText(text: SignedText): string {
  const { action, vhost, app, stream, expires, ip = '', nonce = '', kbps = '', duration = '' } = text;
  return [VERSION, action, vhost, `${app}/${stream}`, expires, ip, nonce, kbps, duration].join('\n');
}

/** The value of `sign`: HMAC-SHA-256 (RFC 2104) of the text in UTF-8 under the secret in UTF-8, as base64url. */
export function signatureOf(text: SignedText, secret: string): string {
  return createHmac('sha256', secret).update(canonicalText(text)).digest('base64url');
}

/** Whether `sign` is the signature of the text. It takes as long for a wrong one as for a right one. */
export function isSignatureOf(sign: string, text: SignedText, secret: string): boolean {
  // Compared as text: the last character of base64url has bits that no byte has, so that several spellings are the same bytes.
  const given = Buffer.from(sign);
  return given.length === SIGNATURE_CHARS && timingSafeEqual(given, Buffer.from(signatureOf(text, secret)));
}

/** The query of a signed URL. `kid`: the name of the secret, so that the server need not try all it has. */
export function signedQuery(text: SignedText, secret: string, kid = ''): string {
  const { action, expires, ip = '', nonce = '', kbps = '', duration = '' } = text;
  const told = action === 'both' ? action : '';
  const all = { action: told, expires, ip, nonce, kbps, duration, kid, sign: signatureOf(text, secret) };
  return Object.entries(all)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&');
}
