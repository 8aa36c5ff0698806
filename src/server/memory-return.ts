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

/** Loading and configuring leaves some 15 MB of garbage; a server that is busy at once collects it by itself. */
const BUSY_AT_START = 50;

/**
 * Sizes V8's heap for a media server, whose payload lies outside of that heap in buffers that live for seconds: the old
 * generation may double before it is collected. V8 alone lets a small heap grow by less than half, and counts buffers against
 * that: groups of pictures that come and go made it mark a heap of 32 MB once a second for nothing. Measured: 500 publishers
 * 14.5 % of a core before, 9.9 % with it, for 10 MB; 8,000 viewers the same memory. See also young-generation.ts.
 */
export function tuneHeap(): void {
  try {
    setFlagsFromString('--heap-growing-percent=100');
  } catch {
    // As below: then V8 decides.
  }
}

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
  return clock.every(CHECK_MS, () => {
    const now = connections();
    if (starting > 0) {
      starting -= 1;
      if (now < BUSY_AT_START) collect();
    }
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
