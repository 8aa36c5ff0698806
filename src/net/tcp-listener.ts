import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { describeError, ServerError } from '../base/errors.ts';
import { silentLogger, type Logger } from '../base/logger.ts';
import { noteRelayed, type RelayedPeer } from './client-address.ts';
import type { ConnectionGate } from './connection-gate.ts';
import { plainIp } from './ip.ts';
import { Inlet, readInto, type SharedRead } from './shared-read.ts';
import type { TrustedProxies } from './trusted-proxies.ts';

/** Where to listen. Without `host`: all addresses, IPv6 and IPv4, or IPv4 alone where the machine has no IPv6. */
export interface ListenAddress {
  readonly host?: string;
  /** 0 = the system chooses (tests). */
  readonly port: number;
}

export interface TcpListenerOptions {
  /** The directive to name in errors, e.g. `listen` or `http_server listen`. */
  readonly directive: string;
  readonly address: ListenAddress;
  /**
   * Takes an accepted socket. It has an error handler, so a socket error can never end the process. With `sharedRead` its
   * bytes come through `inlet`, else as 'data' events.
   */
  readonly onConnection: (socket: Socket, inlet: Inlet) => void;
  /** All accepted sockets read into one buffer: see `readInto`. Several listeners may share it. */
  readonly sharedRead?: SharedRead;
  readonly gate?: ConnectionGate;
  /** Whose connections may begin with a PROXY header. */
  readonly proxies?: TrustedProxies;
  /** TCP_NODELAY of accepted sockets. @default false */
  readonly noDelay?: boolean;
  /** Keep our side open when the peer half-closes (what an HTTP server needs). @default false */
  readonly allowHalfOpen?: boolean;
  /** Silence after which the kernel probes the peer, so that half-open connections are found, ms. @default 30000 */
  readonly keepAliveAfterMs?: number;
  /** Connections that the kernel holds until they are accepted. @default 4096 */
  readonly backlog?: number;
  readonly logger?: Logger;
  /** Told of a connection whose peer was gone before it was accepted; it is closed already. */
  readonly onEmptyIp?: () => void;
}

const DEFAULT_KEEP_ALIVE_AFTER_MS = 30_000;
const DEFAULT_BACKLOG = 4_096;
/** A machine (or container) without IPv6 answers one of these to a listen on `::`. */
const NO_IPV6 = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL', 'EPROTONOSUPPORT']);

