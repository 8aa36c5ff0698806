import { printable } from '../../base/printable.ts';
import { CHECK_NAMES, LEVELS, type Finding, type Level } from './finding.ts';

/** A finding may quote a file or a program; more of it is cut, characters. */
export const MAX_FINDING_TEXT = 1000;

const COLOURS: Readonly<Record<Level, string>> = { ok: '32', note: '36', warning: '33', error: '31' };
const WIDTH = Math.max(...LEVELS.map((level) => level.length));

/** For people: a paragraph for each check, and a last line with the counts. */
export function reportText(source: string, findings: readonly Finding[], colours: boolean): string {
  const paint = (text: string, code: string): string => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
  const lines = [`srs doctor: ${clean(source)}`];
  for (const check of CHECK_NAMES) {
    const own = findings.filter((finding) => finding.check === check);
    if (own.length === 0) continue;
    lines.push('', paint(check, '1'));
    for (const { level, what, mend } of own) {
      lines.push(`  ${paint(level.padEnd(WIDTH), COLOURS[level])}  ${clean(what)}`);
      if (mend !== undefined) lines.push(`  ${' '.repeat(WIDTH)}  -> ${clean(mend)}`);
    }
  }
  const { error, warning, note, ok } = countLevels(findings);
  lines.push(
    '',
    `${plural(error, 'error')}, ${plural(warning, 'warning')}, ${plural(note, 'note')}, ${ok} ok`,
  );
  return `${lines.join('\n')}\n`;
}

/** For programs: one JSON object. */
export function reportJson(source: string, findings: readonly Finding[]): string {
  const counts = countLevels(findings);
  const shown = findings.map(({ check, level, what, mend }) => ({
    check,
    level,
    what: clean(what),
    ...(mend === undefined ? {} : { mend: clean(mend) }),
  }));
  const report = { source: clean(source), healthy: counts.error === 0, counts, findings: shown };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

/** How many findings there are of each level. */
export function countLevels(findings: readonly Finding[]): Readonly<Record<Level, number>> {
  const counts = { ok: 0, note: 0, warning: 0, error: 0 };
  for (const { level } of findings) counts[level] += 1;
  return counts;
}

/** Names of files and programs and answers over the network may hold anything. */
function clean(text: string): string {
  return printable(text, MAX_FINDING_TEXT);
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
