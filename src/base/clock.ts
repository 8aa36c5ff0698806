import { once, type Undo } from './undo.ts';

/** Time for everything that waits or measures. Injected, so that tests move it by hand. */
export interface Clock {
  /** Monotonic milliseconds (with a fraction); only differences mean anything. */
  now(): number;
  /** Calls `callback` once after `ms` milliseconds. */
  after(ms: number, callback: () => void): Undo;
  /** Calls `callback` every `ms` milliseconds. Does not keep the process alive. */
  every(ms: number, callback: () => void): Undo;
  /** Calls `callback` once the current turn of the event loop has read what was ready (`setImmediate`). */
  soon(callback: () => void): void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return once(() => clearTimeout(timer));
  },
  every(ms, callback) {
    const timer = setInterval(callback, ms);
    timer.unref();
    return once(() => clearInterval(timer));
  },
  soon: (callback) => void setImmediate(callback),
};
