import { refused } from './refusal.ts';

/** Longest query that is searched for tokens, characters. */
export const MAX_TOKEN_QUERY_CHARS = 16_384;

/** The query of a request, parameter by parameter, percent-decoded. */
export class TokenQuery {
  readonly #params: URLSearchParams;

  /** `text`: with or without its `?`. Throws TOKEN_INVALID when it is too long. */
  constructor(text: string) {
    if (text.length > MAX_TOKEN_QUERY_CHARS) throw refused('TOKEN_INVALID', 'the query is too long');
    this.#params = new URLSearchParams(text);
  }

  has(name: string): boolean {
    return this.#params.has(name);
  }

  /** The value; empty where there is none. Throws TOKEN_INVALID when there are several: which one counts is a matter of opinion. */
  get(name: string): string {
    const [value = '', ...others] = this.#params.getAll(name);
    if (others.some((other) => other !== value))
      throw refused('TOKEN_INVALID', `the parameter ${name} has several values`);
    return value;
  }
}

/** Reads the time of day of a token: whole seconds since 1970 in decimal digits. Undefined: it is something else. */
export function unixSeconds(text: string): number | undefined {
  return /^[1-9]\d{0,10}$/.test(text) ? Number(text) : undefined;
}
