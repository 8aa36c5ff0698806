import { createServer, ServerResponse, type IncomingMessage, type Server } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { clientIp } from './client-address.ts';
import type { ConnectionGate } from './connection-gate.ts';
import { Http2Sessions } from './http2-sessions.ts';
import { ListenerSet } from './listener-set.ts';
import { SecureListeners } from './secure-listeners.ts';
import { TallyReport } from './tally-report.ts';
import type { ListenAddress } from './tcp-listener.ts';
import type { TlsCertificate } from './tls-certificate.ts';
import type { TrustedProxies } from './trusted-proxies.ts';

export interface HttpServerOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly gate?: ConnectionGate;
  /** Whose connections may begin with a PROXY header, and whose requests say whom they come from. */
  readonly proxies?: TrustedProxies;
  /** The directive to name in errors, e.g. `http_server listen`. */
  readonly directive: string;
  /** [empty_ip_ok] See `ListenerSet`. */
  readonly emptyIpOk?: () => boolean;
  /** From the first byte of a request to the end of its head, ms. @default 10000 */
  readonly headersTimeoutMs?: number;
  /** From the first byte of a request to the end of its body, ms. @default 30000 */
  readonly requestTimeoutMs?: number;
  /** Silence between two requests of a connection, ms. @default 15000 */
  readonly keepAliveTimeoutMs?: number;
  /** A response of which the peer takes nothing for so long is given up, ms. Live bodies have limits of their own. @default 30000 */
  readonly idleTimeoutMs?: number;
  /** Request line and headers together, bytes. @default 16384 */
  readonly maxHeaderBytes?: number;
  /** Requests served by one connection, then it is closed. @default 10000 */
  readonly maxRequestsPerConnection?: number;
  /** From accept to the end of a TLS handshake, ms. @default 10000 */
  readonly handshakeTimeoutMs?: number;
  /** How often the timeouts above are looked at, ms. @default 1000 */
  readonly timeoutCheckMs?: number;
}

export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void;
export type UpgradeHandler = (request: IncomingMessage, socket: Socket, head: Buffer) => void;

/**
 * Requests of one connection that wait behind the first one for their answers. Each costs some KB, and one read brings more than
 * a thousand of them; browsers never pipeline.
 */
export const MAX_PIPELINED_REQUESTS = 100;

const BAD_REQUEST = Buffer.from(
  'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 12\r\nConnection: close\r\n\r\nbad request\n',
);
const HEADERS_TOO_LARGE = Buffer.from(
  'HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
);
const REQUEST_TIMEOUT = Buffer.from(
  'HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
);

/**
 * One HTTP server on any number of listening addresses. Its connections come from `TcpListener`s: HTTP/1.1, and where TLS is on
 * HTTP/2 for those who ask for it.
 */
export class HttpServer {
  /** For the web framework (`serverFactory`). It never listens itself. */
  readonly server: Server;
  readonly #clientErrors: TallyReport;
  readonly #listeners: ListenerSet;
  readonly #secure: SecureListeners;
  readonly #http2: Http2Sessions;
  #handler: HttpHandler = (_request, response) => void response.writeHead(503).end();
  #onUpgrade: UpgradeHandler | undefined;
  readonly #behind = new WeakMap<Socket, number>();
  #armed = false;
  #closed: Promise<void> | undefined;

