import { isWithin, limitsOf, type TokenLimits, type TokenUse } from './claims.ts';
import { unixSeconds, type TokenQuery } from './query.ts';
import { refused } from './refusal.ts';
import { isSignatureOf, type SignedText } from './signature.ts';

/** Longest value of a parameter of a signed URL, characters. */
export const MAX_SIGNED_VALUE_CHARS = 256;

/** [sign_key] A secret with its name. */
export interface SignKey {
  readonly id: string;
  readonly secret: string;
}

/** What a good token says. */
export interface Proven {
  readonly limits: TokenLimits;
  /** Unix ms; undefined = never. */
  readonly expiresAtMs: number | undefined;
  /** Who may come just once says who it is. */
  readonly id: string | undefined;
}

/** Checks the signature in a query. Throws TOKEN_INVALID or TOKEN_EXPIRED. */
export function checkSigned(
  query: TokenQuery,
  use: TokenUse,
  {
    keys,
    skewMs,
    nowMs,
  }: { readonly keys: readonly SignKey[]; readonly skewMs: number; readonly nowMs: number },
): Proven {
  const value = (name: string): string => {
    const text = query.get(name);
    // A line feed would let one value end and the next one begin within what is signed.
    if (text.length > MAX_SIGNED_VALUE_CHARS || /\p{Cc}/u.test(text)) throw wrong(`${name} cannot be`);
    return text;
  };
  const told = value('action');
  if (told !== '' && told !== 'both' && told !== use.action) throw wrong('it is for another action');
  const text: SignedText = {
    action: told === 'both' ? 'both' : use.action,
    vhost: use.vhost,
    app: use.app,
    stream: use.stream,
    expires: value('expires'),
    ip: value('ip'),
    nonce: value('nonce'),
    kbps: value('kbps'),
    duration: value('duration'),
  };
  const kid = value('kid');
  const sign = value('sign');
  const fitting = keys.filter(({ id }) => kid === '' || id === kid);
  if (fitting.length === 0) throw wrong('its kid is not known');
  if (!fitting.some(({ secret }) => isSignatureOf(sign, text, secret))) throw wrong('its signature is wrong');
  // From here on the values are those of who signed.
  const expires = unixSeconds(text.expires);
  if (expires === undefined) throw wrong('expires is no time');
  if (expires * 1000 + skewMs <= nowMs) throw refused('TOKEN_EXPIRED', 'signed URL: expires is over');
  if (text.ip !== '' && !isWithin(use.ip, text.ip ?? '')) throw wrong('it is for another address');
  return {
    limits: limitsOf(number(text.duration), number(text.kbps)),
    expiresAtMs: expires * 1000,
    id: text.nonce === '' ? undefined : text.nonce,
  };
}

function number(text = ''): number | undefined {
  return text === '' ? undefined : (unixSeconds(text) ?? NaN);
}

function wrong(why: string): Error {
  return refused('TOKEN_INVALID', `signed URL: ${why}`);
}
