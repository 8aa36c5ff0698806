import { Socket } from 'node:net';

/** Takes the bytes of one read. They are the reader's only until it returns: the next read overwrites them. */
export type BytesHandler = (bytes: Buffer) => void;

/** Where an accepted socket's bytes go. Whoever takes the socket sets `handler` before it gives the event loop back. */
export class Inlet {
  handler: BytesHandler = () => undefined;
}

/** The parts of Node's sockets that `readInto` moves. All of them exist in Node 20 to 24; without them it stands aside. */
interface Internals {
  _handle?: object | null;
  _server?: unknown;
  server?: unknown;
}

/**
 * Makes a just accepted, paused socket read into one buffer that all sockets share, instead of into 64 KiB of fresh memory
 * per read with a stream chunk, an event and garbage for each. Measured with 500 publishers: see docs/performance.md.
 *
 * Node offers this (`onread`) only to sockets that connect, not to those that a server accepts. So the accepted handle is
 * given to a new Socket, which has the option; the old one never emits anything. Where the handle cannot be moved, the
 * socket is returned as it is and delivers through 'data'. The caller uses the returned socket and forgets the other.
 */
export function readInto(accepted: Socket, shared: Buffer, inlet: Inlet): Socket {
  const old = accepted as unknown as Internals;
  const handle = old._handle;
  if (handle === undefined || handle === null) {
    accepted.on('data', (bytes) => inlet.handler(bytes));
    accepted.resume();
    return accepted;
  }
  const options = {
    handle,
    allowHalfOpen: accepted.allowHalfOpen,
    onread: {
      buffer: shared,
      callback: (length: number, buffer: Uint8Array): boolean => {
        inlet.handler((buffer as Buffer).subarray(0, length));
        return true;
      },
    },
  };
  // `handle` is not in Node's documented options; `onread` is.
  const socket = new Socket(options as ConstructorParameters<typeof Socket>[0]);
  old._handle = null;
  // The server counts its connections by this reference, and waits for them when it closes.
  (socket as unknown as Internals)._server = old._server;
  (socket as unknown as Internals).server = old.server;
  return socket;
}
