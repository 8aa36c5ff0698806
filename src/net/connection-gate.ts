import type { Clock } from '../base/clock.ts';
import { ERRORS } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { TallyReport } from './tally-report.ts';

export interface ConnectionGateOptions {
  /** [max_connections] Connections open at the same time, over all listeners that share the gate. */
  readonly maxConnections: number;
  /** What the limit is called where it is told. @default max_connections */
  readonly limit?: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * A count of open connections, as a rule the one of the process (`max_connections`). A flood above the limit costs one log line a
 * second, not one a connection.
 */
export class ConnectionGate {
  readonly #refused: TallyReport;
  #max: number;
  #open = 0;

  constructor(options: ConnectionGateOptions) {
    this.#max = options.maxConnections;
    this.#refused = new TallyReport({
      clock: options.clock,
      logger: options.logger,
      line: (count, last) =>
        `CONNECTIONS_EXCEEDED(${ERRORS.CONNECTIONS_EXCEEDED.api}): closed ${count} connections at accept, ` +
        `the last from ${last}: ${options.limit ?? 'max_connections'} is ${this.#max}`,
    });
  }

  /** Connections that are inside. */
  get open(): number {
    return this.#open;
  }

  get maxConnections(): number {
    return this.#max;
  }

  /** A new limit; connections that are inside stay. */
  set maxConnections(max: number) {
    this.#max = max;
  }

  /** Connections refused since the start. */
  get refusedTotal(): number {
    return this.#refused.total;
  }

  /** True = counted in: the caller owes one `leave`. False = the caller closes the connection at once. */
  enter(ip: string): boolean {
    if (this.#open < this.#max) {
      this.#open += 1;
      return true;
    }
    this.#refused.add(ip);
    return false;
  }

  leave(): void {
    this.#open -= 1;
  }

  /** Tells what is left to tell. Idempotent. */
  close(): void {
    this.#refused.close();
  }
}
