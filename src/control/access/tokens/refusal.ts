import { ServerError } from '../../../base/errors.ts';

/** What the peer hears: that, and nothing of what was wrong. */
const SAID = {
  TOKEN_MISSING: 'a token is needed here',
  TOKEN_INVALID: 'the token is not valid here',
  TOKEN_EXPIRED: 'the token is out of date',
  TOKEN_USED: 'the token was used already',
  TOKEN_UNCHECKED: 'tokens cannot be checked now',
} as const;

export type TokenRefusal = keyof typeof SAID;

/** A refusal whose message is for the peer; `why` is its cause, which only the log shows, and holds nothing of the token. */
export function refused(code: TokenRefusal, why?: string): ServerError {
  return new ServerError(code, SAID[code], why === undefined ? {} : { cause: new Error(why) });
}
