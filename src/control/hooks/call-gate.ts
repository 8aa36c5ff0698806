/**
 * How many calls of one URL are under way at a time: the others wait for their turn, in order, so that a back end that comes back
 * is not run down, and a slow one holds no more connections than these.
 */
export class CallGate {
  readonly #max: number;
  readonly #maxWaiting: number;
  readonly #gates = new Map<string, { running: number; readonly waiting: Set<() => void> }>();

  /** @param maxWaiting Calls of one URL that may wait. */
  constructor(max: number, maxWaiting = Infinity) {
    this.#max = max;
    this.#maxWaiting = maxWaiting;
  }

  /** Runs `work` when it is its turn; `undefined` when it was aborted before that, or too many wait. */
  async run<T>(url: string, signal: AbortSignal, work: () => Promise<T>): Promise<T | undefined> {
    let gate = this.#gates.get(url);
    if (gate === undefined) {
      gate = { running: 0, waiting: new Set() };
      this.#gates.set(url, gate);
    }
    if (signal.aborted) return undefined;
    if (gate.running >= this.#max) {
      if (gate.waiting.size >= this.#maxWaiting) return undefined;
      if (!(await turn(gate.waiting, signal))) return undefined;
    } else {
      gate.running += 1;
    }
    try {
      return await work();
    } finally {
      const next = first(gate.waiting);
      // The place is handed on, so that nobody who comes just now takes it.
      if (next === undefined) gate.running -= 1;
      else next();
      if (gate.running === 0 && this.#gates.get(url) === gate) this.#gates.delete(url);
    }
  }
}

/** Waits to be called; false when aborted before. */
function turn(waiting: Set<() => void>, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (came: boolean): void => {
      waiting.delete(mine);
      signal.removeEventListener('abort', aborted);
      resolve(came);
    };
    const mine = (): void => settle(true);
    const aborted = (): void => settle(false);
    waiting.add(mine);
    signal.addEventListener('abort', aborted, { once: true });
  });
}

function first<T>(set: Set<T>): T | undefined {
  for (const one of set) return one;
  return undefined;
}
