import { ServerError } from '../../base/errors.ts';
import {
  Inlet,
  ListenerSet,
  readEvents,
  SecureListeners,
  SharedRead,
  type ConnectionGate,
  type ListenAddress,
  type TrustedProxies,
  type TlsCertificate,
} from '../../net/index.ts';
import type { RtmpServices } from './ports.ts';
import { RtmpSession } from './rtmp-session.ts';

export interface RtmpEndpointOptions extends RtmpServices {
  /** [listen] */
  readonly listen: readonly ListenAddress[];
  readonly gate: ConnectionGate;
  /** [trusted_proxies] Default: nobody is trusted. */
  readonly proxies?: TrustedProxies;
}

/** [listen, rtmps] Accepts RTMP connections on all its ports, plain and over TLS, and keeps their sessions. */
export class RtmpEndpoint {
  readonly #options: RtmpEndpointOptions;
  readonly #listeners: ListenerSet;
  readonly #secure: SecureListeners;
  readonly #sessions = new Set<RtmpSession>();
  readonly #sharedRead: SharedRead;
  readonly #forget = (session: RtmpSession): void => void this.#sessions.delete(session);

  constructor(options: RtmpEndpointOptions) {
    this.#options = options;
    const { gate, proxies, logger, clock } = options;
    this.#sharedRead = new SharedRead(clock);
    const listening = {
      gate,
      logger,
      clock,
      emptyIpOk: () => options.emptyIpOk ?? true,
      ...(proxies === undefined ? {} : { proxies }),
    };
    this.#listeners = new ListenerSet({
      ...listening,
      directive: 'listen',
      sharedRead: this.#sharedRead,
      onConnection: (socket, inlet) => {
        this.#sessions.add(new RtmpSession(socket, inlet, options, this.#forget));
      },
    });
    this.#secure = new SecureListeners({
      ...listening,
      directive: 'rtmps listen',
      protocols: [],
      onSecure: (socket) => {
        const inlet = new Inlet();
        this.#sessions.add(new RtmpSession(socket, inlet, options, this.#forget));
        readEvents(socket, inlet);
      },
    });
  }

  get addresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.#listeners.addresses;
  }

  /** Connections that are open. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Those of them that neither publish nor play. */
  get idle(): readonly { readonly ip: string; close(reason: ServerError): void }[] {
    return [...this.#sessions].filter((session) => session.isIdle);
  }

  /** Listens on all addresses, or throws LISTEN_FAILED and on none. */
  async start(): Promise<void> {
    try {
      await this.relisten(this.#options.listen);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /**
   * [listen] Listens on these addresses from now on, or throws LISTEN_FAILED and nothing has changed. Sessions stay, also those of
   * an address that goes. See `ListenerSet.relisten`.
   */
  relisten(listen: readonly ListenAddress[]): Promise<void> {
    return this.#listeners.relisten(listen);
  }

  /** [rtmps] Where it listens for TLS. */
  get secureAddresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.#secure.addresses;
  }

  /** [rtmps] As `relisten`, for TLS. Without a certificate: no TLS any more. Sessions stay. */
  async listenSecure(
    listen: readonly ListenAddress[],
    certificate: TlsCertificate | undefined,
  ): Promise<void> {
    if (certificate === undefined) await this.#secure.stopListening();
    else await this.#secure.listen(listen, certificate);
  }

  /** For TLS handshakes from now on; sessions keep theirs. */
  useCertificate(certificate: TlsCertificate): void {
    this.#secure.use(certificate);
  }

  /** `RtmpVhosts` gives other answers by now: sessions look up the options of their vhost again and apply them. */
  vhostsChanged(): void {
    for (const session of this.#sessions) session.vhostsChanged();
  }

  /**
   * Ends all sessions that are on a vhost, also those that neither publish nor play. A session is on the vhost of its connect,
   * or, while it publishes or plays, on the one that its stream named. Returns how many there were.
   */
  closeVhost(name: string, reason: ServerError): number {
    let closed = 0;
    for (const session of this.#sessions) {
      if (session.vhost !== name || !session.isOpen()) continue;
      closed += 1;
      session.close(reason);
    }
    return closed;
  }

  /** Accepts no more; sessions stay. */
  async stopAccepting(): Promise<void> {
    await Promise.all([this.#listeners.stopAccepting(), this.#secure.stopAccepting()]);
  }

  /** Ends all sessions and frees the ports. Idempotent. */
  async close(): Promise<void> {
    await this.stopAccepting();
    for (const session of this.#sessions) {
      session.close(new ServerError('SERVER_STOPPING', 'the server is stopping'));
    }
    await Promise.all([this.#listeners.close(), this.#secure.close()]);
    this.#sharedRead.close();
  }
}
