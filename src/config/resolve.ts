import type { Directive } from './parser.ts';
import { copyOrigin, otherPlace, printable } from './problem.ts';
import type { Diagnostics, Origin } from './problem.ts';
import type { Row, Rows } from './schema/row.ts';
import { optionKey } from './schema/row.ts';
import { suggest } from './suggest.ts';
import { formFits } from './forms.ts';
import { place, readValue, semicolonHint } from './values.ts';
import type { LeafRow, ValueContext } from './values.ts';

type MutableOptions = Record<string, unknown>;

/**
 * Blocks of one configuration that may repeat (vhosts, ingests, engines, …). Each stands for a whole set of options, so a small
 * file could ask for much memory, and a reload compares them all while media waits.
 */
export const MAX_REPEATED_BLOCKS = 10_000;

/** Options, and where each came from: `vhosts[0].play.mwLatencyMs` → file and line. What has no entry is a default. */
export interface Resolved {
  readonly options: Readonly<MutableOptions>;
  readonly origins: ReadonlyMap<string, Origin>;
}

/** Turns a tree into options by a table of rows. Problems go to the diagnostics; a bad value becomes the default. */
export function resolveOptions(tree: readonly Directive[], rows: Rows, context: ValueContext): Resolved {
  const resolver = new Resolver(rows, context);
  return { options: resolver.block(tree, rows, ROOT_SCOPE), origins: resolver.origins };
}

interface Scope {
  /** Dotted names of directives, for messages. */
  readonly path: string;
  /** Path of the options. */
  readonly key: string;
  /** Nothing in here is in use (or it was told already), so nothing needs to be told about missing features. */
  readonly quiet: boolean;
}

type Entry = readonly [name: string, row: Row, key: string];

const ROOT_SCOPE: Scope = { path: '', key: '', quiet: false };

class Resolver {
  readonly origins = new Map<string, Origin>();
  readonly #rows: Rows;
  readonly #context: ValueContext;
  readonly #diagnostics: Diagnostics;
  readonly #entriesOf = new Map<Rows, readonly Entry[]>();
  #root: MutableOptions | undefined;
  #repeatedBlocks = 0;

  constructor(rows: Rows, context: ValueContext) {
    this.#rows = rows;
    this.#context = context;
    this.#diagnostics = context.diagnostics;
  }

  block(nodes: readonly Directive[], rows: Rows, scope: Scope): MutableOptions {
    const options: MutableOptions = {};
    this.#root ??= options;
    const byName = this.#group(nodes, rows, scope);
    const quiet = scope.quiet || isDisabled(byName.get('enabled')?.[0], rows);
    for (const [name, row, key] of this.#entries(rows)) {
      const found = byName.get(name) ?? [];
      if (row.feature !== undefined && found.length === 0) continue;
      const child: Scope = {
        path: scope.path === '' ? name : `${scope.path}.${name}`,
        key: scope.key === '' ? key : `${scope.key}.${key}`,
        quiet,
      };
      const value = this.#value(found, row, name, child);
      if (row.feature !== undefined) continue;
      options[key] = value;
      const [first] = found;
      if (first !== undefined) this.origins.set(child.key, copyOrigin(first));
    }
    return options;
  }

