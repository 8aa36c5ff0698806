import type { Clock } from '../../base/clock.ts';
import type { Undo } from '../../base/undo.ts';

const LOOK_EVERY_MS = 1_000;

/** [asprocess] Calls `gone` once when the parent is another process than `first`. Returns the undo. */
export function watchParent(
  clock: Clock,
  first: number,
  gone: (from: number, to: number) => void,
  parent: () => number = () => process.ppid,
): Undo {
  const stop = clock.every(LOOK_EVERY_MS, () => {
    const now = parent();
    if (now === first) return;
    stop();
    gone(first, now);
  });
  return stop;
}
