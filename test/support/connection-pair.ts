import type { Connection, ConnectionHandlers } from '../../src/net/index.ts';

/** One end of an in-memory byte stream. Bytes arrive in a later microtask, one call per write, as on a fast socket. */
export class PairedConnection implements Connection {
  peer: PairedConnection | undefined;
  #handlers: ConnectionHandlers | undefined;
  /** Sent to us and not yet handed over. */
  #incoming: Buffer[] = [];
  #incomingEnd = false;
  #paused = false;
  #closed = false;
  #endSent = false;
  #scheduled = false;
  /** Cuts what arrives into pieces of this many bytes. */
  cutBytes = Infinity;
  /** Sizes of the writes of this end. */
  readonly writes: number[] = [];

  attach(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
    this.#schedule();
  }

  get closed(): boolean {
    return this.#closed;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get pendingBytes(): number {
    return this.peer?.waitingBytes ?? 0;
  }

  get waitingBytes(): number {
    return this.#incoming.reduce((sum, part) => sum + part.length, 0);
  }

  write(bytes: Buffer): void {
    if (this.#closed || this.#endSent) return;
    this.writes.push(bytes.length);
    this.peer?.take(bytes);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  end(): void {
    if (this.#endSent) return;
    this.#endSent = true;
    this.peer?.takeEnd();
  }

  /** Both ends are over; the peer gets `error`, if one is given. */
  destroy(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#incoming = [];
    queueMicrotask(() => this.#handlers?.onClose(undefined));
    this.peer?.cut(error);
  }

  take(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += this.cutBytes) {
      this.#incoming.push(bytes.subarray(at, at + this.cutBytes));
      if (this.cutBytes === Infinity) break;
    }
    this.#schedule();
  }

  takeEnd(): void {
    this.#incomingEnd = true;
    this.#schedule();
  }

  cut(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    queueMicrotask(() => this.#handlers?.onClose(error));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    if (this.#handlers === undefined) return;
    const before = this.#incoming.length;
    while (!this.#paused && !this.#closed && this.#incoming.length > 0) {
      const bytes = this.#incoming.shift();
      if (bytes !== undefined) this.#handlers.onData(bytes);
    }
    if (before > 0 && this.#incoming.length === 0) this.peer?.drained();
    if (this.#incoming.length === 0 && this.#incomingEnd && !this.#closed) {
      // Neither side keeps a half-open connection.
      this.end();
      this.#closed = true;
      this.#handlers.onClose(undefined);
    }
  }

  drained(): void {
    if (!this.#closed) this.#handlers?.onDrain();
  }
}

/** Two ends of one byte stream. */
export function connectionPair(): [PairedConnection, PairedConnection] {
  const a = new PairedConnection();
  const b = new PairedConnection();
  a.peer = b;
  b.peer = a;
  return [a, b];
}
