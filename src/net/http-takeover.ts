import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Takes the socket away from Node's HTTP machinery, to write a live body on it. What the client still sends is read and
 * thrown away: it can neither grow memory nor start another response into the body, and its FIN is still seen.
 * Undefined when the response has no socket: the client is gone, or it pipelined this request behind another one.
 */
export function takeSocket(response: ServerResponse): Socket | undefined {
  const socket = response.socket;
  if (socket === null || socket.destroyed || response.headersSent) return undefined;
  // Removing Node's own 'data' listener stops the parser; the new listener makes Node read the handle as a stream again.
  socket.removeAllListeners('data');
  socket.on('data', discard);
  socket.resume();
  response.detachSocket(socket);
  socket.setTimeout(0); // A live stream may be silent for long.
  return socket;
}

function discard(): void {
  // A viewer has nothing to say after its request.
}
