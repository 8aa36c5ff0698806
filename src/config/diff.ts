import { isDeepStrictEqual } from 'node:util';
import type { ListenAddress } from './listen-address.ts';
import type { LoadedConfig } from './load.ts';
import type { Origin } from './problem.ts';
import { ROOT } from './schema/root.ts';
import type { Config } from './schema/root.ts';
import type { BlocksRow, Reload, Row, Rows } from './schema/row.ts';
import { optionKey } from './schema/row.ts';

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

type Values = Readonly<Record<string, unknown>>;

/** Where a walk through the table is. */
interface Place {
  readonly directive: string;
  readonly vhost: string | undefined;
  readonly id: string | undefined;
  /** Path of the option in the new configuration; the key of its origin. */
  readonly key: string;
}

const TOP: Place = { directive: '', vhost: undefined, id: undefined, key: '' };

/**
 * What is different in `after`. Vhosts are the same when their names are (of two with one name the first one counts), ingests
 * when their ids are; in which order they stand does not matter. Addresses are the same when host and port are.
 */
export function diffConfig(before: LoadedConfig | Config, after: LoadedConfig): readonly ConfigChange[] {
  const changes: ConfigChange[] = [];
  const old: Config = 'origins' in before ? before.config : before;
  const found: Found = (change, key) => {
    changes.push({ ...change, origin: after.origins.get(key) });
  };
  compare(ROOT, old, after.config, TOP, { found, entries: new Entries() });
  return changes;
}

type Found = (change: Omit<ConfigChange, 'origin'>, key: string) => void;

interface Comparison {
  readonly found: Found;
  readonly entries: Entries;
}

function compare(rows: Rows, from: Values, to: Values, at: Place, comparison: Comparison): void {
  for (const [name, row, key] of comparison.entries.of(rows)) {
    const old = from[key];
    const now = to[key];
    if (old === now) continue; // Most are, and with many vhosts there are many.
    if (row.type === 'block') {
      compare(row.rows, old as Values, now as Values, below(at, name, key), comparison);
    } else if (isMatched(row, at)) {
      const place = below(at, name, key);
      compareBlocks(row, old as readonly Values[], now as readonly Values[], place, comparison);
    } else if (!isSame(row, old, now)) {
      const place = below(at, name, key);
      const values = { from: old, to: now, reload: row.reload };
      comparison.found({ ...where(place), kind: 'changed', ...values }, place.key);
    }
  }
}

function compareBlocks(
  row: BlocksRow,
  from: readonly Values[],
  to: readonly Values[],
  at: Place,
  comparison: Comparison,
): void {
  const { found } = comparison;
  const old = byName(row, from, at);
  const now = byName(row, to, at);
  const { reload } = row;
  const whole = { from: undefined, to: undefined, reload };
  for (const [name, entry] of old) {
    if (!now.has(name)) found({ ...where(entry.place), kind: 'removed', ...whole }, '');
  }
  for (const [name, { value, place }] of now) {
    const before = old.get(name);
    if (before === undefined) found({ ...where(place), kind: 'added', ...whole }, place.key);
    else compare(row.rows, before.value, value, place, comparison);
  }
}

/**
 * `next` with the old values of some changes back in it: what needs a restart, or was refused. `changes` are differences from
 * `previous` to `next`. What is in force is then always one whole configuration, which the next one can be compared with.
 */
export function revertChanges(
  next: Config,
  previous: Config,
  changes: readonly Pick<ConfigChange, 'directive' | 'vhost' | 'id'>[],
): Config {
  if (changes.length === 0) return next;
  const reversion: Reversion = {
    names: new Set(changes.map(nameOf)),
    vhosts: new Set(changes.map(({ vhost }) => vhost)),
    entries: new Entries(),
  };
  // The one place where the table's run-time walk meets the types derived from the same table.
  return revert(ROOT, next, previous, TOP, reversion) as unknown as Config;
}

interface Reversion {
  /** What is reverted. */
  readonly names: ReadonlySet<string>;
  /** Vhosts in which something is reverted. */
  readonly vhosts: ReadonlySet<string | undefined>;
  readonly entries: Entries;
}

