import { ServerError } from '../../../base/errors.ts';
import { hideSecret } from '../../../base/hide-secret.ts';
import type { AccessGrant, AccessPolicy, AccessRequest } from '../../../hub/ports.ts';
import { checkClaims, type TokenUse } from './claims.ts';
import { verifyJwt, type JwtRules } from './jwt.ts';
import { TokenQuery } from './query.ts';
import { refused } from './refusal.ts';
import { checkSigned, type Proven, type SignKey } from './signed-proof.ts';
import type { StreamKey, StreamKeyTable } from './stream-keys.ts';
import { UsedTokens } from './used-tokens.ts';

/** How a client may show that it may. */
export type Proof = 'signed' | 'jwt' | 'key';

/** [access] What is asked of the clients of a vhost. */
export interface TokenOptions {
  /** Any one of them suffices; none = nothing is asked. */
  readonly publish: readonly Proof[];
  readonly play: readonly Proof[];
  readonly signKeys: readonly SignKey[];
  readonly jwt: JwtRules;
  /** Name of the query parameter with the JWT. */
  readonly jwtParameter: string;
  /** Clocks of back ends may be wrong by so much, ms. */
  readonly skewMs: number;
  /** Sessions end when their token expires. */
  readonly expireSessions: boolean;
  /** Tokens with an id are good for one session. */
  readonly oneTime: boolean;
  /** Keys of publishers. `broken`: there should be some, but the file cannot be read. */
  readonly streamKeys: StreamKeyTable | 'broken' | undefined;
}

export interface TokenPolicyOptions {
  /** What is in force for a vhost; undefined = nothing is asked. */
  options(vhost: string): TokenOptions | undefined;
  /** Unix ms. */
  readonly unixTime: () => number;
  readonly used?: UsedTokens;
}

/** Tokens in URLs and headers, and secret keys in the place of the names of streams. */
export class TokenPolicy implements AccessPolicy {
  readonly #options: TokenPolicyOptions;
  readonly #used: UsedTokens;

  constructor(options: TokenPolicyOptions) {
    this.#options = options;
    this.#used = options.used ?? new UsedTokens();
  }

  protects(vhost: string): boolean {
    return (this.#options.options(vhost)?.play.length ?? 0) > 0;
  }

  async check(request: AccessRequest): Promise<AccessGrant | undefined> {
    const { action, vhost, app, stream = '', session } = request;
    if (action === 'connect') return undefined;
    const options = this.#options.options(vhost);
    if (options === undefined) return undefined;
    const { streamKeys } = options;
    if (streamKeys === 'broken' && action === 'publish')
      throw refused('TOKEN_UNCHECKED', 'stream key: the table cannot be read');
    const key = streamKeys === 'broken' ? undefined : streamKeys?.find(stream);
    // Who has a key of a publisher and no stream would otherwise learn by playing that it is one.
    if (key !== undefined && action === 'play')
      throw new ServerError('STREAM_NOT_FOUND', 'there is no such stream');
    // Names of apps are seen by everybody; encoders that have one field for all make the key a part of them.
    if (key !== undefined && hideSecret(app, stream) !== app)
      throw refused('TOKEN_INVALID', 'stream key: it is in the name of the app, too');
    const isKey = key !== undefined && this.#isGood(key, app, options);
    const proofs = options[action];
    const use: TokenUse = { action, vhost, app, stream, ip: session.ip };
    let grant: AccessGrant | undefined;
    if (proofs.length > 0 && !(isKey && proofs.includes('key'))) {
      grant = await this.#prove(proofs, request, use, options);
    }
    if (!isKey) return grant;
    const left =
      options.expireSessions && key.expiresAtMs !== Infinity ? this.#left(key.expiresAtMs) : undefined;
    const durationMs = Math.min(left ?? Infinity, grant?.durationMs ?? Infinity);
    return {
      ...grant,
      stream: key.stream,
      isKey: true,
      ...(durationMs === Infinity ? {} : { durationMs }),
    };
  }

  /** Throws for a key that is known and not good: nobody may publish under it as if it were a name. */
  #isGood({ app, enabled, expiresAtMs }: StreamKey, asked: string, { skewMs }: TokenOptions): true {
    if (!enabled) throw refused('TOKEN_INVALID', 'stream key: it is off');
    if (app !== undefined && app !== asked)
      throw refused('TOKEN_INVALID', 'stream key: it is of another app');
    if (expiresAtMs + skewMs <= this.#options.unixTime())
      throw refused('TOKEN_EXPIRED', 'stream key: its time is over');
    return true;
  }

  async #prove(
    proofs: readonly Proof[],
    request: AccessRequest,
    use: TokenUse,
    options: TokenOptions,
  ): Promise<AccessGrant | undefined> {
    const query = new TokenQuery(request.params);
    const { skewMs, jwtParameter } = options;
    const nowMs = this.#options.unixTime();
    let refusal: Error | undefined;
    for (const proof of proofs) {
      try {
        if (proof === 'signed' && query.has('sign')) {
          const proven = checkSigned(query, use, { keys: options.signKeys, skewMs, nowMs });
          return this.#take(proof, proven, use, options);
        }
        const token = proof === 'jwt' ? query.get(jwtParameter) || (request.bearer ?? '') : '';
        if (token !== '') {
          const claims = await verifyJwt(token, options.jwt, nowMs);
          const { exp, jti } = claims;
          if (jti !== undefined && (typeof jti !== 'string' || jti === ''))
            throw refused('TOKEN_INVALID', 'JWT: jti is no text');
          const expiresAtMs = exp === undefined ? undefined : exp * 1000;
          return this.#take(proof, { limits: checkClaims(claims, use), expiresAtMs, id: jti }, use, options);
        }
      } catch (error) {
        refusal ??= error as Error;
      }
    }
    if (refusal !== undefined) throw refusal;
    throw proofs.includes('key')
      ? refused('TOKEN_INVALID', 'stream key: it is not known')
      : refused('TOKEN_MISSING');
  }

  /** What a good token grants; one-time tokens are used up. */
  #take(proof: Proof, proven: Proven, { vhost }: TokenUse, options: TokenOptions): AccessGrant | undefined {
    const { id, expiresAtMs, limits } = proven;
    if (options.oneTime && id !== undefined) {
      if (expiresAtMs === undefined)
        throw refused('TOKEN_INVALID', 'it has an id and no end: it would have to be remembered for ever');
      const key = JSON.stringify([vhost, proof, id]);
      const taken = this.#used.use(key, expiresAtMs + options.skewMs, this.#options.unixTime());
      if (taken === 'used') throw refused('TOKEN_USED');
      if (taken === 'full') throw refused('TOKEN_UNCHECKED', 'too many one-time tokens are remembered');
    }
    const ends = options.expireSessions && expiresAtMs !== undefined ? this.#left(expiresAtMs) : Infinity;
    const durationMs = Math.min(ends, limits.durationMs ?? Infinity);
    if (durationMs === Infinity && limits.maxKbps === undefined) return undefined;
    return { ...limits, ...(durationMs === Infinity ? {} : { durationMs }) };
  }

  /** At least a moment, within the skew of clocks. */
  #left(untilMs: number): number {
    return Math.max(1_000, untilMs - this.#options.unixTime());
  }
}
