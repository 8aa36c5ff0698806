/** Longest token of a header, characters. */
export const MAX_BEARER_CHARS = 8_192;

/** The token of a header `Authorization` (RFC 6750, 2.1); undefined = it holds none. */
export function bearerOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.length > MAX_BEARER_CHARS + 16) return undefined;
  return /^bearer +([\w.~+/-]+=*) *$/i.exec(authorization)?.[1];
}
