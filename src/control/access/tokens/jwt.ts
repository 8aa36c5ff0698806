import type * as Jose from 'jose';
import type { JWTPayload, ProtectedHeaderParameters } from 'jose';
import { fits, type JwksSource } from './jwks-source.ts';
import type { JwtKey } from './public-keys.ts';
import { refused } from './refusal.ts';

/** Longest JWT, characters. */
export const MAX_JWT_CHARS = 8_192;

/** What of JWTs is checked, whatever they are for. */
export interface JwtRules {
  /** Secrets and keys that are always there. */
  readonly keys: readonly JwtKey[];
  readonly jwks: JwksSource | undefined;
  /** [jwt_issuer] One of them has to be `iss`; none = not looked at. */
  readonly issuers: readonly string[];
  /** [jwt_audience] One of them has to be in `aud`; none = not looked at. */
  readonly audiences: readonly string[];
  /** [jwt_exp_required] */
  readonly expRequired: boolean;
  /** [clock_skew] seconds. */
  readonly skewSeconds: number;
}

/**
 * The claims of a signed JWT (RFC 7519) after its signature, time, issuer and audience were checked. The algorithm belongs to the key
 * and is never chosen by the token (RFC 8725, 3.1). Throws TOKEN_INVALID, TOKEN_EXPIRED or TOKEN_UNCHECKED.
 */
export async function verifyJwt(token: string, rules: JwtRules, nowMs: number): Promise<JWTPayload> {
  if (token.length > MAX_JWT_CHARS) throw refused('TOKEN_INVALID', 'the JWT is too long');
  // Loaded with the first JWT: most servers see none, and it takes a megabyte.
  const jose = await import('jose');
  const { alg = '', kid } = headerOf(jose, token);
  const own = rules.keys.filter((key) => fits(key, alg, kid));
  const payload = await byOneOf(jose, own, token, rules, nowMs);
  if (payload !== undefined) return payload;
  const fetched = await fetchedKeys(rules, alg, kid);
  const other = await byOneOf(jose, fetched, token, rules, nowMs);
  if (other !== undefined) return other;
  const isKnown = own.length + fetched.length > 0;
  throw refused(
    'TOKEN_INVALID',
    `JWT: ${isKnown ? 'its signature is wrong' : 'no key of its algorithm and kid'}`,
  );
}

/** Undefined: none of the keys signed it. */
async function byOneOf(
  { jwtVerify, errors }: typeof Jose,
  keys: readonly JwtKey[],
  token: string,
  rules: JwtRules,
  nowMs: number,
): Promise<JWTPayload | undefined> {
  for (const { key, algorithm } of keys) {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [algorithm],
        clockTolerance: rules.skewSeconds,
        currentDate: new Date(nowMs),
        requiredClaims: rules.expRequired ? ['exp'] : [],
        ...(rules.issuers.length === 0 ? {} : { issuer: [...rules.issuers] }),
        ...(rules.audiences.length === 0 ? {} : { audience: [...rules.audiences] }),
      });
      return payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw whyNot(errors, error);
    }
  }
  return undefined;
}

async function fetchedKeys(
  rules: JwtRules,
  alg: string,
  kid: string | undefined,
): Promise<readonly JwtKey[]> {
  if (rules.jwks === undefined || (alg !== 'RS256' && alg !== 'ES256')) return [];
  const keys = await rules.jwks.find(alg, kid);
  if (keys === undefined) throw refused('TOKEN_UNCHECKED', 'JWT: the JWKS server gave no keys');
  return keys;
}

function headerOf({ decodeProtectedHeader }: typeof Jose, token: string): ProtectedHeaderParameters {
  try {
    const header = decodeProtectedHeader(token);
    if (header.kid !== undefined && typeof header.kid !== 'string') throw new TypeError('kid');
    return header;
  } catch {
    throw refused('TOKEN_INVALID', 'it is no JWT');
  }
}

/** What the library found, by its codes: its messages are for programmers. */
function whyNot(errors: typeof Jose.errors, error: unknown): Error {
  if (error instanceof errors.JWTExpired) return refused('TOKEN_EXPIRED', 'JWT: exp is over');
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, reason } = error;
    const known = ['exp', 'nbf', 'iat', 'iss', 'aud'].includes(claim) ? claim : 'a claim';
    return refused(
      'TOKEN_INVALID',
      `JWT: ${known} is ${reason === 'missing' ? 'missing' : 'not as it must be'}`,
    );
  }
  return refused(
    'TOKEN_INVALID',
    `JWT: ${error instanceof errors.JOSEError ? error.code : 'it cannot be read'}`,
  );
}
