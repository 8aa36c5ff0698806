import { describeError } from '../../base/errors.ts';
import type { ConfigChange } from '../../config/index.ts';
import type { Refusal } from './ports.ts';

/** Listeners of one kind that are to be somewhere else. */
export interface ListenerMove {
  /** What asks for it; refused together. */
  readonly changes: readonly ConfigChange[];
  /** Throws when it cannot be done; then nothing has changed. */
  run(): Promise<void>;
}

/**
 * Makes all moves that can be made. One may need the port that another one leaves, so those that failed are tried again as
 * long as any of the others succeeds. What fails then is refused.
 */
export async function moveListeners(moves: readonly ListenerMove[]): Promise<readonly Refusal[]> {
  let pending = moves.filter(({ changes }) => changes.length > 0);
  for (;;) {
    const failed: { readonly move: ListenerMove; readonly why: string }[] = [];
    for (const move of pending) {
      try {
        await move.run();
      } catch (error) {
        failed.push({ move, why: describeError(error) });
      }
    }
    if (failed.length === 0 || failed.length === pending.length)
      return failed.flatMap(({ move, why }) => move.changes.map((change) => ({ change, why })));
    pending = failed.map(({ move }) => move);
  }
}
