import { DEFAULT_VHOST } from '../base/names.ts';
import { isForeign, KNOWN_VARIABLES } from './foreign-variables.ts';
import { MAX_DIRECTIVE_ARGS } from './parser.ts';
import type { Directive, Word } from './parser.ts';
import type { Diagnostics, Origin } from './problem.ts';
import { ROOT } from './schema/root.ts';
import type { ListsRow, Row, Rows } from './schema/row.ts';
import { suggest } from './suggest.ts';
import type { LeafRow } from './values.ts';

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** One directive that the environment can set. */
export interface EnvironmentVariable {
  readonly name: string;
  /** Other names for it; the earlier one counts, and `name` before all of them. */
  readonly aliases: readonly string[];
  /** Names of the blocks around the directive, outermost first, then its own. */
  readonly path: readonly string[];
  readonly row: LeafRow | ListsRow;
}

/** `SRS_VHOST_HLS_HLS_FRAGMENT` of `vhost`, `hls`, `hls_fragment`. */
export function environmentName(path: readonly string[]): string {
  return ['SRS', ...path].join('_').toUpperCase();
}

/**
 * Every directive that the environment can set. As in SRS, these are all but those of repeatable blocks: a variable cannot say
 * which `ingest` or `stream_caster` it means. `vhost` is the exception, its variables are meant for every vhost.
 */
export function environmentVariables(rows: Rows = ROOT): readonly EnvironmentVariable[] {
  return list(rows, []);
}

/** What a configuration has that needs no file, unless a variable says otherwise. */
export function environmentOnlyTree(): readonly Directive[] {
  const origin = { file: ENVIRONMENT_ONLY, line: 0, column: 0 };
  const words = (...texts: string[]): Word[] => texts.map((text) => ({ text, line: 0, column: 0 }));
  return [
    { name: 'listen', args: words('1935'), children: undefined, ...origin },
    { name: 'daemon', args: words('off'), children: undefined, ...origin },
    { name: 'srs_log_tank', args: words('console'), children: undefined, ...origin },
    { name: 'vhost', args: words(DEFAULT_VHOST), children: [], ...origin },
  ];
}

/** Where the directives of a configuration without a file come from. */
const ENVIRONMENT_ONLY = 'environment only';

/**
 * The tree with what the environment sets in place of what the file says. A variable without a value counts as not set. The
 * value is taken as it is: nothing in it is expanded, and quotes are part of it.
 */
export function overlayEnvironment(
  tree: readonly Directive[],
  env: Environment,
  diagnostics: Diagnostics,
): readonly Directive[] {
  const given = Object.keys(env).filter((name) => name.startsWith(PREFIX) && isSet(env, name));
  if (given.length === 0) return tree;
  const known = new Set<string>(KNOWN_VARIABLES);
  let result = tree;
  for (const variable of environmentVariables()) {
    const names = [variable.name, ...variable.aliases];
    for (const name of names) known.add(name);
    const [first, ...others] = names.filter((name) => isSet(env, name));
    if (first === undefined) continue;
    const value = env[first] ?? '';
    for (const other of others) {
      if (env[other] !== value)
        diagnostics.warn(originOf(other), variable.path.join('.'), `is ignored: ${first} says it too`);
    }
    const made = toDirectives(variable, value, originOf(first), diagnostics);
    if (made !== undefined) result = place(result, variable.path, made, originOf(first));
  }
  for (const name of given.toSorted()) {
    if (!known.has(name) && !isForeign(name, env[name] ?? '')) tellUnknown(name, known, diagnostics);
  }
  return result;
}

const PREFIX = 'SRS_';

/** Names of the root that SRS 7 has in a block of its own. */
const RTMP_BLOCK: ReadonlySet<string> = new Set(['listen', 'chunk_size']);

function list(rows: Rows, blocks: readonly string[]): EnvironmentVariable[] {
  return Object.entries(rows).flatMap(([name, row]): EnvironmentVariable[] => {
    const path = [...blocks, name];
    if (row.type === 'block' || isVhost(path)) return 'rows' in row ? list(row.rows, path) : [];
    if (row.type === 'blocks' || row.type === 'free') return [];
    return [{ name: environmentName(path), aliases: aliasesOf(path), path, row }];
  });
}

function isVhost(path: readonly string[]): boolean {
  return path.length === 1 && path[0] === 'vhost';
}

