import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';

/** What a graceful end needs of the server. */
export interface Drainable {
  /** Open connections of clients. */
  readonly connections: number;
  /** Streams that are published, or held for a publisher who may come back. */
  readonly liveStreams: number;
  /** Closes the listeners and ends the ingests; sessions go on. */
  stopAccepting(): Promise<void>;
}

export interface DrainOptions {
  /** [grace_start_wait] Before the listeners close: load balancers learn meanwhile that this server leaves, ms. */
  readonly startWaitMs: number;
  /** [grace_final_wait] After the last client has left, ms. */
  readonly finalWaitMs: number;
  /** [grace_drain_timeout] Clients who are still here so long after the listeners closed are cut off, ms; 0 = no bound. */
  readonly drainTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborted = end at once. */
  readonly hastened: AbortSignal;
}

/**
 * Nothing is live any more, and nothing can come since nobody accepts: clients that are still here after this (players that
 * wait for a stream, open pages, idle keep-alive connections, unfinished downloads) are not waited for, ms.
 */
export const IDLE_DRAIN_MS = 10_000;

const LOOK_EVERY_MS = 100;
const SAY_EVERY_MS = 10_000;

/**
 * [SIGQUIT] Waits, closes the listeners, waits for the clients to leave by themselves, and waits once more. As in SRS there
 * is no bound to the drain as long as something is live, unless one is set: the operator or the service manager has it.
 * Resolves with whether it came to its end (false: hastened, or the bound was met; what is left is to be ended at once).
 */
export async function drain(server: Drainable, options: DrainOptions): Promise<boolean> {
  const { logger } = options;
  logger.info(`graceful: the listeners close in ${options.startWaitMs} ms`);
  if (!(await wait(options, options.startWaitMs))) return false;
  await server.stopAccepting();
  logger.info(`graceful: accepting no more, ${left(server)} left`);
  if (!(await untilEmpty(server, options))) return false;
  logger.info(`graceful: ${left(server)} left, the last wait is ${options.finalWaitMs} ms`);
  return wait(options, options.finalWaitMs);
}

function left(server: Drainable): string {
  return `${server.connections} connections and ${server.liveStreams} live streams`;
}

/** False: hastened, or too late. */
async function untilEmpty(server: Drainable, options: DrainOptions): Promise<boolean> {
  const { clock, logger, drainTimeoutMs } = options;
  const began = clock.now();
  let idleSince: number | undefined;
  let saidAt = began;
  while (server.connections > 0) {
    const now = clock.now();
    if (server.liveStreams > 0) idleSince = undefined;
    else idleSince ??= now;
    if (idleSince !== undefined && now - idleSince >= IDLE_DRAIN_MS) break;
    if (drainTimeoutMs > 0 && now - began >= drainTimeoutMs) {
      logger.warn(`graceful: ${left(server)} left after ${drainTimeoutMs} ms (grace_drain_timeout), cut off`);
      return false;
    }
    if (now - saidAt >= SAY_EVERY_MS) {
      saidAt = now;
      logger.info(`graceful: waiting for ${left(server)}`);
    }
    if (!(await wait(options, LOOK_EVERY_MS))) return false;
  }
  return true;
}

/** Ends early, with false, when the end is hastened. */
function wait({ clock, hastened }: DrainOptions, ms: number): Promise<boolean> {
  if (hastened.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const done = (): void => {
      undo();
      hastened.removeEventListener('abort', done);
      resolve(!hastened.aborted);
    };
    const undo = clock.after(ms, done);
    hastened.addEventListener('abort', done);
  });
}
