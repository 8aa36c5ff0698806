import type { ServerResponse } from 'node:http';
import { Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

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

/**
 * As `takeSocket`, of a request over HTTP/2: sends the head and gives its stream, to write a live body on it without framing.
 * Undefined when the client is gone.
 */
export function takeStream(
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
): Duplex | undefined {
  const { stream } = response as unknown as Http2ServerResponse;
  if (stream.destroyed || stream.closed || stream.headersSent) return undefined;
  stream.respond({ ':status': 200, ...headers });
  stream.setTimeout(0);
  stream.resume();
  return stream;
}

/** Whether the request came over HTTP/2. */
export function isHttp2(response: ServerResponse): boolean {
  return response instanceof Http2ServerResponse;
}

/** Whether nobody will read the response any more. */
export function isGone(response: ServerResponse): boolean {
  if (response instanceof Http2ServerResponse) return response.stream.destroyed || response.stream.closed;
  return response.destroyed || response.closed;
}

/** Whether the system has taken all of the response. */
export function isSent(response: ServerResponse): boolean {
  return response instanceof Http2ServerResponse
    ? response.stream.writableFinished
    : response.writableFinished;
}

function discard(): void {
  // A viewer has nothing to say after its request.
}
