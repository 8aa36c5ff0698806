import { execFile } from 'node:child_process';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Undo } from '../../base/undo.ts';

/** What the service manager is told. */
export interface ServiceNotify {
  /** Everything listens (READY=1); also begins the watchdog's signs of life. */
  ready(): void;
  /** A reload begins and, when the promise settles, has ended. */
  reloading(reload: Promise<unknown>): void;
  stopping(): void;
  /** No more signs of life. Idempotent. */
  close(): void;
}

export interface ServiceNotifyOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly pid?: number;
  /** Runs systemd-notify with these arguments; resolves when it has ended, rejects when it could not or failed. */
  readonly send?: (args: readonly string[]) => Promise<void>;
}

const PROGRAM = 'systemd-notify';
const SEND_TIMEOUT_MS = 5_000;
const SILENT: ServiceNotify = {
  ready: () => undefined,
  reloading: () => undefined,
  stopping: () => undefined,
  close: () => undefined,
};

/**
 * sd_notify(3). Node cannot send Unix datagrams, so systemd's own program does: the unit needs `NotifyAccess=all`. Without
 * NOTIFY_SOCKET nothing is done. The watchdog (WATCHDOG_USEC) gets its sign of life from a timer of the event loop: one that
 * is stuck gives none, and systemd starts the server anew.
 */
export function createServiceNotify(options: ServiceNotifyOptions): ServiceNotify {
  const env = options.env ?? process.env;
  if (env['NOTIFY_SOCKET'] === undefined || env['NOTIFY_SOCKET'] === '') return SILENT;
  return new SystemdNotify(options, watchdogMs(env, options.pid ?? process.pid));
}

/** The watchdog's period for this process; undefined when nobody waits for its signs of life. */
export function watchdogMs(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): number | undefined {
  const meant = env['WATCHDOG_PID'];
  if (meant !== undefined && meant !== String(pid)) return undefined;
  const usec = Number(env['WATCHDOG_USEC']);
  return Number.isFinite(usec) && usec > 0 ? usec / 1000 : undefined;
}

class SystemdNotify implements ServiceNotify {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #send: (args: readonly string[]) => Promise<void>;
  readonly #watchdogMs: number | undefined;
  #stopWatchdog: Undo = () => undefined;
  /** One after the other: READY must not overtake RELOADING. */
  #queue: Promise<void> = Promise.resolve();
  #failed = false;
  #beating = false;

  constructor(options: ServiceNotifyOptions, watchdog: number | undefined) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#send = options.send ?? runSystemdNotify;
    this.#watchdogMs = watchdog;
  }

  ready(): void {
    this.#tell(['READY=1', 'STATUS=serving']);
    if (this.#watchdogMs === undefined) return;
    this.#stopWatchdog = this.#clock.every(this.#watchdogMs / 2, () => this.#beat());
  }

  reloading(reload: Promise<unknown>): void {
    // CLOCK_MONOTONIC: what `Type=notify-reload` compares with.
    const usec = process.hrtime.bigint() / 1000n;
    this.#tell(['RELOADING=1', `MONOTONIC_USEC=${usec}`]);
    const done = (): void => this.#tell(['READY=1']);
    reload.then(done, done);
  }

  stopping(): void {
    this.#tell(['STOPPING=1', 'STATUS=stopping']);
  }

  close(): void {
    this.#stopWatchdog();
  }

  #beat(): void {
    if (this.#beating) return; // The last one has not got through yet; more would pile up.
    this.#beating = true;
    this.#tell(['WATCHDOG=1']);
    void this.#queue.then(() => {
      this.#beating = false;
    });
  }

  #tell(args: readonly string[]): void {
    this.#queue = this.#queue
      .then(() => this.#send(args))
      .catch((error: unknown) => {
        if (this.#failed) return;
        this.#failed = true;
        const why = error instanceof Error ? error.message : String(error);
        this.#logger.warn(`the service manager cannot be told ${args.join(' ')}: ${why}`);
      });
  }
}

function runSystemdNotify(args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(PROGRAM, args, { timeout: SEND_TIMEOUT_MS }, (error) => {
      if (error === null) resolve();
      else reject(new Error(error.message, { cause: error }));
    });
  });
}
