import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { describeError, ServerError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { TimerWheel } from '../base/timer-wheel.ts';
import { forwardedClient, type ForwardedClient, type ForwardedHeader } from './forwarded.ts';
import { plainIp } from './ip.ts';
import { NetworkSet } from './networks.ts';
import { readProxyHeader, type ProxyHeader } from './proxy-protocol.ts';
import { TallyReport } from './tally-report.ts';

/** [trusted_proxies, proxy_protocol, proxy_header] */
export interface ProxySettings {
  /** Addresses and networks. */
  readonly trusted: readonly string[];
  /** `auto`: a PROXY header may come; `on`: it must; `off`: it is not looked for. */
  readonly protocol: 'auto' | 'on' | 'off';
  readonly header: ForwardedHeader;
}

export interface TrustedProxiesOptions extends ProxySettings {
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly logger: Logger;
}

/** From accept to the end of a PROXY header, ms. The spec asks for 3 s at least: a lost segment is sent again by then. */
export const PROXY_HEADER_TIMEOUT_MS = 5_000;

/** What a connection of a trusted proxy began with. */
export interface ProxyOpening {
  /** Undefined: there was no header. */
  readonly header: ProxyHeader | undefined;
  /** The bytes behind it that were read with it. */
  readonly rest: Buffer;
}

/** Whose word counts on where connections and requests come from. Nobody's, unless proxies are configured. */
export class TrustedProxies {
  readonly #wheel: TimerWheel;
  readonly #failed: TallyReport;
  #networks: NetworkSet;
  #settings: ProxySettings;

  constructor(options: TrustedProxiesOptions) {
    const { clock, wheel, logger } = options;
    this.#wheel = wheel;
    this.#settings = options;
    this.#networks = new NetworkSet(options.trusted);
    this.#failed = new TallyReport({
      clock,
      logger,
      line: (count, last) => `closed ${count} connections of trusted proxies, the last: ${last}`,
    });
  }

  /** Other settings, from the next connection and request on. */
  use(settings: ProxySettings): void {
    this.#settings = settings;
    this.#networks = new NetworkSet(settings.trusted);
  }

  /** Connections that were closed for their PROXY header since the start. */
  get failedTotal(): number {
    return this.#failed.total;
  }

  trusts(ip: string): boolean {
    return this.#networks.has(ip);
  }

  /** Whether connections of trusted proxies may begin with a PROXY header. */
  get readsHeaders(): boolean {
    return this.#settings.protocol !== 'off';
  }

  /** Whom a trusted peer names as the client of a request. */
  clientOf(headers: IncomingHttpHeaders, peer: string): ForwardedClient {
    return forwardedClient(headers, this.#settings.header, peer, (ip) => this.trusts(ip));
  }

  /**
   * Reads the beginning of a connection, up to the end of its PROXY header; afterwards the socket is as if it had just been
   * accepted, less the bytes that were read. Calls `done` once, unless the connection ends before: also by this, when the header is
   * none or does not come.
   */
  receive(socket: Socket, done: (opening: ProxyOpening) => void): void {
    let read: Buffer = Buffer.alloc(0);
    const stop = (): void => {
      deadline.cancel();
      socket.off('readable', onReadable);
      socket.off('end', onEnd);
      socket.off('close', stop);
    };
    const fail = (error: ServerError): void => {
      stop();
      this.#failed.add(`${plainIp(socket.remoteAddress)}: ${describeError(error)}`);
      socket.destroy();
    };
    const goOn = (header: ProxyHeader | undefined): void => {
      stop();
      const rest = read.subarray(header?.length ?? 0);
      // Not before the socket has forgotten that somebody waited for 'readable'.
      process.nextTick(() => {
        if (!socket.destroyed) done({ header, rest });
      });
    };
    const onReadable = (): void => {
      const bytes = socket.read() as Buffer | null;
      if (bytes === null) return;
      read = read.length === 0 ? bytes : Buffer.concat([read, bytes]);
      try {
        const header = readProxyHeader(read);
        if (header === undefined) return;
        if (header !== 'absent') goOn(header);
        else if (this.#settings.protocol !== 'on') goOn(undefined);
        else fail(new ServerError('PROXY_HEADER_INVALID', 'it began without a PROXY header'));
      } catch (error) {
        if (!(error instanceof ServerError)) throw error;
        fail(error);
      }
    };
    const onEnd = (): void => {
      if (read.length > 0) {
        fail(new ServerError('PROXY_HEADER_INVALID', 'it ended within its PROXY header'));
        return;
      }
      stop(); // A health check connects and goes.
      socket.destroy();
    };
    const deadline = this.#wheel.deadline(PROXY_HEADER_TIMEOUT_MS, () => {
      if (read.length === 0 && this.#settings.protocol !== 'on') goOn(undefined);
      else fail(new ServerError('SESSION_TIMEOUT', `no PROXY header within ${PROXY_HEADER_TIMEOUT_MS} ms`));
    });
    socket.on('readable', onReadable);
    socket.once('end', onEnd);
    socket.once('close', stop);
  }

  /** Tells what is left to tell. Idempotent. */
  close(): void {
    this.#failed.close();
  }
}
