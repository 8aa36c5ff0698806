import type { Diagnostics, Origin } from './problem.ts';
import type { VhostConfig } from './schema/root.ts';

/** [access] What is asked of clients must be there to be checked: else nobody could come in, or everybody's word would count. */
export function checkTokens(
  { access }: VhostConfig,
  place: (key: string) => Origin,
  diagnostics: Diagnostics,
): void {
  const { signKeys, jwtSecrets, jwtKeyFile, jwks, streamKeys } = access;
  const hasJwtKeys = jwtSecrets.length > 0 || jwks !== '' || jwtKeyFile.some((file) => file !== '');
  const needs = {
    signed: { isThere: signKeys.length > 0, what: 'sign_key' },
    jwt: { isThere: hasJwtKeys, what: 'jwt_secret, jwt_key_file or jwks' },
    key: { isThere: streamKeys !== '', what: 'stream_keys' },
  };
  for (const action of ['publish', 'play'] as const) {
    for (const [proof, { isThere, what }] of Object.entries(needs)) {
      if (isThere || !access[action].includes(proof)) continue;
      diagnostics.error(
        place(`access.${action}`),
        `vhost.access.${action}`,
        `asks for ${proof}, but there is nothing to check it with`,
        { expected: `${what} beside it` },
      );
    }
  }
}
