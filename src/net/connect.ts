import { connect, type Socket } from 'node:net';
import { systemClock, type Clock } from '../base/clock.ts';
import { ServerError } from '../base/errors.ts';

/** Silence after which the kernel probes the peer, ms, so that a half-open connection is found. */
const KEEP_ALIVE_AFTER_MS = 30_000;

export interface ConnectTarget {
  readonly host: string;
  readonly port: number;
  /** Gives up after so long, name lookup included, ms. @default 10000 */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/** What happens on a connection. No call follows `onClose`. */
export interface ConnectionHandlers {
  onData(bytes: Buffer): void;
  /** All that was written has been taken by the kernel. */
  onDrain(): void;
  /** The connection is over; `error` when it was cut. Called once. */
  onClose(error: Error | undefined): void;
}

/** A byte stream to a peer: what client code knows of a socket, and what a test puts in its place. */
export interface Connection {
  /** Starts the flow of bytes; call once. */
  attach(handlers: ConnectionHandlers): void;
  write(bytes: Buffer): void;
  /** Bytes written that the kernel has not taken yet. */
  readonly pendingBytes: number;
  /** Stops reading, so that the peer feels it; `resume` goes on. */
  pause(): void;
  resume(): void;
  /** Sends what was written, then FIN. */
  end(): void;
  /** Ends at once. Idempotent. */
  destroy(): void;
}

/**
 * Opens a TCP connection with TCP_NODELAY. A name with several addresses is tried over IPv6 and IPv4 in turn, 250 ms apart
 * (RFC 8305). Rejects with CONNECT_FAILED, SESSION_TIMEOUT or, when `signal` aborts, SESSION_CLOSED.
 */
export function connectTcp(target: ConnectTarget): Promise<Connection> {
  const { host, port, signal, timeoutMs = 10_000, clock = systemClock } = target;
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(aborted(where, signal));
      return;
    }
    const socket = connect({ host, port, noDelay: true, autoSelectFamily: true });
    const cancelTimer = clock.after(timeoutMs, () =>
      fail(new ServerError('SESSION_TIMEOUT', `no connection to ${where} within ${timeoutMs} ms`)),
    );
    const settle = (): void => {
      cancelTimer();
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      socket.off('connect', onConnect);
    };
    const fail = (error: ServerError): void => {
      settle();
      socket.on('error', () => undefined); // What comes after we gave up.
      socket.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(aborted(where, signal));
    const onError = (cause: Error): void => {
      fail(new ServerError('CONNECT_FAILED', `cannot connect to ${where}: ${reasonOf(cause)}`, { cause }));
    };
    const onConnect = (): void => {
      settle();
      socket.setKeepAlive(true, KEEP_ALIVE_AFTER_MS);
      resolve(new TcpConnection(socket));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError);
    socket.once('connect', onConnect);
  });
}

class TcpConnection implements Connection {
  readonly #socket: Socket;
  #error: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    // Also before attach: an error without a listener would end the process. 'close' follows.
    socket.on('error', (error) => (this.#error = error));
  }

  attach(handlers: ConnectionHandlers): void {
    const socket = this.#socket;
    const closed = (): void => handlers.onClose(this.#error);
    if (socket.destroyed) {
      queueMicrotask(closed);
      return;
    }
    socket.on('drain', () => handlers.onDrain());
    socket.once('close', closed);
    socket.on('data', (bytes: Buffer) => handlers.onData(bytes));
  }

  write(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  get pendingBytes(): number {
    return this.#socket.writableLength;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

function aborted(where: string, signal: AbortSignal | undefined): ServerError {
  return new ServerError('SESSION_CLOSED', `connecting to ${where} was aborted`, { cause: signal?.reason });
}

/** With several addresses Node throws an AggregateError without a text of its own. */
function reasonOf(error: Error): string {
  if (error instanceof AggregateError) {
    return [...new Set(error.errors.map((one) => (one instanceof Error ? one.message : String(one))))].join(
      '; ',
    );
  }
  return error.message;
}