  constructor(options: HttpServerOptions) {
    const { directive, gate, proxies, logger, clock, emptyIpOk } = options;
    const listening = {
      directive,
      clock,
      logger,
      ...(gate === undefined ? {} : { gate }),
      ...(proxies === undefined ? {} : { proxies }),
      ...(emptyIpOk === undefined ? {} : { emptyIpOk }),
      noDelay: true,
      allowHalfOpen: true,
    };
    const onConnection = (socket: Socket): void => void this.server.emit('connection', socket);
    this.#listeners = new ListenerSet({ ...listening, onConnection });
    this.#secure = new SecureListeners({
      ...listening,
      directive: directive.replace(/ listen$/, '.https listen'),
      ...(options.handshakeTimeoutMs === undefined ? {} : { handshakeTimeoutMs: options.handshakeTimeoutMs }),
      protocols: ['h2', 'http/1.1'],
      onSecure: (socket) => {
        if (socket.alpnProtocol === 'h2') this.#http2.accept(socket);
        else onConnection(socket);
      },
      onHttpError: (error, socket) => void this.server.emit('clientError', error, socket),
    });
    this.#clientErrors = new TallyReport({
      clock: options.clock,
      logger: options.logger,
      line: (count, last) => `${count} connections sent no proper HTTP request, the last: ${last}`,
    });
    const {
      maxHeaderBytes = 16_384,
      requestTimeoutMs = 30_000,
      keepAliveTimeoutMs = 15_000,
      idleTimeoutMs = 30_000,
      maxRequestsPerConnection = 10_000,
    } = options;
    this.server = createServer({
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: options.headersTimeoutMs ?? 10_000,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: options.timeoutCheckMs ?? 1_000,
    });
    // Node's bound on a socket that neither brings nor takes bytes; a write that goes on slowly counts as life.
    this.server.timeout = idleTimeoutMs;
    this.server.maxRequestsPerSocket = maxRequestsPerConnection;
    this.#http2 = new Http2Sessions({
      clock,
      ...(gate === undefined ? {} : { gate }),
      handler: (request, response) => this.#handler(request, response),
      onPeerError: (ip, what) => this.#clientErrors.add(`${ip}: ${what}`),
      maxHeaderBytes,
      requestTimeoutMs,
      keepAliveTimeoutMs,
      idleTimeoutMs,
      maxRequestsPerConnection,
    });
    this.server.on('request', (request, response) => {
      if (response.socket === null && !this.#mayWait(request.socket, response)) return;
      this.#handler(request, response);
    });
    this.server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    // A server with this event answers nothing to CONNECT by itself.
    this.server.on(
      'connect',
      (_request, socket) => void socket.resume().end(BAD_REQUEST, () => socket.destroy()),
    );
  }

  /** Takes every request from now on. */
  handle(handler: HttpHandler): void {
    this.#handler = handler;
  }

  /** Serves a request that came to another server. */
  serve(request: IncomingMessage, response: ServerResponse): void {
    this.#handler(request, response);
  }

  /** Takes WebSocket upgrades; other upgrades (`h2c`) are served as if they had not asked. */
  handleUpgrade(handler: UpgradeHandler): void {
    this.#onUpgrade = handler;
  }

  /** Counts a request that came while another one of its connection is not answered; ends the connection when there are too many. */
  #mayWait(socket: Socket, response: ServerResponse): boolean {
    if (socket.destroyed) return false;
    const waiting = (this.#behind.get(socket) ?? 0) + 1;
    if (waiting > MAX_PIPELINED_REQUESTS) {
      this.#clientErrors.add(`${clientIp(socket)}: too many requests at once`);
      socket.destroy();
      return false;
    }
    this.#behind.set(socket, waiting);
    response.once('close', () => this.#behind.set(socket, (this.#behind.get(socket) ?? 1) - 1));
    return true;
  }

  /** How often peers sent what was no HTTP. */
  get clientErrorTotal(): number {
    return this.#clientErrors.total;
  }

  get addresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.#listeners.addresses;
  }

  /**
   * Listens on all the addresses and no others, or throws LISTEN_FAILED and nothing has changed. Connections that are open stay,
   * also those of an address that goes.
   */
  async listen(addresses: readonly ListenAddress[]): Promise<void> {
    // Node arms its check of headersTimeout and requestTimeout on this event, and this server never listens itself. Before the
    // first connection: what comes earlier is not looked at, and the first of two addresses is open before the second one.
    this.#arm();
    await this.#listeners.relisten(addresses);
  }

  /** Where it listens for TLS. */
  get secureAddresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.#secure.addresses;
  }

  /** As `listen`, for TLS, beside the plain listeners. Without a certificate: no TLS any more. */
  async listenSecure(
    addresses: readonly ListenAddress[],
    certificate: TlsCertificate | undefined,
  ): Promise<void> {
    this.#arm();
    if (certificate === undefined) await this.#secure.stopListening();
    else await this.#secure.listen(addresses, certificate);
  }

  /** For TLS handshakes from now on; open connections keep theirs. */
  useCertificate(certificate: TlsCertificate): void {
    this.#secure.use(certificate);
  }

  /** Accepts no more connections; those that are open go on. */
  async stopAccepting(): Promise<void> {
    await Promise.all([this.#listeners.stopAccepting(), this.#secure.stopAccepting()]);
  }

  /** Ends all connections at once. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      await Promise.all([this.#listeners.close(), this.#secure.close()]);
      this.server.close(); // Disarms the check of timeouts.
      this.#clientErrors.close();
    })();
    return this.#closed;
  }

  /** Answers what was no HTTP and closes. Give it to the framework as its handler of client errors. */
  clientError(error: NodeJS.ErrnoException, socket: Socket): void {
    if (error.code !== 'ECONNRESET') {
      this.#clientErrors.add(`${clientIp(socket)}: ${error.code ?? error.message}`);
    }
    // Bytes after a response was begun would become a part of it.
    if (!socket.writable || socket.bytesWritten > 0) {
      socket.destroy();
      return;
    }
    const answer =
      error.code === 'HPE_HEADER_OVERFLOW'
        ? HEADERS_TOO_LARGE
        : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
          ? REQUEST_TIMEOUT
          : BAD_REQUEST;
    socket.end(answer, () => socket.destroy());
  }

  #arm(): void {
    if (!this.#armed) this.server.emit('listening');
    this.#armed = true;
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    if (!(stream instanceof Socket)) {
      stream.destroy(); // Never: all connections come from TcpListener.
      return;
    }
    const socket = stream;
    if (this.#onUpgrade !== undefined && request.headers.upgrade?.toLowerCase() === 'websocket') {
      socket.setTimeout(0);
      this.#onUpgrade(request, socket, head);
      return;
    }
    // RFC 9110, 7.8: a server may ignore Upgrade. Node has taken its parser away, so the connection serves this one answer.
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    // Our sockets are half-open ones: a peer that keeps its side open must not keep the connection.
    response.once('finish', () => socket.end(() => socket.destroy()));
    socket.on('timeout', () => socket.destroy());
    socket.on('data', () => undefined);
    this.#handler(request, response);
  }
}
