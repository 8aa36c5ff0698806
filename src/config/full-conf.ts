import { DEFAULT_VHOST } from '../base/names.ts';
import { quoteWord } from './printer.ts';
import type { Rows } from './schema/row.ts';
import { ROOT } from './schema/root.ts';
import { formatBytes, formatDuration } from './units.ts';
import { expectation } from './values.ts';
import { defaultOption, writeValue } from './write-value.ts';
import type { ValueRow } from './write-value.ts';

/** The text of `conf/full.conf`: every directive of the schema with its default and what there is to know about it. */
export function renderFullConf(rows: Rows = ROOT): string {
  const lines: string[] = INTRODUCTION.map((text) => `# ${text}`);
  renderRows(rows, '', false, lines);
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

const INTRODUCTION = [
  'Every directive, with its default. This file is made from the table that the server itself reads by, with:',
  'node --import tsx scripts/generated-files.ts',
  '',
  'It can be loaded (srs -t -c conf/full.conf), and does what "listen 1935;" with an empty vhost __defaultVhost__ does.',
  'Copy from it what you want to change; to begin with, the short files beside it are better.',
  '',
  'A "#" right before a name is a directive that is not set here: one without a default or with an example, one in a block',
  'that only an example needs, and one that this server accepts but does not do. The latter are marked "not yet:" (the',
  'feature is not there yet) or "never:" (it makes sense inside the program SRS only); the server warns of each that is asked',
  'for. "reload: yes" says that a changed value takes effect by a reload (SIGHUP), without a restart.',
  '',
  'Values may have units of their own: 500ms, 10s, 1.5m, 2h, 1d for times, 64K, 50M, 1G for amounts.',
];

/** Names and ids of the repeatable blocks here. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  vhost: DEFAULT_VHOST,
  ingest: 'livestream',
  transcode: 'live/livestream',
};

const MARKS = { planned: 'not yet: ', none: 'never: ' } as const;

/** `off`: a block around it is not set, so nothing in it can be. */
function renderRows(rows: Rows, indent: string, off: boolean, lines: string[]): void {
  for (const [name, row] of Object.entries(rows)) {
    const several = row.type === 'blocks' || row.type === 'lists' ? ' May stand there several times.' : '';
    lines.push('', `${indent}# ${row.feature === undefined ? '' : MARKS[row.feature]}${row.doc}${several}`);
    const put = (text: string, isOff: boolean): void => {
      lines.push(`${indent}${isOff ? '#' : ''}${text}`);
    };
    if ('rows' in row) {
      const isOff = off || row.feature !== undefined || (row.type === 'blocks' && name !== 'vhost');
      const argument = ARGUMENTS[name];
      put(`${argument === undefined ? name : `${name} ${argument}`} {`, isOff);
      renderRows(row.rows, `${indent}    `, isOff, lines);
      put('}', isOff);
    } else if (row.type === 'free') put(`${name} { }`, true);
    else {
      lines.push(`${indent}# ${facts(row)}`);
      const text = directiveOf(name, row);
      put(text ?? `${name} ${exampleOf(row)};`, off || row.feature !== undefined || text === undefined);
    }
  }
}

/** `Value: a whole number from 1 to 1000000; reload: yes.` */
function facts(row: ValueRow): string {
  const notes = [`Value: ${row.type === 'lists' ? 'texts' : expectation(row)}`];
  if (row.type === 'duration') notes.push(`a plain number is in ${row.unit}`);
  if (row.type === 'duration') notes.push(`default: ${formatDuration(row.default)}`);
  if (row.type === 'bytes')
    notes.push(`default: ${row.default === 'inherited' ? 'the global value' : formatBytes(row.default)}`);
  if (row.type === 'bytes' && row.sane !== undefined)
    notes.push(`a warning outside ${row.sane[0]} to ${row.sane[1]}`);
  notes.push(`reload: ${row.reload === 'restart' ? 'no' : 'yes'}`);
  return `${notes.join('; ')}.`;
}

/** The directive that says the default; undefined = none does. */
function directiveOf(name: string, row: ValueRow): string | undefined {
  if (row.type === 'bytes' && row.default === 'inherited') return undefined;
  // Where nothing is the default, there must be an address.
  const option = defaultOption(row, undefined) ?? [{ host: undefined, port: 1935 }];
  const [words] = writeValue(row, option) ?? [];
  return words === undefined ? undefined : `${[name, ...words].map(quoteWord).join(' ')};`;
}

/** A value for what has no default. */
function exampleOf(row: ValueRow): string {
  if (row.type === 'enum') return row.values[0] ?? '';
  if (row.type === 'lists' && row.form === 'api-token') return `read sha256:${'0'.repeat(64)}`;
  if (row.type === 'lists' && (row.form === 'sign-key' || row.form === 'jwt-secret')) {
    return 'k1 use-32-or-more-random-characters-here';
  }
  if (row.type === 'lists') return row.form === 'access-rule' ? 'play all' : 'ffmpeg -version';
  return '60000';
}
