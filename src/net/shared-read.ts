import { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { ReadMerger, type MergedReader } from './read-merger.ts';

/** Takes one read: the first `length` bytes of `buffer`. They are gone when it returns: the next read overwrites them. */
export type BytesHandler = (buffer: Buffer, length: number) => void;

/** What all sockets of some listeners read into. */
export class SharedRead {
  /** As large as Node's own reads. */
  readonly buffer = Buffer.allocUnsafeSlow(64 * 1024);
  readonly merger: ReadMerger;

  constructor(clock: Clock) {
    this.merger = new ReadMerger(clock);
  }

  close(): void {
    this.merger.close();
  }
}

/** Where an accepted socket's bytes go. Whoever takes the socket sets `handler` before it gives the event loop back. */
export class Inlet implements MergedReader {
  handler: BytesHandler = () => undefined;
  /** Above 0: the peer sends a stream of many small messages, and its bytes may wait so long for a merged read, ms. */
  maxRestMs = 0;
  sample = -1;
  #socket: Socket | undefined;
  #paused = false;

  /** @internal */
  attach(socket: Socket): void {
    this.#socket = socket;
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  /** Reads no more until `resume`; what the last read brought has been handed over. */
  pause(): void {
    this.#paused = true;
    this.#socket?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#socket?.resume();
  }

  readAgain(): void {
    if (!this.#paused && this.#socket?.destroyed === false) this.#socket.resume();
  }
}

/** The parts of Node's sockets that `readInto` moves. All of them exist in Node 20 to 24; without them it stands aside. */
interface Internals {
  _handle?: object | null;
  _server?: unknown;
  server?: unknown;
}

/** Delivers through 'data' what cannot be read otherwise: a socket whose bytes a TLS layer has decrypted. */
export function readEvents(socket: Socket, inlet: Inlet): void {
  inlet.attach(socket);
  socket.on('data', (bytes) => inlet.handler(bytes, bytes.length));
  socket.resume();
}

/**
 * Makes a just accepted, paused socket read into one buffer that all sockets share, instead of into 64 KiB of fresh memory
 * per read with a stream chunk, an event and garbage for each. Measured with 500 publishers: see docs/performance.md.
 *
 * Node offers this (`onread`) only to sockets that connect, not to those that a server accepts. So the accepted handle is
 * given to a new Socket, which has the option; the old one never emits anything. Where the handle cannot be moved, the
 * socket is returned as it is and delivers through 'data'. The caller uses the returned socket and forgets the other.
 */
export function readInto(accepted: Socket, shared: SharedRead, inlet: Inlet): Socket {
  const old = accepted as unknown as Internals;
  const handle = old._handle;
  if (handle === undefined || handle === null) {
    readEvents(accepted, inlet);
    return accepted;
  }
  const { buffer, merger } = shared;
  const options = {
    handle,
    allowHalfOpen: accepted.allowHalfOpen,
    onread: {
      buffer,
      callback: (length: number): boolean => {
        inlet.handler(buffer, length);
        if (inlet.isPaused) return false;
        // A full buffer means that there is more: rest only when the socket is empty.
        return inlet.maxRestMs === 0 || length === buffer.length || !merger.rests(inlet);
      },
    },
  };
  // `handle` is not in Node's documented options; `onread` is.
  const socket = new Socket(options);
  old._handle = null;
  // The server counts its connections by this reference, and waits for them when it closes.
  (socket as unknown as Internals)._server = old._server;
  (socket as unknown as Internals).server = old.server;
  inlet.attach(socket);
  return socket;
}
