import { ServerError } from '../base/errors.ts';
import { DEFAULT_VHOST } from '../base/names.ts';
import type { Config, VhostConfig } from '../config/index.ts';
import type { StreamName } from '../hub/ports.ts';

/**
 * The vhosts of the configuration in force, by name. Every session asks at a reload, so that a search through thousands of
 * vhosts would stop the event loop for a second.
 */
export class VhostTable {
  readonly #inForce: () => Config;
  #indexed: Config | undefined;
  #byName: ReadonlyMap<string, VhostConfig> = new Map();

  constructor(inForce: () => Config) {
    this.#inForce = inForce;
  }

  /**
   * The vhost that serves a requested name: its own block, else `__defaultVhost__`. Undefined = refuse the client: there is
   * neither, or the one that serves it is off.
   */
  select(requested: string): VhostConfig | undefined {
    const vhosts = this.#vhosts();
    const vhost = vhosts.get(requested) ?? vhosts.get(DEFAULT_VHOST);
    return vhost?.enabled === true ? vhost : undefined;
  }

  /** The vhost of a stream, whose name is a resolved one. Throws VHOST_UNKNOWN: a reload may have removed it or switched it off. */
  of(name: StreamName): VhostConfig {
    const vhost = this.find(name.vhost);
    if (vhost === undefined) throw new ServerError('VHOST_UNKNOWN', `vhost ${name.vhost} is not served here`);
    return vhost;
  }

  /** The block of this name, switched on or not. */
  block(name: string): VhostConfig | undefined {
    return this.#vhosts().get(name);
  }

  /** The vhost with this resolved name, unless it was removed or switched off. */
  find(name: string): VhostConfig | undefined {
    const vhost = this.#vhosts().get(name);
    return vhost?.enabled === true ? vhost : undefined;
  }

  #vhosts(): ReadonlyMap<string, VhostConfig> {
    const config = this.#inForce();
    if (config !== this.#indexed) {
      // Of two blocks with one name the first one counts, so it is set last.
      this.#byName = new Map(config.vhosts.toReversed().map((vhost) => [vhost.name, vhost]));
      this.#indexed = config;
    }
    return this.#byName;
  }
}
