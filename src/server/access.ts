import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Config } from '../config/index.ts';
import {
  Bans,
  ClientLimits,
  GrantedLimits,
  ReferPolicy,
  SecurityPolicy,
  type BanObserver,
  type IdleConnection,
} from '../control/access/index.ts';
import type { SessionRegistry } from '../control/sessions/index.ts';
import type { AccessPolicy, StreamObserver } from '../hub/ports.ts';
import { AccessTokens } from './access-tokens.ts';
import { BanFiles } from './ban-store.ts';
import { PolicyChain } from './policy-chain.ts';
import type { VhostTable } from './vhost-table.ts';

export interface AccessControlDeps {
  readonly clock: Clock;
  /** Unix ms. */
  readonly unixTime: () => number;
  readonly logger: Logger;
  readonly sessions: SessionRegistry;
  /** Connections that neither publish nor play; they may be banned too. */
  readonly idle?: () => Iterable<IdleConnection>;
  readonly vhosts: VhostTable;
  /** The configuration in force. */
  readonly config: () => Config;
  /** Told of bans. */
  readonly observer?: BanObserver;
}

/** Who may connect, publish and play: the rules of the configuration, the bans, and in which order all are asked. */
export class AccessControl {
  readonly bans: Bans;
  readonly #limits: ClientLimits;
  readonly #tokens: AccessTokens;
  readonly #config: () => Config;
  readonly #security: SecurityPolicy;
  readonly #refer: ReferPolicy;
  readonly #granted: GrantedLimits;

  constructor(deps: AccessControlDeps) {
    const { clock, unixTime, logger, sessions, idle, vhosts, config, observer } = deps;
    const files = new BanFiles(logger);
    this.#config = config;
    this.#tokens = new AccessTokens({ clock, unixTime, logger, vhosts });
    this.bans = new Bans({
      clock,
      unixTime,
      logger,
      sessions: () => sessions.page(0, Infinity),
      idle,
      vhostOf: (requested) => vhosts.select(requested)?.name ?? requested,
      store: () => files.store(config().banFile),
      observer,
    });
    this.#security = new SecurityPolicy({ options: (vhost) => vhosts.find(vhost)?.security });
    this.#refer = new ReferPolicy({ options: (vhost) => vhosts.find(vhost)?.refer });
    this.#granted = new GrantedLimits(clock);
    this.#limits = new ClientLimits({ options: (vhost) => vhosts.find(vhost)?.limits });
  }

  /** Counts those who begin and end, and ends who was banned meanwhile. */
  get observers(): readonly StreamObserver[] {
    return [this.#limits, this.bans, this.#granted];
  }

  /**
   * All policies in the order in which they are asked. What costs nothing comes first, and who has no right takes nobody's place;
   * `last` are those of the embedder and the back end, which hear only of clients whom everybody else lets in. Bans and limits
   * look again at what a stream is called in the end.
   */
  chain(last: readonly AccessPolicy[]): AccessPolicy {
    return new PolicyChain([
      this.bans,
      this.#security,
      this.#refer,
      this.#tokens.policy, // Also the table of keys: from here on a stream has its public name.
      this.#limits,
      ...last,
      this.bans,
      this.#limits,
    ]);
  }

  /**
   * For the sessions of connections: who is granted a time or a rate is held to it. Sessions of who fetches files hold
   * themselves to theirs, since players fetch ahead.
   */
  limited(policy: AccessPolicy): AccessPolicy {
    return this.#granted.over(policy);
  }

  /** Before anybody may come. Never rejects. */
  start(): Promise<void> {
    this.#tokens.use(this.#config());
    return this.bans.load();
  }

  /** Another configuration is in force. What is read on use needs nothing. */
  reconfigure(): void {
    this.bans.reconfigure();
    this.#tokens.use(this.#config());
  }

  /** What is being written is whole then. */
  close(): Promise<void> {
    this.#tokens.close();
    return this.bans.close();
  }
}