  /** Rows with their option keys, worked out once per table and not once per vhost. */
  #entries(rows: Rows): readonly Entry[] {
    let entries = this.#entriesOf.get(rows);
    if (entries === undefined) {
      entries = Object.entries(rows).map(([name, row]) => [name, row, optionKey(name, row)] as const);
      this.#entriesOf.set(rows, entries);
    }
    return entries;
  }

  #value(found: readonly Directive[], row: Row, name: string, scope: Scope): unknown {
    const fitting = found.filter((node) => this.#shapeFits(node, row, scope.path));
    switch (row.type) {
      case 'blocks':
        return this.#within(fitting, scope.path).map((node, i) => {
          const inner = { ...scope, key: `${scope.key}[${i}]` };
          this.origins.set(inner.key, copyOrigin(node));
          return {
            [row.argument.option]: this.#argument(node, row, scope.path),
            ...this.#child(node, row, row.rows, inner),
          };
        });
      case 'lists':
        this.#withoutEffect(fitting[0], row, scope);
        return fitting.filter((node) => formFits(node, row, scope.path, this.#diagnostics)).map(wordsOf);
      case 'block':
        return this.#child(this.#only(fitting, scope.path), row, row.rows, scope);
      case 'free':
        this.#withoutEffect(this.#only(fitting, scope.path), row, scope);
        return undefined;
      case 'flag':
      case 'int':
      case 'float':
      case 'duration':
      case 'bytes':
      case 'enum':
      case 'text':
      case 'list':
      case 'listen':
      case 'listens':
        return this.#leaf(this.#only(fitting, scope.path), row, name, scope, found.length > 0);
      default:
        return row satisfies never;
    }
  }

  #leaf(node: Directive | undefined, row: LeafRow, name: string, scope: Scope, written: boolean): unknown {
    const value = node === undefined ? undefined : readValue(node, row, scope.path, this.#context);
    const required = row.type === 'listens' && row.default === undefined;
    if (required && !written && this.#context.incomplete !== true)
      this.#diagnostics.error(this.#nowhere(), scope.path, 'is missing', { expected: `'${name} 1935;'` });
    const fallback = this.#default(row, name, scope.path);
    // What is only planned and has its default is not asked for; what never applies is not asked for when it is off.
    const asked = row.feature === 'none' ? value !== false : value !== fallback;
    if (value !== undefined && asked) this.#withoutEffect(node, row, scope);
    return value ?? fallback;
  }

  #default(row: LeafRow, name: string, path: string): unknown {
    if (row.type === 'listen' || row.type === 'listens') {
      const address = { host: undefined, port: row.default, directive: path, origin: this.#nowhere() };
      if (row.type === 'listen') return address;
      return row.default === undefined ? [] : [address];
    }
    // The root has its leaves before its blocks, so an inherited value is there already.
    return row.default === 'inherited' && row.type === 'bytes'
      ? this.#root?.[optionKey(name, row)]
      : row.default;
  }

  /** Without a line: what is meant is not in the file. */
  #nowhere(): Origin {
    return { file: this.#context.file, line: 0, column: 0 };
  }

  #child(node: Directive | undefined, row: Row, rows: Rows, scope: Scope): MutableOptions {
    const children = node?.children ?? [];
    const told = row.feature !== undefined && node !== undefined;
    const enabled = children.find(({ name }) => name === 'enabled');
    if (told && !isDisabled(enabled, rows)) this.#withoutEffect(node, row, scope);
    return this.block(children, rows, { ...scope, quiet: scope.quiet || told });
  }

  #argument(node: Directive, row: Row & { type: 'blocks' }, path: string): string {
    const [word, extra] = node.args;
    if (word === undefined && row.argument.required)
      this.#diagnostics.error(node, path, `has no ${row.argument.option}`, {
        expected: `'${node.name} NAME {'`,
      });
    if (extra !== undefined)
      this.#diagnostics.error(
        place(node, extra),
        path,
        `takes one ${row.argument.option}, not ${node.args.length}`,
      );
    return word?.text ?? '';
  }

  #shapeFits(node: Directive, row: Row, path: string): boolean {
    const isBlock = row.type === 'block' || row.type === 'blocks' || row.type === 'free';
    if (isBlock === (node.children !== undefined)) {
      const extra = isBlock && row.type !== 'blocks' ? node.args[0] : undefined;
      if (extra !== undefined)
        this.#diagnostics.error(place(node, extra), path, 'takes no argument', { expected: "'{'" });
      return true;
    }
    if (isBlock) this.#diagnostics.error(node, path, 'is a block', { expected: `'${node.name} { … }'` });
    else
      this.#diagnostics.error(node, path, `is not a block${semicolonHint(node) ?? ''}`, {
        expected: `'${node.name} VALUE;'`,
      });
    return false;
  }

  /** As many of them as the limit has room for; that there are more is told once. */
  #within(nodes: readonly Directive[], path: string): readonly Directive[] {
    const room = MAX_REPEATED_BLOCKS - this.#repeatedBlocks;
    this.#repeatedBlocks += nodes.length;
    const over = room >= 0 ? nodes[room] : undefined;
    if (over === undefined) return nodes.slice(0, Math.max(0, room));
    const message = `more than ${MAX_REPEATED_BLOCKS} blocks that may repeat, such as vhosts and ingests`;
    this.#diagnostics.error(over, path, message);
    return nodes.slice(0, room);
  }

  /** As in SRS, the first one counts. */
  #only(nodes: readonly Directive[], path: string): Directive | undefined {
    const [first, ...later] = nodes;
    for (const node of later)
      this.#diagnostics.warn(
        node,
        path,
        `is ignored: ${otherPlace(first ?? node, node)} has it already, and the first one counts`,
      );
    return first;
  }

  #withoutEffect(node: Directive | undefined, row: Row, scope: Scope): void {
    if (node !== undefined && row.feature !== undefined && !scope.quiet)
      this.#diagnostics.withoutEffect(node, scope.path, row.feature);
  }

  #group(nodes: readonly Directive[], rows: Rows, scope: Scope): Map<string, Directive[]> {
    const groups = new Map<string, Directive[]>();
    for (const node of nodes) {
      if (!Object.hasOwn(rows, node.name)) this.#unknown(node, rows, scope.path);
      else {
        const group = groups.get(node.name);
        if (group === undefined) groups.set(node.name, [node]);
        else group.push(node);
      }
    }
    return groups;
  }

  #unknown(node: Directive, rows: Rows, path: string): void {
    if (this.#diagnostics.full) return; // A hint takes time, and a file may have a million wrong names.
    const full = path === '' ? node.name : `${path}.${node.name}`;
    const elsewhere = findRow(rows, node.name, path) ?? findRow(this.#rows, node.name, '');
    if (elsewhere !== undefined) {
      this.#diagnostics.error(node, full, 'does not belong here', { expected: `it as '${elsewhere}'` });
      return;
    }
    const near = suggest(node.name, Object.keys(rows));
    const extras = near === undefined ? {} : { suggestion: near };
    this.#diagnostics.error(node, full, `there is no directive '${printable(node.name)}' here`, extras);
  }
}

/** Where a name may stand: its dotted path below `rows`. */
function findRow(rows: Rows, name: string, path: string): string | undefined {
  const prefix = path === '' ? '' : `${path}.`;
  if (Object.hasOwn(rows, name)) return prefix + name;
  for (const [block, row] of Object.entries(rows)) {
    const found = 'rows' in row ? findRow(row.rows, name, prefix + block) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function wordsOf(node: Directive): readonly string[] {
  return node.args.map(({ text }) => text);
}

/** Whether a block with such an `enabled` directive is off. A block without one is always in use. */
function isDisabled(node: Directive | undefined, rows: Rows): boolean {
  const row = rows['enabled'];
  if (row?.type !== 'flag') return false;
  const text = node?.args[0]?.text;
  if (text === undefined) return !row.default;
  return row.default ? text === 'off' : text !== 'on';
}