/** SRS takes `SRS_LOG_TANK` for `srs_log_tank`, beside the regular `SRS_SRS_LOG_TANK`; and SRS 7 has `rtmp { listen; }`. */
function aliasesOf(path: readonly string[]): readonly string[] {
  const [first = '', ...rest] = path;
  if (rest.length > 0) return [];
  if (first.startsWith('srs_')) return [first.toUpperCase()];
  return RTMP_BLOCK.has(first) ? [environmentName(['rtmp', first])] : [];
}

function isSet(env: Environment, name: string): boolean {
  return Object.hasOwn(env, name) && env[name] !== undefined && env[name] !== '';
}

function originOf(name: string): Origin {
  return { file: `environment ${name}`, line: 0, column: 0 };
}

function toDirectives(
  variable: EnvironmentVariable,
  value: string,
  origin: Origin,
  diagnostics: Diagnostics,
): readonly Directive[] | undefined {
  const path = variable.path.join('.');
  if (value.includes('\uFFFD')) {
    diagnostics.error(origin, path, 'holds bytes that are not UTF-8 text');
    return undefined;
  }
  const lines = wordsOf(variable.row, value);
  if (lines.some((words) => words.length > MAX_DIRECTIVE_ARGS)) {
    diagnostics.error(origin, path, `more than ${MAX_DIRECTIVE_ARGS} arguments`);
    return undefined;
  }
  const name = variable.path.at(-1) ?? '';
  return lines.map((words) => ({
    ...origin,
    name,
    args: words.map((text) => ({ text, line: 0, column: 0 })),
    children: undefined,
  }));
}

/** The words of each directive that a value stands for. */
function wordsOf(row: Row, value: string): readonly (readonly string[])[] {
  const split = (text: string): string[] => text.split(/[ \t\r\n]+/).filter((word) => word !== '');
  if (row.type === 'list' || row.type === 'listens') return [split(value)];
  if (row.type === 'text') return [[value]];
  if (row.type !== 'lists') return [[value.trim()]];
  const directives = value.split(';').map(split); // As in a file, a `;` ends one and begins the next.
  return directives.filter((words) => words.length > 0);
}

/** The tree with `made` instead of the directives of that path; blocks that are not there are added. */
function place(
  nodes: readonly Directive[],
  path: readonly string[],
  made: readonly Directive[],
  origin: Origin,
): readonly Directive[] {
  const [name = '', ...rest] = path;
  if (rest.length === 0) return [...nodes.filter((node) => node.name !== name), ...made];
  const at = nodes.findIndex((node) => node.name === name);
  if (at === -1) {
    const args = name === 'vhost' ? [{ text: DEFAULT_VHOST, line: 0, column: 0 }] : [];
    return [...nodes, { ...origin, name, args, children: place([], rest, made, origin) }];
  }
  // Of two blocks of one name the first one counts, but every vhost does. What should be a block and is none is told later.
  return nodes.map((node, i) => {
    if (node.children === undefined || (name === 'vhost' ? node.name !== name : i !== at)) return node;
    return { ...node, children: place(node.children, rest, made, origin) };
  });
}

function tellUnknown(name: string, known: ReadonlySet<string>, diagnostics: Diagnostics): void {
  const origin = originOf(name);
  if (isOfRepeatable(name)) {
    diagnostics.warn(origin, '', 'is ignored: a variable cannot say which of several blocks it means', {
      expected: 'the directive in a file',
    });
    return;
  }
  const listen = name.replace(/_PORT$/, '_LISTEN'); // What is a port elsewhere is `listen` here.
  const near = known.has(listen) ? listen : suggest(name, known);
  const extras = near === undefined ? {} : { suggestion: near };
  diagnostics.warn(origin, '', 'is ignored: there is no directive of that name', extras);
}

/** Whether a name looks like a directive of a repeatable block that is not `vhost`. */
function isOfRepeatable(name: string): boolean {
  const search = (rows: Rows, blocks: readonly string[], inside: boolean): boolean =>
    Object.entries(rows).some(([key, row]) => {
      const path = [...blocks, key];
      if ('rows' in row) return search(row.rows, path, inside || (row.type === 'blocks' && !isVhost(path)));
      return inside && environmentName(path) === name;
    });
  return search(ROOT, [], false);
}
