import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock } from '../base/clock.ts';
import type { Undo } from '../base/undo.ts';

/** Fewer connections than this at the peak are not worth a collection. */
const MIN_PEAK = 500;
const CHECK_MS = 5_000;
/** The connections must have been few for so long: a crowd that reconnects is not gone. */
const QUIET_CHECKS = 2;
/** V8 gives pages back over two full collections: one finds the garbage, the next shrinks the spaces. */
const COLLECTIONS = 2;

/**
 * Loading and configuring leaves some 8 MB of garbage, and V8 without a measure of what lives: it would let the heap of a crowd that
 * comes now grow for long. Collected as soon as the server runs, unless clients wait already.
 */
const START_MS = 1_000;
const BUSY_AT_START = 50;

/**
 * Gives memory back to the system when a crowd has left. A process that has become idle allocates nothing, so V8 sees no
 * reason to collect, and the sessions of yesterday's event would stay resident. After the number of connections has fallen
 * below half of its peak, full collections are asked for; they take some 15 ms of a heap that is small by then.
 */
export function returnMemory(
  clock: Clock,
  connections: () => number,
  collect: () => void = fullCollection(),
): Undo {
  let peak = 0;
  let quiet = 0;
  let starting = COLLECTIONS;
  const stopStarting = clock.every(START_MS, () => {
    if (connections() < BUSY_AT_START) collect();
    starting -= 1;
    if (starting === 0) stopStarting();
  });
  const stop = clock.every(CHECK_MS, () => {
    const now = connections();
    if (now > peak / 2 || peak < MIN_PEAK) {
      peak = Math.max(peak, now);
      quiet = 0;
      return;
    }
    quiet += 1;
    if (quiet < QUIET_CHECKS) return;
    collect();
    if (quiet < QUIET_CHECKS + COLLECTIONS - 1) return;
    peak = now;
    quiet = 0;
  });
  return () => {
    stopStarting();
    stop();
  };
}

/** V8's own collector, which Node exposes only by flag. Does nothing where that is not allowed. */
function fullCollection(): () => void {
  try {
    setFlagsFromString('--expose-gc');
    const gc: unknown = runInNewContext('gc');
    if (typeof gc === 'function') return gc as () => void;
  } catch {
    // A policy forbids flags at run time: memory is then given back when V8 sees fit.
  }
  return () => undefined;
}
