import { ServerError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import type { RawUpdate, VhostAction } from './raw-source.ts';

/** Longest value of an update, characters. */
export const MAX_RAW_VALUE = 1_024;
/** Ports of one update of `listen`. */
export const MAX_RAW_PORTS = 64;

/** The query of a request; a name that is written twice has an array. */
export type RawQuery = Readonly<Record<string, unknown>>;

/** Where paths may be: SRS lets the API name files below the working directory, /tmp and /var. */
const FOLDERS = ['./', '/tmp/', '/var/'];
const LEVELS = ['verbose', 'info', 'trace', 'warn', 'error'];
const VHOST_ACTIONS: readonly VhostAction[] = ['create', 'update', 'delete', 'disable', 'enable'];

/** The words of a directive; a text says what the value must be. */
type Rule = (value: string) => readonly string[] | string;

/** Directives of the root that may be changed, with SRS's rules. */
const DIRECTIVES: Readonly<Record<string, Rule>> = {
  listen: ports,
  pid: path((value) => value.endsWith('.pid'), ' that ends with .pid'),
  chunk_size: whole(128, 65_535),
  ff_log_dir: (value) => (value === '/dev/null' ? [value] : path(() => true, ' or /dev/null')(value)),
  srs_log_tank: word(['file', 'console']),
  srs_log_level: word(LEVELS),
  srs_log_file: path((value) => value.endsWith('.log'), ' that ends with .log'),
  max_connections: whole(10, 65_535),
  utc_time: (value) => (value === 'true' ? ['on'] : value === 'false' ? ['off'] : 'true or false'),
  pithy_print_ms: whole(100, 300_000),
};

/** All of `scope`. */
const RAW_SCOPES: readonly string[] = [...Object.keys(DIRECTIVES), 'vhost', 'dvr'];

/** What the query of `rpc=update` asks for. Throws RAW_NOT_ALLOWED for an unknown scope or param, RAW_PARAMETERS for bad values. */
export function rawUpdateOf(query: RawQuery): RawUpdate {
  const scope = textOf(query, 'scope');
  if (scope === undefined || !RAW_SCOPES.includes(scope))
    throw new ServerError('RAW_NOT_ALLOWED', `scope must be one of ${RAW_SCOPES.join(', ')}`);
  const value = textOf(query, 'value');
  if (value === undefined || value === '') throw bad('value', 'is missing');
  if (scope === 'vhost') return vhostUpdate(value, query);
  if (scope === 'dvr') return dvrUpdate(value, query);
  const words = Object.hasOwn(DIRECTIVES, scope) ? DIRECTIVES[scope]?.(value) : undefined;
  if (typeof words === 'object') return { kind: 'set', directive: scope, words };
  throw bad('value', `must be ${words ?? 'something else'}`);
}

function vhostUpdate(name: string, query: RawQuery): RawUpdate {
  const param = textOf(query, 'param');
  const action = VHOST_ACTIONS.find((one) => one === param);
  if (action === undefined) throw notAllowed(VHOST_ACTIONS);
  checkName('value', name);
  if (action !== 'update') return { kind: 'vhost', action, name };
  const newName = textOf(query, 'data');
  if (newName === undefined || newName === '') throw bad('data', 'is missing: it is the new name');
  checkName('data', newName);
  return { kind: 'vhost', action, name, newName };
}

function dvrUpdate(vhost: string, query: RawQuery): RawUpdate {
  const action = textOf(query, 'param');
  if (action !== 'enable' && action !== 'disable') throw notAllowed(['enable', 'disable']);
  checkName('value', vhost);
  const stream = textOf(query, 'data');
  if (stream === undefined || !/^[^/\s]+(?:\/[^/\s]+)+$/.test(stream))
    throw bad('data', 'must be app/stream');
  return { kind: 'dvr', action, vhost, stream };
}

function ports(value: string): readonly string[] | string {
  const all = value.split(',');
  const fits = all.every((port) => /^\d{1,5}$/.test(port) && Number(port) > 2 && Number(port) < 65_535);
  return fits && all.length <= MAX_RAW_PORTS ? all : 'ports from 3 to 65534 with commas between them';
}

function whole(min: number, max: number): Rule {
  return (value) =>
    /^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max
      ? [String(Number(value))]
      : `a whole number from ${min} to ${max}`;
}

function word(words: readonly string[]): Rule {
  return (value) => (words.includes(value) ? [value] : words.join(', '));
}

function path(fits: (value: string) => boolean, form: string): Rule {
  return (value) =>
    FOLDERS.some((folder) => value.startsWith(folder)) && !value.split('/').includes('..') && fits(value)
      ? [value]
      : `a path below ${FOLDERS.join(', ')}${form}`;
}

/** A name may be anything that a file of the configuration can say without quotes. */
function checkName(parameter: string, name: string): void {
  if (/[\s{};#"'\\]/.test(name)) throw bad(parameter, 'has a character that no name of a vhost has');
}

/** One value of the query, as it is; undefined = not there. */
function textOf(query: RawQuery, name: string): string | undefined {
  const value = query[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw bad(name, 'is there twice');
  if (value.length > MAX_RAW_VALUE) throw bad(name, `has more than ${MAX_RAW_VALUE} characters`);
  if (/[\u0000-\u001f\u007f\uFFFD]/.test(value)) throw bad(name, 'holds bytes that are no text');
  return value;
}

function notAllowed(params: readonly string[]): ServerError {
  return new ServerError('RAW_NOT_ALLOWED', `param must be one of ${params.join(', ')}`);
}

function bad(parameter: string, what: string): ServerError {
  return new ServerError('RAW_PARAMETERS', `${parameter} ${printable(what, MAX_RAW_VALUE)}`);
}
