import {
  constants,
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import type { ConnectionGate } from './connection-gate.ts';
import { clientIp, relayedOf } from './client-address.ts';

export interface Http2SessionsOptions {
  readonly clock: Clock;
  /** A connection is inside already; each further request that is open beside its first one is counted too. */
  readonly gate?: ConnectionGate;
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  /** A peer that broke the protocol or one of the limits. */
  readonly onPeerError: (ip: string, what: string) => void;
  readonly maxHeaderBytes: number;
  /** From the head of a request to the end of its body, ms. */
  readonly requestTimeoutMs: number;
  /** A session without a request, ms. */
  readonly keepAliveTimeoutMs: number;
  /** A response of which the peer takes nothing for so long is given up, ms. */
  readonly idleTimeoutMs: number;
  readonly maxRequestsPerConnection: number;
}

/** Requests that may be open at once over one connection. */
export const MAX_HTTP2_STREAMS = 100;
/** Header fields of one request. */
export const MAX_HTTP2_HEADER_FIELDS = 100;
/** What one connection may make the HTTP/2 library hold (headers, frames, the body bytes of one write of each response), MiB. */
export const MAX_HTTP2_SESSION_MEMORY_MIB = 64;
/** Frames that break the protocol, after which the connection is closed. */
export const MAX_HTTP2_INVALID_FRAMES = 100;
/** Settings in one frame. */
export const MAX_HTTP2_SETTINGS = 32;
/** Frames that cost work and bring no request (pings, settings, requests that are taken back) in `CONTROL_WINDOW_MS`. */
export const MAX_HTTP2_CONTROL_FRAMES = 500;
const CONTROL_WINDOW_MS = 10_000;

/**
 * HTTP/2 (RFC 9113) over TLS connections that have agreed on it. Requests look like those of HTTP/1.1 to whoever handles them.
 * What a peer can make us hold or do without end is bounded: open requests, memory, silence, and requests that are taken back as
 * fast as they come (CVE-2023-44487).
 */
export class Http2Sessions {
  readonly #options: Http2SessionsOptions;
  readonly #server: Http2Server;

  constructor(options: Http2SessionsOptions) {
    this.#options = options;
    this.#server = createServer({
      maxHeaderListPairs: MAX_HTTP2_HEADER_FIELDS,
      maxSessionMemory: MAX_HTTP2_SESSION_MEMORY_MIB,
      maxSessionInvalidFrames: MAX_HTTP2_INVALID_FRAMES,
      maxSettings: MAX_HTTP2_SETTINGS,
      settings: {
        enablePush: false,
        maxConcurrentStreams: MAX_HTTP2_STREAMS,
        maxHeaderListSize: options.maxHeaderBytes,
      },
    });
    this.#server.on('session', (session) => this.#watch(session));
    this.#server.on('request', (request, response) => this.#serve(request, response));
  }

  /** A TLS connection whose peer chose `h2`. */
  accept(socket: TLSSocket): void {
    // Our sockets are half-open ones, and this library would keep the connection of a peer that is gone.
    socket.once('end', () => socket.destroy());
    this.#server.emit('connection', socket);
  }

  #watch(session: ServerHttp2Session): void {
    const { gate, clock, keepAliveTimeoutMs, maxRequestsPerConnection, onPeerError } = this.#options;
    const ip = clientIp(session.socket);
    const relayed = relayedOf(session.socket);
    // A proxy that names nobody is not a client.
    const counts = relayed === undefined || relayed.source !== undefined;
    let open = 0;
    let requests = 0;
    let windowEnds = 0;
    let inWindow = 0;
    const controlFrame = (): void => {
      const now = clock.now();
      if (now >= windowEnds) {
        windowEnds = now + CONTROL_WINDOW_MS;
        inWindow = 0;
      }
      inWindow += 1;
      if (inWindow <= MAX_HTTP2_CONTROL_FRAMES || session.destroyed) return;
      onPeerError(
        ip,
        `more than ${MAX_HTTP2_CONTROL_FRAMES} frames without a request in ${CONTROL_WINDOW_MS} ms`,
      );
      session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    };
    session.on('ping', controlFrame);
    session.on('remoteSettings', controlFrame);
    session.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET') onPeerError(ip, error.code ?? error.message);
    });
    // Requests have timeouts of their own.
    session.setTimeout(keepAliveTimeoutMs);
    session.on('timeout', () => {
      if (open === 0) session.close();
    });
    session.on('stream', (stream: ServerHttp2Stream) => {
      requests += 1;
      if (requests === maxRequestsPerConnection) session.close(); // After what is open.
      if (open > 0 && (counts ? gate?.enter(ip) : gate?.enterUnknown(ip)) === false) {
        stream.close(constants.NGHTTP2_REFUSED_STREAM);
        return;
      }
      const counted = open > 0;
      open += 1;
      stream.once('close', () => {
        open -= 1;
        if (counted) gate?.leave(counts ? ip : undefined);
        if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) controlFrame();
      });
    });
  }

  #serve(request: Http2ServerRequest, response: Http2ServerResponse): void {
    const { stream, headers } = request;
    if (stream.destroyed || stream.closed) return;
    const { requestTimeoutMs, idleTimeoutMs, handler } = this.#options;
    headers.host ??= headers[':authority'];
    stream.setTimeout(idleTimeoutMs);
    stream.on('timeout', () => {
      if (response.listenerCount('timeout') === 0) stream.close(constants.NGHTTP2_CANCEL);
    });
    if (!stream.endAfterHeaders) {
      const late = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), requestTimeoutMs).unref();
      request.once('end', () => clearTimeout(late));
      stream.once('close', () => clearTimeout(late));
    }
    // Node's compatibility classes have what we use of those of HTTP/1.1.
    handler(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  }
}