function revert(rows: Rows, next: Values, previous: Values, at: Place, reversion: Reversion): Values {
  if (at.vhost !== undefined && !reversion.vhosts.has(at.vhost)) return next;
  const options: Record<string, unknown> = { ...next };
  for (const [name, row, key] of reversion.entries.of(rows)) {
    const now = next[key];
    const old = previous[key];
    const place = below(at, name, key);
    if (row.type === 'block') {
      options[key] = revert(row.rows, now as Values, old as Values, place, reversion);
    } else if (isMatched(row, at)) {
      options[key] = revertBlocks(row, now as readonly Values[], old as readonly Values[], place, reversion);
    } else if (reversion.names.has(nameOf(place))) options[key] = old;
  }
  return Object.freeze(options);
}

function revertBlocks(
  row: BlocksRow,
  next: readonly Values[],
  previous: readonly Values[],
  at: Place,
  reversion: Reversion,
): readonly Values[] {
  const now = byName(row, next, at);
  const old = byName(row, previous, at);
  const blocks: Values[] = [];
  for (const [name, { value, place }] of now) {
    const before = old.get(name);
    if (before !== undefined) blocks.push(revert(row.rows, value, before.value, place, reversion));
    else if (!reversion.names.has(nameOf(place))) blocks.push(value);
  }
  for (const [name, { value, place }] of old) {
    if (!now.has(name) && reversion.names.has(nameOf(place))) blocks.push(value);
  }
  return Object.freeze(blocks);
}

/** The rows that have an option, with its key: worked out once per table and not once per vhost. */
class Entries {
  readonly #known = new Map<Rows, readonly (readonly [name: string, row: Row, key: string])[]>();

  of(rows: Rows): readonly (readonly [name: string, row: Row, key: string])[] {
    let entries = this.#known.get(rows);
    if (entries === undefined) {
      entries = Object.entries(rows).flatMap(([name, row]) =>
        row.feature === undefined ? [[name, row, optionKey(name, row)] as const] : [],
      );
      this.#known.set(rows, entries);
    }
    return entries;
  }
}

/** Blocks that are told apart by name or id. What repeats inside such a block (an ingest's engines) is one value. */
function isMatched(row: Row, place: Place): row is BlocksRow {
  return row.type === 'blocks' && place.id === undefined;
}

function byName(
  row: BlocksRow,
  blocks: readonly Values[],
  at: Place,
): ReadonlyMap<string, { readonly value: Values; readonly place: Place }> {
  const entries = new Map<string, { value: Values; place: Place }>();
  const areVhosts = at.directive === 'vhost';
  blocks.forEach((value, i) => {
    const name = String(value[row.argument.option]);
    const key = `${at.key}[${i}]`;
    if (areVhosts) {
      if (!entries.has(name)) entries.set(name, { value, place: { ...at, vhost: name, key } });
      return;
    }
    let id = name;
    for (let n = 2; entries.has(id); n += 1) id = `${name}#${n}`; // Where the name may be left out.
    entries.set(id, { value, place: { ...at, id, key } });
  });
  return entries;
}

function isSame(row: Row, a: unknown, b: unknown): boolean {
  if (row.type === 'listen')
    return isDeepStrictEqual(address(a as ListenAddress), address(b as ListenAddress));
  if (row.type === 'listens') {
    const [old, now] = [a as readonly ListenAddress[], b as readonly ListenAddress[]];
    return isDeepStrictEqual(old.map(address), now.map(address));
  }
  return isDeepStrictEqual(a, b);
}

/** An address without the place where it is written. */
function address({ host, port }: ListenAddress): unknown {
  return { host, port };
}

function below(at: Place, name: string, key: string): Place {
  return {
    ...at,
    directive: at.directive === '' ? name : `${at.directive}.${name}`,
    key: at.key === '' ? key : `${at.key}.${key}`,
  };
}

function where({ directive, vhost, id }: Place): Pick<ConfigChange, 'directive' | 'vhost' | 'id'> {
  return { directive, vhost, id };
}

function nameOf({ directive, vhost, id }: Pick<ConfigChange, 'directive' | 'vhost' | 'id'>): string {
  return JSON.stringify([directive, vhost ?? null, id ?? null]);
}
