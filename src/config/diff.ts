import type { Origin } from './problem.ts';
import type { Reload } from './schema/row.ts';

/** One difference between two configurations. */
export interface ConfigChange {
  /** Dotted path of the directive as the documentation has it: `listen`, `http_api.listen`, `vhost.play.mw_latency`. */
  readonly directive: string;
  /** Which vhost; undefined at the top level. */
  readonly vhost: string | undefined;
  /** Which repeatable block below it (an ingest's id); undefined elsewhere. */
  readonly id: string | undefined;
  /** `added` and `removed` are whole repeatable blocks (a vhost, an ingest); everything else is `changed`. */
  readonly kind: 'added' | 'removed' | 'changed';
  /** The option before and after; undefined for whole blocks. */
  readonly from: unknown;
  readonly to: unknown;
  readonly reload: Reload;
  /** Where the new value is written; undefined when it is a default now. */
  readonly origin: Origin | undefined;
}