/** One listening TCP port: counts connections in and out, knows its open sockets, closes them at the end. */
export class TcpListener {
  readonly #options: TcpListenerOptions;
  readonly #logger: Logger;
  readonly #sockets = new Set<Socket>();
  /** Resolves when nothing is accepted any more and the last accepted socket is closed. */
  readonly drained: Promise<void>;
  #onDrained: () => void = ignore;
  #accepted = 0;
  #server: Server;
  #stopped: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  /** Use `listenTcp`. */
  constructor(options: TcpListenerOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#server = this.#createServer();
    this.drained = new Promise((resolve) => (this.#onDrained = resolve));
  }

  /** The bound address; the port is real also when 0 was asked for. */
  get address(): { readonly host: string; readonly port: number } {
    const bound = this.#server.address();
    if (bound === null || typeof bound === 'string') {
      return { host: this.#options.address.host ?? '', port: this.#options.address.port };
    }
    return { host: bound.address, port: bound.port };
  }

  /** Connections that the kernel has handed over since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Sockets that were accepted here and are still open. */
  get openSockets(): number {
    return this.#sockets.size;
  }

  /** @internal Part of `listenTcp`. */
  async start(): Promise<void> {
    const { host, port } = this.#options.address;
    try {
      if (host !== undefined) {
        await this.#listen(host, port);
        return;
      }
      try {
        await this.#listen('::', port);
      } catch (error) {
        if (!NO_IPV6.has(codeOf(error))) throw error;
        this.#server = this.#createServer();
        await this.#listen('0.0.0.0', port);
      }
    } catch (error) {
      throw listenError(this.#options.directive, host, port, error);
    }
    return;
  }

  /** Accepts no more; open sockets stay. Resolves when the port is free again. Idempotent. */
  stopAccepting(): Promise<void> {
    // The server's own close callback waits for all sockets; the port is free as soon as the handle is closed.
    this.#stopped ??= new Promise((resolve) => {
      if (this.#sockets.size === 0) this.#onDrained();
      if (!this.#server.listening) {
        resolve();
        return;
      }
      this.#server.close();
      setImmediate(resolve);
    });
    return this.#stopped;
  }

  /** Accepts no more, destroys the open sockets, resolves when all are closed. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.stopAccepting();
    const left = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(left);
  }

  #createServer(): Server {
    const server = createServer({
      allowHalfOpen: this.#options.allowHalfOpen ?? false,
      keepAlive: true,
      keepAliveInitialDelay: this.#options.keepAliveAfterMs ?? DEFAULT_KEEP_ALIVE_AFTER_MS,
      noDelay: this.#options.noDelay ?? false,
      pauseOnConnect: this.#options.sharedRead !== undefined,
    });
    server.on('connection', (socket) => this.#accept(socket));
    return server;
  }

  #listen(host: string, port: number): Promise<void> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(
        { host, port, backlog: this.#options.backlog ?? DEFAULT_BACKLOG, exclusive: false },
        () => {
          server.off('error', reject);
          // For instance out of file descriptors at accept: the listener goes on.
          server.on('error', (error) => this.#logger.error(`accept: ${describeError(error)}`));
          resolve();
        },
      );
    });
  }

  #accept(accepted: Socket): void {
    this.#accepted += 1;
    // An error is always followed by 'close'; who holds the socket looks at that.
    accepted.on('error', ignore);
    const { gate, proxies, onEmptyIp } = this.#options;
    const { remoteAddress } = accepted;
    if (remoteAddress === undefined) {
      accepted.destroy();
      onEmptyIp?.();
      return;
    }
    const ip = plainIp(remoteAddress);
    if (proxies?.trusts(ip) === true) this.#acceptOfProxy(accepted, ip, proxies);
    else if (gate?.enter(ip) === false) accepted.destroy();
    else this.#take(accepted, ip);
  }

  /** Finds out who is behind a trusted proxy, then goes on with the rest of the connection. */
  #acceptOfProxy(accepted: Socket, proxyIp: string, proxies: TrustedProxies): void {
    const { gate } = this.#options;
    if (gate?.enterUnknown(proxyIp) === false) {
      accepted.destroy();
      return;
    }
    if (!proxies.readsHeaders) {
      this.#take(accepted, undefined, { proxies, source: undefined });
      return;
    }
    const onGone = (): void => this.#gone(accepted, undefined);
    this.#sockets.add(accepted);
    accepted.once('close', onGone);
    proxies.receive(accepted, ({ header, rest }) => {
      const source = header?.source;
      if (source !== undefined && gate?.identify(source.ip) === false) {
        accepted.destroy();
        return;
      }
      accepted.off('close', onGone);
      this.#sockets.delete(accepted);
      // A proxy is not a client: it brings any number of them.
      this.#take(accepted, source?.ip, { proxies, source }, rest);
    });
  }

  /** `counted`: the client that the gate has counted it for. */
  #take(accepted: Socket, counted: string | undefined, relayed?: RelayedPeer, rest?: Buffer): void {
    const { sharedRead, onConnection } = this.#options;
    const inlet = new Inlet();
    let socket = accepted;
    if (sharedRead !== undefined) {
      socket = readInto(accepted, sharedRead, inlet);
      if (socket !== accepted) socket.on('error', ignore);
    } else if (rest !== undefined && rest.length > 0) socket.unshift(rest);
    noteRelayed(socket, relayed);
    this.#sockets.add(socket);
    // Not `once`, which makes three objects for each socket: it comes once anyway.
    socket.on('close', () => this.#gone(socket, counted));
    onConnection(socket, inlet);
    if (sharedRead !== undefined && rest !== undefined && rest.length > 0) inlet.handler(rest, rest.length);
  }

  #gone(socket: Socket, counted: string | undefined): void {
    this.#sockets.delete(socket);
    this.#options.gate?.leave(counted);
    if (this.#stopped !== undefined && this.#sockets.size === 0) this.#onDrained();
  }
}

/** Listens, or throws LISTEN_FAILED with directive, address and port in its message. */
export async function listenTcp(options: TcpListenerOptions): Promise<TcpListener> {
  const listener = new TcpListener(options);
  await listener.start();
  return listener;
}

function ignore(): void {
  // See #accept.
}

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code ?? '';
}

function listenError(directive: string, host: string | undefined, port: number, cause: unknown): ServerError {
  const where = `${directive} ${formatListen(host, port)}: address ${host ?? '0.0.0.0'} port ${port}`;
  return new ServerError('LISTEN_FAILED', `${where} ${explain(cause)}`, { cause });
}

function formatListen(host: string | undefined, port: number): string {
  if (host === undefined) return String(port);
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

function explain(cause: unknown): string {
  switch (codeOf(cause)) {
    case 'EADDRINUSE':
      return 'is already in use';
    case 'EACCES':
      return 'may not be opened by this user (permission denied)';
    case 'EADDRNOTAVAIL':
      return 'is not an address of this machine';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'cannot be resolved';
    default:
      return `cannot be opened: ${describeError(cause)}`;
  }
}
