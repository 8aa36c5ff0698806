import { formatListen, parseListen } from './listen-address.ts';
import type { ListenAddress } from './listen-address.ts';
import type { Directive, Word } from './parser.ts';
import { formFits } from './forms.ts';
import { copyOrigin, printable } from './problem.ts';
import type { Diagnostics, Origin } from './problem.ts';
import type { BlockRow, BlocksRow, FreeRow, ListsRow, Row } from './schema/row.ts';
import { suggest } from './suggest.ts';
import { formatBytes, formatDuration, MAX_DURATION_MS, parseBytes, parseDuration } from './units.ts';

/** A row whose value is in the arguments of one directive. */
export type LeafRow = Exclude<Row, BlockRow | BlocksRow | FreeRow | ListsRow>;

/** What reading values needs to know besides the row. */
export interface ValueContext {
  readonly diagnostics: Diagnostics;
  /** What messages call the file when they mean all of it. */
  readonly file: string;
  /** Port 0 lets the system pick one: for tests and programs that embed the server. */
  readonly allowPortZero: boolean;
  /** How many addresses this machine has, for a directive that picks one of them. */
  readonly localAddresses: number;
  /** Some file could not be read: what is missing may be in it. */
  readonly incomplete?: boolean;
}

/** The value of a directive; undefined after a problem was told. */
export function readValue(node: Directive, row: LeafRow, path: string, context: ValueContext): unknown {
  const { diagnostics } = context;
  if (row.type === 'list')
    return formFits(node, row, path, diagnostics) ? node.args.map(({ text }) => text) : undefined;
  const [word] = node.args;
  if (word === undefined && row.type === 'text' && row.notEmpty !== true) return '';
  if (word === undefined) {
    diagnostics.error(node, path, 'has no value', { expected: expectation(row) });
    return undefined;
  }
  if (row.type === 'listens') return readListens(node, path, context);
  const extra = node.args[1];
  if (extra !== undefined && row.type === 'listen') {
    // SRS 7 writes `1985 [::]:1985`, which here is one listener.
    const listens = readListens(node, path, context);
    const second = listens?.[1];
    if (second === undefined) return listens?.[0];
    context.diagnostics.error(second.origin, path, `takes one address, not ${node.args.length}`);
    return undefined;
  }
  if (extra !== undefined) {
    const hint = semicolonHint(node) ?? '';
    diagnostics.error(place(node, extra), path, `takes one value, not ${node.args.length}${hint}`);
    return undefined;
  }
  if (row.type === 'text' && !formFits(node, row, path, diagnostics)) return undefined;
  return readWord(place(node, word), word.text, row, path, context);
}

function readWord(at: Origin, text: string, row: LeafRow, path: string, context: ValueContext): unknown {
  const { diagnostics } = context;
  const wrong = (suggestion?: string): unknown => {
    const extras = { expected: expectation(row), ...(suggestion === undefined ? {} : { suggestion }) };
    diagnostics.error(at, path, `'${printable(text)}' is not possible here`, extras);
    return undefined;
  };
  switch (row.type) {
    case 'flag': {
      const prefer = row.prefer ?? (row.default ? 'on' : 'off');
      const value = prefer === 'on' ? text !== 'off' : text === 'on';
      if (text !== 'on' && text !== 'off') {
        const message = `'${printable(text)}' is read as ${value ? 'on' : 'off'}`;
        diagnostics.warn(at, path, message, { expected: 'on or off' });
      }
      return value;
    }
    case 'int':
      if (!/^-?\d{1,15}$/.test(text) || !inRange(Number(text), row)) return wrong();
      if (row.form === 'local-address' && Number(text) >= context.localAddresses) {
        const message = `${text} is too large: this machine has ${context.localAddresses} addresses`;
        diagnostics.error(at, path, message, {
          expected: `a number from 0 to ${context.localAddresses - 1}`,
        });
        return undefined;
      }
      return Number(text);
    case 'float':
      return /^-?\d{1,15}(\.\d{1,15})?$/.test(text) && inRange(Number(text), row) ? Number(text) : wrong();
    case 'duration': {
      const ms = parseDuration(text, row.unit);
      if (ms === undefined || (row.fraction !== true && !Number.isInteger(ms))) return wrong();
      return inRange(ms, { min: row.min ?? 0, max: row.max ?? MAX_DURATION_MS }) ? ms : wrong();
    }
    case 'bytes': {
      const bytes = parseBytes(text);
      if (bytes === undefined || !inRange(bytes, row)) return wrong();
      if (row.sane !== undefined && !inRange(bytes, { min: row.sane[0], max: row.sane[1] })) {
        const expected = `${row.sane[0]} to ${row.sane[1]}`;
        diagnostics.warn(at, path, `${bytes} is unusual and may trouble clients`, { expected });
      }
      return bytes;
    }
    case 'enum':
      if (row.values.includes(text)) return text;
      if (row.otherwise === undefined) return wrong(suggest(text, row.values));
      diagnostics.warn(at, path, `'${printable(text)}' is read as ${row.otherwise}`, {
        expected: expectation(row),
      });
      return row.otherwise;
    case 'text':
      return text;
    case 'listen':
    case 'listens':
    case 'list':
      return readListen(at, text, path, context);
    default:
      return row satisfies never;
  }
}

