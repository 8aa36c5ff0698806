import type { Clock } from '../../base/clock.ts';
import { clientOfIp } from '../../net/index.ts';
import type { RequestSite } from './request-site.ts';

/** Wrong credentials of one address within `AUTH_WINDOW_MS`; then none of it are looked at until the window ends. */
export const MAX_AUTH_FAILURES = 10;
/** How long failures count, ms. */
export const AUTH_WINDOW_MS = 60_000;
/** Addresses whose failures are remembered; the oldest is forgotten for another one. */
export const MAX_AUTH_ADDRESSES = 10_000;

interface Failures {
  count: number;
  readonly until: number;
}

/**
 * Counts wrong credentials per address, apart for each kind of page that a browser there may show: what a page of somebody else
 * guesses keeps it out, and nobody who calls from the same machine by other means.
 */
export class AuthFailures {
  readonly #clock: Clock;
  readonly #byAddress = new Map<string, Failures>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#byAddress.size;
  }

  /** After how many seconds an address may try again; 0 = at once. */
  waitSeconds(address: string, site: RequestSite): number {
    const found = this.#current(keyOf(address, site));
    if (found === undefined || found.count < MAX_AUTH_FAILURES) return 0;
    return Math.max(1, Math.ceil((found.until - this.#clock.now()) / 1_000));
  }

  add(address: string, site: RequestSite): void {
    const key = keyOf(address, site);
    const found = this.#current(key);
    if (found !== undefined) {
      found.count += 1;
      return;
    }
    if (this.#byAddress.size >= MAX_AUTH_ADDRESSES) {
      const oldest = this.#byAddress.keys().next();
      if (oldest.done !== true) this.#byAddress.delete(oldest.value);
    }
    this.#byAddress.set(key, { count: 1, until: this.#clock.now() + AUTH_WINDOW_MS });
  }

  #current(key: string): Failures | undefined {
    const found = this.#byAddress.get(key);
    if (found === undefined || this.#clock.now() < found.until) return found;
    this.#byAddress.delete(key);
    return undefined;
  }
}

function keyOf(address: string, site: RequestSite): string {
  return `${site} ${clientOfIp(address)}`;
}
