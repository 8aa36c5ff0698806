import { isIPv6 } from 'node:net';
import type { ListenAddress } from './listen-address.ts';
import type { ListsRow } from './schema/row.ts';
import type { LeafRow } from './values.ts';

/** Rows that have a value, not rows of their own. */
export type ValueRow = LeafRow | ListsRow;

/** A value in the JSON form of a configuration. */
export type JsonValue = boolean | number | string | readonly string[] | readonly (readonly string[])[];

/**
 * The words behind the name, for each directive that says the value (of `lists` there may be several, or none). Undefined =
 * the value cannot be written: it means that nothing was.
 */
export function writeValue(row: ValueRow, value: unknown): readonly (readonly string[])[] | undefined {
  const json = jsonValue(row, value);
  switch (row.type) {
    case 'flag':
      return [[json === true ? 'on' : 'off']];
    case 'lists':
      return json as readonly (readonly string[])[];
    case 'list':
    case 'listens':
      return [json as readonly string[]];
    case 'enum':
      return json === '' ? undefined : [[String(json)]];
    case 'text':
      return [json === '' ? [] : [String(json)]];
    case 'int':
    case 'float':
    case 'duration':
    case 'bytes':
    case 'listen':
      return [[typeof json === 'number' ? writeNumber(json) : String(json)]];
    default:
      return row satisfies never;
  }
}

/** An option as JSON has it: numbers in the unit of the directive, addresses as in a file. */
export function jsonValue(row: ValueRow, value: unknown): JsonValue {
  switch (row.type) {
    case 'duration':
      return row.unit === 'ms' ? (value as number) : Math.round((value as number) * 1000) / 1_000_000; // Down to microseconds.
    case 'listen':
      return writeListen(value as ListenAddress);
    case 'listens':
      return (value as readonly ListenAddress[]).map(writeListen);
    case 'flag':
    case 'int':
    case 'float':
    case 'bytes':
    case 'enum':
    case 'text':
    case 'list':
    case 'lists':
      return value as JsonValue;
    default:
      return row satisfies never;
  }
}

/** The default of a row as an option; undefined = it has none. `inherited` is the option of the root. */
export function defaultOption(row: ValueRow, inherited: unknown): unknown {
  switch (row.type) {
    case 'listen':
      return { host: undefined, port: row.default };
    case 'listens':
      return row.default === undefined ? undefined : [{ host: undefined, port: row.default }];
    case 'lists':
      return [];
    case 'bytes':
      return row.default === 'inherited' ? inherited : row.default;
    case 'flag':
    case 'int':
    case 'float':
    case 'duration':
    case 'enum':
    case 'text':
    case 'list':
      return row.default;
    default:
      return row satisfies never;
  }
}

/** The language knows no exponents: `0.0000001`, not `1e-7`. */
function writeNumber(value: number): string {
  const text = String(value);
  return text.includes('e') ? value.toFixed(15).replace(/\.?0+$/, '') : text;
}

/** An address as a directive has it: `1935` is every address. */
function writeListen({ host, port }: Pick<ListenAddress, 'host' | 'port'>): string {
  if (host === undefined) return String(port);
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
