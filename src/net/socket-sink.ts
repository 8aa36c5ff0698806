import type { Duplex } from 'node:stream';
import type { ServerError } from '../base/errors.ts';
import { writeAndTell } from './drain.ts';

export interface SocketSinkOptions {
  /** The kernel took all that was written; more may come. */
  readonly onDrain?: () => void;
  /** Called once when the connection is over. `reason` is what `close` was given, undefined when the peer left. */
  readonly onClosed: (reason: ServerError | undefined) => void;
}

/**
 * A viewer's way out over a socket or a stream of HTTP/2 (the hub's `ViewerSink`). One `write` is one `socket.write` of a shared Buffer and
 * nothing else; socket errors end in the one `onClosed` call.
 */
export class SocketSink {
  readonly #socket: Duplex;
  readonly #onTaken: (() => void) | undefined;
  #open = true;
  #reason: ServerError | undefined;

  constructor(socket: Duplex, options: SocketSinkOptions) {
    this.#socket = socket;
    socket.on('error', () => undefined); // Always followed by 'close'.
    const { onDrain } = options;
    if (onDrain !== undefined) {
      socket.on('drain', onDrain);
      this.#onTaken = () => {
        if (socket.writableLength === 0) onDrain();
      };
    }
    const closed = (): void => {
      this.#open = false;
      options.onClosed(this.#reason);
    };
    if (socket.closed) queueMicrotask(closed);
    else socket.once('close', closed);
  }

  /** Bytes that the kernel has not taken yet. */
  get pendingBytes(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Buffer): void {
    if (!this.#open) return;
    const socket = this.#socket;
    if (this.#onTaken === undefined) socket.write(bytes);
    else writeAndTell(socket, bytes, this.#onTaken);
  }

  /** Ends the connection at once. The first reason stays. Idempotent. */
  close(reason: ServerError): void {
    this.#open = false;
    this.#reason ??= reason;
    this.#socket.destroy();
  }

  /** Sends what was written, then FIN. The caller bounds how long that may take (`close`). */
  end(): void {
    this.#open = false;
    this.#socket.end();
  }
}
