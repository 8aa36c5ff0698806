import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { silentLogger } from '../base/logger.ts';
import { clientIp, noteRelayed, relayedOf, type RelayedPeer } from './client-address.ts';
import { ListenerSet, type ListenerSetOptions } from './listener-set.ts';
import { TallyReport } from './tally-report.ts';
import type { ListenAddress } from './tcp-listener.ts';
import type { TlsCertificate } from './tls-certificate.ts';

export interface SecureListenersOptions extends Omit<ListenerSetOptions, 'onConnection' | 'sharedRead'> {
  /** From accept to the end of the handshake, ms. @default TLS_HANDSHAKE_TIMEOUT_MS */
  readonly handshakeTimeoutMs?: number;
  /** What may be agreed on (ALPN), in the order of our preference; empty = nothing is. */
  readonly protocols: readonly string[];
  /** Takes a connection whose handshake is done. It has an error handler. */
  readonly onSecure: (socket: TLSSocket) => void;
  /** Node's HTTP parser tells its errors to the server that its sockets name, which is the TLS one. */
  readonly onHttpError?: (error: Error, socket: Socket) => void;
}

/** How long a TLS handshake may take, ms. */
export const TLS_HANDSHAKE_TIMEOUT_MS = 10_000;
/** TLS handshakes that may be under way at once over the listeners of one directive: each costs a public-key operation. */
export const MAX_TLS_HANDSHAKES = 512;

/** Listeners that speak TLS. The certificate may change while connections are open; those keep theirs. */
export class SecureListeners {
  readonly #listeners: ListenerSet;
  readonly #options: SecureListenersOptions;
  readonly #failed: TallyReport;
  #tls: Server | undefined;
  /** Peers whose handshake is under way. By their address: a TLS socket does not tell which one it wraps. */
  readonly #underWay = new Map<string, RelayedPeer | undefined>();

  constructor(options: SecureListenersOptions) {
    this.#options = options;
    this.#failed = new TallyReport({
      clock: options.clock,
      logger: options.logger ?? silentLogger,
      line: (count, last) => `${options.directive}: ${count} TLS handshakes failed, the last: ${last}`,
    });
    this.#listeners = new ListenerSet({ ...options, onConnection: (socket) => this.#accept(socket) });
  }

  get addresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.#listeners.addresses;
  }

  /** How many handshakes have failed since the start. */
  get failedTotal(): number {
    return this.#failed.total;
  }

  /** Listens on these addresses and no others, or throws LISTEN_FAILED and nothing has changed. */
  async listen(addresses: readonly ListenAddress[], certificate: TlsCertificate): Promise<void> {
    this.#tls ??= this.#createTls(certificate);
    await this.#listeners.relisten(addresses);
    this.use(certificate);
  }

  /** Accepts no more; connections stay. `listen` may follow. */
  async stopListening(): Promise<void> {
    await this.#listeners.relisten([]);
  }

  /** For handshakes from now on. Throws when it cannot be used, and the old one stays. */
  use({ key, cert }: TlsCertificate): void {
    this.#tls?.setSecureContext({ key, cert });
  }

  /** Accepts no more; connections stay. */
  stopAccepting(): Promise<void> {
    return this.#listeners.stopAccepting();
  }

  /** Ends all connections. Idempotent. */
  async close(): Promise<void> {
    await this.#listeners.close();
    this.#failed.close();
  }

  #createTls({ key, cert }: TlsCertificate): Server {
    const tls = createServer({
      key,
      cert,
      ...(this.#options.protocols.length === 0 ? {} : { ALPNProtocols: [...this.#options.protocols] }),
      minVersion: 'TLSv1.2',
      handshakeTimeout: this.#options.handshakeTimeoutMs ?? TLS_HANDSHAKE_TIMEOUT_MS,
    });
    tls.on('secureConnection', (socket) => {
      socket.on('error', ignore);
      const peer = peerOf(socket);
      noteRelayed(socket, this.#underWay.get(peer));
      this.#underWay.delete(peer);
      this.#options.onSecure(socket);
    });
    tls.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      noteRelayed(socket, this.#underWay.get(peerOf(socket)));
      if (error.code !== 'ECONNRESET')
        this.#failed.add(`${clientIp(socket)}: ${error.code ?? error.message}`);
      socket.on('error', ignore);
      socket.destroy();
    });
    const { onHttpError } = this.#options;
    if (onHttpError !== undefined) tls.on('clientError', onHttpError);
    return tls;
  }

  #accept(socket: Socket): void {
    if (this.#underWay.size >= MAX_TLS_HANDSHAKES) {
      this.#failed.add(`${clientIp(socket)}: more than ${MAX_TLS_HANDSHAKES} at once`);
      socket.destroy();
      return;
    }
    const peer = peerOf(socket);
    this.#underWay.set(peer, relayedOf(socket));
    socket.once('close', () => this.#underWay.delete(peer));
    this.#tls?.emit('connection', socket);
  }
}

/** One at a time: address and port of both ends. */
function peerOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`;
}

function ignore(): void {
  // Followed by 'close'.
}
