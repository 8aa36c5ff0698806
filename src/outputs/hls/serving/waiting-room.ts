import type { Deadline, TimerWheel } from '../../../base/timer-wheel.ts';
import type { Undo } from '../../../base/undo.ts';

/** Requests for one stream that may wait for something at a time. Each is a connection, or a stream of one. */
export const MAX_WAITING_REQUESTS = 20_000;

/** How a wait ended. `full`: too many wait already. `left`: the peer went away. `closed`: there is nothing to wait for. */
export type WaitEnd = 'ready' | 'timeout' | 'left' | 'closed' | 'full';

interface Waiter {
  readonly isReady: () => boolean;
  readonly end: (how: WaitEnd) => void;
}

export interface WaitOptions {
  /** Asked after each change. */
  readonly isReady: () => boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Requests that wait for a change of something. Nothing is left of one that ended, however it did. */
export class WaitingRoom {
  readonly #wheel: TimerWheel;
  readonly #subscribe: (listener: () => void) => Undo;
  readonly #max: number;
  readonly #waiters = new Set<Waiter>();
  #undo: Undo | undefined;
  #closed = false;

  /** `subscribe`: calls back after each change; used only while somebody waits. */
  constructor(
    wheel: TimerWheel,
    subscribe: (listener: () => void) => Undo,
    max: number = MAX_WAITING_REQUESTS,
  ) {
    this.#wheel = wheel;
    this.#subscribe = subscribe;
    this.#max = max;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** Never rejects. */
  wait({ isReady, timeoutMs, signal }: WaitOptions): Promise<WaitEnd> {
    if (this.#closed) return Promise.resolve('closed');
    if (signal.aborted) return Promise.resolve('left');
    if (this.#waiters.size >= this.#max) return Promise.resolve('full');
    return new Promise((resolve) => {
      const leave = (): void => waiter.end('left');
      const waiter: Waiter = {
        isReady,
        end: (how) => {
          if (!this.#waiters.delete(waiter)) return;
          deadline.cancel();
          signal.removeEventListener('abort', leave);
          if (this.#waiters.size === 0) this.#stopListening();
          resolve(how);
        },
      };
      const deadline: Deadline = this.#wheel.deadline(timeoutMs, () => waiter.end('timeout'));
      this.#waiters.add(waiter);
      signal.addEventListener('abort', leave);
      this.#undo ??= this.#subscribe(() => this.recheck());
    });
  }

  /** Ends all waits, those to come included. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const waiter of [...this.#waiters]) waiter.end('closed');
  }

  /** Something else changed that the waiting look at. */
  recheck(): void {
    for (const waiter of [...this.#waiters]) if (waiter.isReady()) waiter.end('ready');
  }

  #stopListening(): void {
    this.#undo?.();
    this.#undo = undefined;
  }
}
