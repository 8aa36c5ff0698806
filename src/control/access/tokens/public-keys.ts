import { createPublicKey, X509Certificate, type JsonWebKey, type KeyObject } from 'node:crypto';

/** Longest file or answer with keys, bytes. */
export const MAX_KEY_FILE_BYTES = 256 * 1024;
/** Keys of one JWKS or PEM file. */
export const MAX_PUBLIC_KEYS = 64;
/** RSA keys that are shorter are not taken, bits (RFC 7518, 3.3). */
const MIN_RSA_BITS = 2048;

/** How a JWT may be signed; there is no other way, whatever a token says (RFC 8725, 3.1). */
export type JwtAlgorithm = 'HS256' | 'RS256' | 'ES256';

/** A key with the one algorithm that it is good for. */
export interface JwtKey {
  /** `kid`; undefined = good for tokens that name any. */
  readonly id: string | undefined;
  readonly algorithm: JwtAlgorithm;
  readonly key: KeyObject;
}

/**
 * Public keys from a JWKS or a single JWK (RFC 7517) or from PEM (public keys and certificates). Secrets among them are passed
 * over, so that nobody can sign by what everybody may read; so are keys for encryption or of other kinds. Throws where none is left.
 */
export function readPublicKeys(text: string): readonly JwtKey[] {
  const keys = text.trimStart().startsWith('{') ? fromJson(text) : fromPem(text);
  if (keys.length === 0) throw new Error('no public key for RS256 or ES256 is in it');
  return keys;
}

function fromJson(text: string): readonly JwtKey[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Error('it is no JSON'); // JSON.parse quotes what it read.
  }
  const { keys } = parsed as { keys?: unknown };
  const all: readonly unknown[] = keys === undefined ? [parsed] : Array.isArray(keys) ? keys : [];
  if (all.length > MAX_PUBLIC_KEYS) throw new Error(`more than ${MAX_PUBLIC_KEYS} keys are in it`);
  return all.flatMap((one) => fromJwk(one) ?? []);
}

function fromJwk(jwk: unknown): JwtKey | undefined {
  if (typeof jwk !== 'object' || jwk === null) return undefined;
  const { kid, use, alg, kty } = jwk as Record<string, unknown>;
  if (use !== undefined && use !== 'sig') return undefined;
  if (kty !== 'RSA' && kty !== 'EC') return undefined;
  const id = typeof kid === 'string' ? kid : undefined;
  try {
    const found = keyOf(createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }), id);
    return alg === undefined || alg === found?.algorithm ? found : undefined;
  } catch {
    return undefined; // Others may be good: a server that brings a new kind of key must not break the old ones.
  }
}

function fromPem(text: string): readonly JwtKey[] {
  const blocks = text.match(/-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----/g) ?? [];
  if (blocks.length > MAX_PUBLIC_KEYS) throw new Error(`more than ${MAX_PUBLIC_KEYS} keys are in it`);
  return blocks.flatMap((pem) => {
    if (pem.includes('PRIVATE KEY'))
      throw new Error('it holds a private key, which belongs on no server but the one that signs');
    try {
      const key = pem.startsWith('-----BEGIN CERTIFICATE')
        ? new X509Certificate(pem).publicKey
        : createPublicKey(pem);
      return keyOf(key, undefined) ?? [];
    } catch {
      throw new Error('a key in it cannot be read');
    }
  });
}

function keyOf(key: KeyObject, id: string | undefined): JwtKey | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'rsa' && (details?.modulusLength ?? 0) >= MIN_RSA_BITS) return { id, algorithm: 'RS256', key };
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return { id, algorithm: 'ES256', key };
  return undefined;
}
