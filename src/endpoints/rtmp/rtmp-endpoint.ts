import { ServerError } from '../../base/errors.ts';
import {
  listenTcp,
  SharedRead,
  type ConnectionGate,
  type ListenAddress,
  type TcpListener,
} from '../../net/index.ts';
import type { RtmpServices } from './ports.ts';
import { RtmpSession } from './rtmp-session.ts';

export interface RtmpEndpointOptions extends RtmpServices {
  /** [listen] */
  readonly listen: readonly ListenAddress[];
  readonly gate: ConnectionGate;
}

/** [listen] Accepts RTMP connections on all its ports and keeps their sessions. */
export class RtmpEndpoint {
  readonly #options: RtmpEndpointOptions;
  readonly #listeners: TcpListener[] = [];
  readonly #sessions = new Set<RtmpSession>();
  readonly #sharedRead: SharedRead;
  readonly #forget = (session: RtmpSession): void => void this.#sessions.delete(session);

  constructor(options: RtmpEndpointOptions) {
    this.#options = options;
    this.#sharedRead = new SharedRead(options.clock);
  }

  get addresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.#listeners.map((listener) => listener.address);
  }

  /** Connections that are open. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Listens on all addresses, or throws LISTEN_FAILED and on none. */
  async start(): Promise<void> {
    const { listen, gate, logger } = this.#options;
    try {
      for (const address of listen) {
        this.#listeners.push(
          await listenTcp({
            directive: 'listen',
            address,
            gate,
            logger,
            sharedRead: this.#sharedRead,
            onConnection: (socket, inlet) => {
              this.#sessions.add(new RtmpSession(socket, inlet, this.#options, this.#forget));
            },
          }),
        );
      }
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Accepts no more; sessions stay. */
  async stopAccepting(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.stopAccepting()));
  }

  /** Ends all sessions and frees the ports. Idempotent. */
  async close(): Promise<void> {
    await this.stopAccepting();
    for (const session of this.#sessions) {
      session.close(new ServerError('SERVER_STOPPING', 'the server is stopping'));
    }
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    this.#sharedRead.close();
  }
}
