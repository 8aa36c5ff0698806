import { createHash } from 'node:crypto';

/** Ids of one-time tokens that are remembered until the tokens expire; while there are so many no more are taken. */
export const MAX_USED_TOKENS = 100_000;
/** Those that expired are looked for at most so often, ms. */
const SWEEP_EVERY_MS = 1_000;

/** One-time tokens that were used, for as long as somebody could use them again. */
export class UsedTokens {
  readonly #max: number;
  /** Unix ms of the expiry, by a hash: ids are as long as back ends like. */
  readonly #until = new Map<string, number>();
  #sweptAt = -Infinity;

  constructor(max = MAX_USED_TOKENS) {
    this.#max = max;
  }

  /** Takes the id: `used` = it was before, `full` = it cannot be remembered, and must not be let in. */
  use(id: string, untilMs: number, nowMs: number): 'taken' | 'used' | 'full' {
    const key = createHash('sha256').update(id).digest('base64');
    const known = this.#until.get(key);
    if (known !== undefined && known > nowMs) return 'used';
    if (this.#until.size >= this.#max && known === undefined) {
      this.#sweep(nowMs);
      if (this.#until.size >= this.#max) return 'full';
    }
    this.#until.set(key, untilMs);
    return 'taken';
  }

  get size(): number {
    return this.#until.size;
  }

  #sweep(nowMs: number): void {
    if (Math.abs(nowMs - this.#sweptAt) < SWEEP_EVERY_MS) return;
    this.#sweptAt = nowMs;
    for (const [key, until] of this.#until) if (until <= nowMs) this.#until.delete(key);
  }
}
