import type { Clock } from './clock.ts';
import type { Undo } from './undo.ts';

/** Waits for `what`, at most `ms`: false when the time was over first. Rejects as `what` does. */
export async function within(clock: Clock, ms: number, what: Promise<unknown>): Promise<boolean> {
  let cancel: Undo = () => undefined;
  const late = new Promise<boolean>((resolve) => {
    cancel = clock.after(ms, () => resolve(false));
  });
  try {
    return await Promise.race([what.then(() => true), late]);
  } finally {
    cancel();
  }
}
