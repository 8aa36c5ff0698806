/** Takes back what a listen, subscribe, open or schedule did. Idempotent. */
export type Undo = () => void;

export function once(undo: () => void): Undo {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    undo();
  };
}

/** Collects undos and runs them in reverse order, all of them, even if one throws; the first error is rethrown. */
export class UndoScope {
  readonly #undos: Undo[] = [];

  add(undo: Undo): void {
    this.#undos.push(undo);
  }

  run(): void {
    let first: unknown;
    let failed = false;
    for (let undo = this.#undos.pop(); undo !== undefined; undo = this.#undos.pop()) {
      try {
        undo();
      } catch (error) {
        if (!failed) first = error;
        failed = true;
      }
    }
    if (failed) throw first as Error;
  }
}
