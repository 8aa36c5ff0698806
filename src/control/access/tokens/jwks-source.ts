import type { Clock } from '../../../base/clock.ts';
import { describeError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/logger.ts';
import { readPublicKeys, type JwtKey } from './public-keys.ts';

/** A JWKS server is asked at most so often, whatever tokens say, ms. */
export const MIN_JWKS_INTERVAL_MS = 10_000;

export interface JwksSourceOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** For the log: the URL without its query. */
  readonly name: string;
  /** Gets the document within a time and a length that are bounded; rejects where there is none. */
  readonly fetch: () => Promise<string>;
  /** [jwks_refresh] Keys that are older are asked for again, ms. */
  readonly refreshMs: number;
  /** [jwks_keep] Keys are used for so long where the server does not answer, ms. */
  readonly keepMs: number;
}

/**
 * The keys of a JWKS server. Who needs a key that is known never waits; one that is not known makes one request at most, and all who
 * need it wait for the same.
 */
export class JwksSource {
  readonly #options: JwksSourceOptions;
  #keys: readonly JwtKey[] | undefined;
  #fetchedAt = -Infinity;
  #triedAt = -Infinity;
  #fetching: Promise<void> | undefined;

  constructor(options: JwksSourceOptions) {
    this.#options = options;
  }

  /** Keys that may have signed a token that names `kid` (undefined = names none). Undefined: there are no keys at all now. */
  async find(algorithm: string, kid: string | undefined): Promise<readonly JwtKey[] | undefined> {
    const { clock, refreshMs, keepMs } = this.#options;
    const age = clock.now() - this.#fetchedAt;
    if (age >= keepMs) this.#keys = undefined;
    if (this.#keys === undefined) await this.refresh();
    else if (age >= refreshMs) void this.refresh();
    const found = this.#select(algorithm, kid);
    if (found === undefined || found.length > 0 || kid === undefined) return found;
    await this.refresh();
    return this.#select(algorithm, kid);
  }

  /** Asks the server unless that was done lately. Never rejects. */
  refresh(): Promise<void> {
    if (this.#fetching !== undefined) return this.#fetching;
    const now = this.#options.clock.now();
    if (now - this.#triedAt < MIN_JWKS_INTERVAL_MS) return Promise.resolve();
    this.#triedAt = now;
    const fetching = this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    this.#fetching = fetching;
    return fetching;
  }

  async #fetch(): Promise<void> {
    const { clock, logger, name, fetch, keepMs } = this.#options;
    try {
      this.#keys = readPublicKeys(await fetch());
      this.#fetchedAt = clock.now();
    } catch (error) {
      const left = Math.ceil((this.#fetchedAt + keepMs - clock.now()) / 1000);
      const rest = this.#keys === undefined ? 'there are none' : `the old ones are good for ${left} s`;
      logger.warn(`jwks: no keys from ${name}, ${rest}: ${describeError(error)}`);
    }
  }

  #select(algorithm: string, kid: string | undefined): readonly JwtKey[] | undefined {
    return this.#keys?.filter((key) => fits(key, algorithm, kid));
  }
}

/** Whether the key may have signed a token with this algorithm and `kid`. */
export function fits(key: JwtKey, algorithm: string, kid: string | undefined): boolean {
  return key.algorithm === algorithm && (kid === undefined || key.id === undefined || key.id === kid);
}
