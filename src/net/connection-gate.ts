import type { Clock } from '../base/clock.ts';
import { ERRORS } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { clientOfIp } from './networks.ts';
import { TallyReport } from './tally-report.ts';

export interface ConnectionGateOptions {
  /** [max_connections] Connections open at the same time, over all listeners that share the gate. */
  readonly maxConnections: number;
  /** [max_connections_per_ip] How many of them one client may have; 0 = as many as there may be. @default 0 */
  readonly maxPerIp?: number;
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
  readonly #refusedPerIp: TallyReport;
  /** Connections by client; each has one at least. See `clientOfIp`. */
  readonly #clients = new Map<string, number>();
  #max: number;
  #maxPerIp: number;
  #open = 0;

  constructor(options: ConnectionGateOptions) {
    this.#max = options.maxConnections;
    this.#maxPerIp = options.maxPerIp ?? 0;
    this.#refused = new TallyReport({
      clock: options.clock,
      logger: options.logger,
      line: (count, last) =>
        `CONNECTIONS_EXCEEDED(${ERRORS.CONNECTIONS_EXCEEDED.api}): closed ${count} connections at accept, ` +
        `the last from ${last}: ${options.limit ?? 'max_connections'} is ${this.#max}`,
    });
    this.#refusedPerIp = new TallyReport({
      clock: options.clock,
      logger: options.logger,
      line: (count, last) =>
        `CONNECTIONS_EXCEEDED(${ERRORS.CONNECTIONS_EXCEEDED.api}): closed ${count} connections at accept, ` +
        `the last from ${last}: max_connections_per_ip is ${this.#maxPerIp}`,
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

  /** 0 = no limit. */
  get maxPerIp(): number {
    return this.#maxPerIp;
  }

  /** A new limit; connections that are inside stay. */
  set maxPerIp(max: number) {
    this.#maxPerIp = max;
  }

  /** Connections refused since the start, for either limit. */
  get refusedTotal(): number {
    return this.#refused.total + this.#refusedPerIp.total;
  }

  /** Clients that have connections inside. */
  get clients(): number {
    return this.#clients.size;
  }

  /** True = counted in: the caller owes one `leave` with the same `ip`. False = the caller closes the connection at once. */
  enter(ip: string): boolean {
    return this.enterUnknown(ip) && this.#identifyOrLeave(ip);
  }

  /** As `enter`, of a connection of which it is not known yet whose it is: `identify` may follow, or `leave` without an address. */
  enterUnknown(proxyIp: string): boolean {
    if (this.#open < this.#max) {
      this.#open += 1;
      return true;
    }
    this.#refused.add(proxyIp);
    return false;
  }

  /** Whose a connection is that is inside. False = it has too many: the caller closes it and owes a `leave` without an address. */
  identify(ip: string): boolean {
    const client = clientOfIp(ip);
    const open = this.#clients.get(client) ?? 0;
    if (this.#maxPerIp > 0 && open >= this.#maxPerIp) {
      this.#refusedPerIp.add(ip);
      return false;
    }
    this.#clients.set(client, open + 1);
    return true;
  }

  /** A connection is gone, of the client that it was counted for. */
  leave(ip: string | undefined): void {
    this.#open -= 1;
    if (ip === undefined) return;
    const client = clientOfIp(ip);
    const open = this.#clients.get(client) ?? 0;
    if (open > 1) this.#clients.set(client, open - 1);
    else this.#clients.delete(client);
  }

  /** Tells what is left to tell. Idempotent. */
  close(): void {
    this.#refused.close();
    this.#refusedPerIp.close();
  }

  #identifyOrLeave(ip: string): boolean {
    if (this.identify(ip)) return true;
    this.#open -= 1;
    return false;
  }
}
