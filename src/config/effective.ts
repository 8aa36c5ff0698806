import { isDeepStrictEqual } from 'node:util';
import type { LoadedConfig } from './load.ts';
import { printable } from './problem.ts';
import type { Origin } from './problem.ts';
import { optionKey } from './schema/row.ts';
import type { Row, Rows } from './schema/row.ts';
import { ROOT } from './schema/root.ts';
import { defaultOption, jsonValue, writeValue } from './write-value.ts';
import type { JsonValue, ValueRow } from './write-value.ts';

interface EffectiveBase {
  readonly name: string;
  /** Where it comes from: `default`, `conf/a.conf:12`, `environment SRS_LISTEN`. */
  readonly source: string;
  /** The directive's path in the JSON form: `vhost[0].play.mw_latency`. */
  readonly path: string;
}

/** The value of a directive. */
export interface EffectiveValue extends EffectiveBase {
  readonly kind: 'value';
  readonly json: JsonValue;
  /** The words of each directive that says so; undefined = no directive can. */
  readonly lines: readonly (readonly string[])[] | undefined;
  readonly isDefault: boolean;
}

/** A block with everything that may be in it. */
export interface EffectiveBlock extends EffectiveBase {
  readonly kind: 'block';
  /** The name or id of a repeatable block, and what JSON calls it. */
  readonly argument: { readonly option: string; readonly text: string } | undefined;
  readonly members: readonly Effective[];
}

export type Effective = EffectiveValue | EffectiveBlock;

/** What is shown of a secret. */
export const MASK = '******';

type Options = Readonly<Record<string, unknown>>;

/** Every directive that is in force, in the order of the schema. What has no effect is not in it; secrets are masked. */
export function effectiveConfig(loaded: LoadedConfig, rows: Rows = ROOT): readonly Effective[] {
  const root = loaded.config as unknown as Options;
  const sourceAt = (key: string): string => {
    const origin = loaded.origins.get(key);
    return origin === undefined ? 'default' : formatSource(origin);
  };
  const block = (inner: Rows, options: Options, key: string, path: string): Effective[] =>
    Object.entries(inner).flatMap(([name, row]): Effective[] => {
      if (row.feature !== undefined || row.type === 'free') return [];
      const option = optionKey(name, row);
      const value = options[option];
      const at = { key: join(key, option), path: join(path, name) };
      if (row.type === 'blocks')
        return (value as readonly Options[]).map((one, i) =>
          member(name, row, one, `${at.key}[${i}]`, `${at.path}[${i}]`),
        );
      return [member(name, row, value, at.key, at.path)];
    });
  const member = (name: string, row: Row, value: unknown, key: string, path: string): Effective => {
    const base = { name, path, source: sourceAt(key) };
    if ('rows' in row) {
      const options = value as Options;
      const option = row.type === 'blocks' ? row.argument.option : undefined;
      const argument = option === undefined ? undefined : { option, text: String(options[option]) };
      return { ...base, kind: 'block', argument, members: block(row.rows, options, key, path) };
    }
    return { ...base, ...valueOf(row as ValueRow, value, root[optionKey(name, row)]) };
  };
  return block(rows, root, '', '');
}

function valueOf(
  row: ValueRow,
  value: unknown,
  inherited: unknown,
): Pick<EffectiveValue, 'kind' | 'json' | 'lines' | 'isDefault'> {
  const shown = masked(row, value);
  const json = jsonValue(row, shown);
  const usual = defaultOption(row, inherited);
  return {
    kind: 'value',
    json,
    lines: writeValue(row, shown),
    isDefault: usual !== undefined && isDeepStrictEqual(json, masked(row, jsonValue(row, usual))),
  };
}

/** The same value without what is nobody's business: secrets, and passwords in URLs. */
function masked(row: ValueRow, value: unknown): unknown {
  if (row.type === 'text') {
    if (row.secret === true && value !== '') return MASK;
    return withoutPassword(value as string);
  }
  if (row.type === 'list') return (value as readonly string[]).map(withoutPassword);
  if (row.type === 'lists')
    return (value as readonly (readonly string[])[]).map((words) =>
      words.map((word, i) => (row.secret === true && i > 0 ? MASK : withoutPassword(word))),
    );
  return value;
}

/** Names of query parameters whose values open something. */
const SECRET_PARAMETER = /([?&][^\s?&=#]*(?:key|secret|token|passw|auth|sign)[^\s?&=#]*=)[^\s&#'"]+/gi;

/**
 * `rtsp://name:password@host/path?token=x` (RFC 3986, 3.2.1) with password and token masked. A password may hold an `@` that
 * should have been escaped: the last one before the path counts, as for those who read the URL.
 */
export function withoutPassword(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]*:\/\/[^\s/?#@:]*):[^\s/?#]*@/gi, `$1:${MASK}@`)
    .replace(SECRET_PARAMETER, `$1${MASK}`);
}

function formatSource(origin: Origin): string {
  const text = origin.line === 0 ? origin.file : `${origin.file}:${origin.line}`;
  return /[\p{Cc}\p{Cf}\u2028\u2029]/u.test(text) ? printable(text) : text;
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
