import type { ConfigChange } from './diff.ts';
import { formatListen } from './listen-address.ts';
import type { ListenAddress } from './listen-address.ts';
import { printable } from './problem.ts';
import { ROOT } from './schema/root.ts';
import type { Row, Rows } from './schema/row.ts';
import { formatBytes, formatDuration } from './units.ts';

/** A text is shown up to so many characters. */
const MAX_SHOWN = 60;

/**
 * A change in words: `vhost.play.mw_latency of vhost a: 350ms -> 100ms`, `vhost b is added`. Nothing secret is in it:
 * addresses of other servers are shown without names, passwords, paths and queries.
 */
export function describeChange(change: ConfigChange): string {
  const { directive, kind, from, to } = change;
  if (kind !== 'changed') return `${describeBlock(change)} is ${kind}`;
  const row = rowAt(directive);
  const [old, now] = [show(row, from), show(row, to)];
  const values = old === undefined || now === undefined || old === now ? 'changed' : `${old} -> ${now}`;
  return `${directive}${describePlace(change)}: ${values}`;
}

/** What is meant, without its value: `vhost.play.mw_latency of vhost a`, `vhost b`. */
export function describeDirective(change: ConfigChange): string {
  return change.kind === 'changed' ? `${change.directive}${describePlace(change)}` : describeBlock(change);
}

/** `vhost a`, `ingest 1 of vhost a`. */
function describeBlock({ directive, vhost, id }: ConfigChange): string {
  const name = directive.slice(directive.lastIndexOf('.') + 1);
  if (id === undefined) return `${name} ${printable(vhost ?? '')}`;
  return `${name} ${printable(id)}${vhost === undefined ? '' : ` of vhost ${printable(vhost)}`}`;
}

function describePlace({ vhost, id }: ConfigChange): string {
  const of = [];
  if (id !== undefined) of.push(printable(id));
  if (vhost !== undefined) of.push(`vhost ${printable(vhost)}`);
  return of.map((part) => ` of ${part}`).join('');
}

/** The row of a dotted path; undefined when there is none. */
export function rowAt(directive: string): Row | undefined {
  let rows: Rows = ROOT;
  let row: Row | undefined;
  for (const name of directive.split('.')) {
    row = Object.hasOwn(rows, name) ? rows[name] : undefined;
    if (row === undefined) return undefined;
    rows = 'rows' in row ? row.rows : {};
  }
  return row;
}

/** A value as it may be shown; undefined = it has no short form, or is nobody's business. */
function show(row: Row | undefined, value: unknown): string | undefined {
  if (row === undefined) return undefined;
  switch (row.type) {
    case 'flag':
      return value === true ? 'on' : 'off';
    case 'int':
    case 'float':
      return String(value);
    case 'duration':
      return formatDuration(Number(value));
    case 'bytes':
      return formatBytes(Number(value));
    case 'enum':
      return value === '' ? "''" : String(value);
    case 'listen':
      return formatListen(value as ListenAddress);
    case 'listens':
      return (value as readonly ListenAddress[]).map(formatListen).join(' ');
    case 'text':
      return row.secret === true ? undefined : showText(String(value));
    case 'list':
    case 'lists':
    case 'block':
    case 'blocks':
    case 'free':
      return undefined;
    default:
      return row satisfies never;
  }
}

function showText(text: string): string {
  const url = /^([a-z][a-z0-9+.-]*):\/\/(?:[^/?#]*@)?([^/?#@]*)/i.exec(text);
  if (url !== null) return printable(`${url[1] ?? ''}://${url[2] ?? ''}/…`);
  const plain = text.replace(/[?#].*$/s, '?…').replace(/^.*@/s, '…@');
  return `'${printable(plain.length > MAX_SHOWN ? `${plain.slice(0, MAX_SHOWN)}…` : plain)}'`;
}