function readListen(
  at: Origin,
  text: string,
  path: string,
  context: ValueContext,
): ListenAddress | undefined {
  const parsed = parseListen(text, context.allowPortZero);
  if (typeof parsed !== 'string') return { ...parsed, directive: path, origin: at };
  context.diagnostics.error(at, path, printable(parsed), { expected: LISTEN_EXPECTATION });
  return undefined;
}

function readListens(node: Directive, path: string, context: ValueContext): ListenAddress[] | undefined {
  const listens: ListenAddress[] = [];
  const hint = semicolonHint(node);
  if (hint !== undefined) {
    const late = node.args.find((word, i) => word.line > (node.args[i - 1]?.line ?? node.line)) ?? node;
    if (typeof parseListen('text' in late ? late.text : '') === 'string') {
      context.diagnostics.error(place(node, late), path, `takes addresses only${hint}`);
      return undefined;
    }
  }
  for (const word of node.args) {
    const listen = readListen(place(node, word), word.text, path, context);
    if (listen === undefined) return undefined;
    const same = listens.some(({ host, port }) => host === listen.host && port === listen.port && port !== 0);
    if (same) context.diagnostics.warn(listen.origin, path, `'${printable(word.text)}' is listed twice`);
    else listens.push(listen);
  }
  return listens.filter((listen, i) => {
    const whole = listens.find((other, o) => covers(other, listen) && (o < i || !covers(listen, other)));
    if (whole === undefined || whole === listen) return true;
    const message = `'${formatListen(listen)}' is ignored: '${formatListen(whole)}' is every address of the machine`;
    context.diagnostics.warn(listen.origin, path, message);
    return false;
  });
}

/** Whether listening on `a` leaves nothing to listen on at `b`: without a host it is every address, and so is `::`. */
function covers(a: ListenAddress, b: ListenAddress): boolean {
  return a !== b && a.port === b.port && a.port !== 0 && (a.host === undefined || a.host === '::');
}

/** When the arguments go on in the next line, the usual reason is a `;` that is not there. */
export function semicolonHint(node: Directive): string | undefined {
  let line = node.line;
  for (const word of node.args) {
    if (word.line > line) return `; is a ';' missing at the end of line ${line}?`;
    line = word.line;
  }
  return undefined;
}

/** The place of one argument. */
export function place(node: Directive, word: Pick<Word, 'line' | 'column'>): Origin {
  return copyOrigin({ ...node, line: word.line, column: word.column });
}

function inRange(value: number, range: { readonly min?: number; readonly max?: number }): boolean {
  return value >= (range.min ?? 0) && value <= (range.max ?? Number.MAX_SAFE_INTEGER);
}

const LISTEN_EXPECTATION = 'a port from 1 to 65535, 127.0.0.1:PORT or [::1]:PORT';

/** What a row accepts, in words. */
export function expectation(row: LeafRow): string {
  switch (row.type) {
    case 'flag':
      return 'on or off';
    case 'int':
      return `a whole number${rangeText(row, String)}`;
    case 'float':
      return `a number${rangeText(row, String)}`;
    case 'duration': {
      const unit = row.unit === 'ms' ? 'milliseconds' : 'seconds';
      return `a time such as 500ms, 10s or a number of ${unit}${rangeText({ ...row, max: row.max ?? MAX_DURATION_MS }, formatDuration)}`;
    }
    case 'bytes':
      return `an amount such as 4096, 64K or 50M${rangeText(row, formatBytes)}`;
    case 'enum':
      return row.values.join(', ').replace(/, ([^,]+)$/, ' or $1');
    case 'text':
      return 'a text';
    case 'list':
      return 'any number of texts';
    case 'listen':
      return LISTEN_EXPECTATION;
    case 'listens':
      return `one or more of ${LISTEN_EXPECTATION}`;
    default:
      return row satisfies never;
  }
}

/** ` from A to B`, ` of at least A`, or nothing. */
export function rangeText(
  range: { readonly min?: number; readonly max?: number },
  format: (value: number) => string,
): string {
  if (range.max !== undefined) return ` from ${format(range.min ?? 0)} to ${format(range.max)}`;
  return range.min === undefined ? '' : ` of at least ${format(range.min)}`;
}
