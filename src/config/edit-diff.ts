import { placesOf, type PlacedDirective } from './edit-layout.ts';
import { applyEdits, type TextEdit } from './edit.ts';
import { MASK, withoutPassword } from './effective.ts';
import type { Rows } from './schema/row.ts';
import { ROOT } from './schema/root.ts';

/** Lines around a change. */
const CONTEXT = 3;
/** Lines of a difference that are shown; the rest is counted. */
export const MAX_DIFF_LINES = 1_000;

/**
 * What is different in `after`, as lines of a unified diff with one hunk. Secrets are masked in both, so that a change of
 * nothing but a secret has no lines.
 */
export function diffTexts(file: string, before: string, after: string): readonly string[] {
  const old = linesOf(maskSecrets(before));
  const now = linesOf(maskSecrets(after));
  let same = 0;
  while (same < old.length && same < now.length && old[same] === now[same]) same++;
  let end = 0;
  while (end < old.length - same && end < now.length - same && old.at(-1 - end) === now.at(-1 - end)) end++;
  if (same === old.length && same === now.length) return [];
  const from = Math.max(0, same - CONTEXT);
  const tail = old.slice(old.length - end, old.length - end + CONTEXT);
  const removed = old.slice(same, old.length - end);
  const added = now.slice(same, now.length - end);
  const context = old.slice(from, same);
  const count = (changed: readonly string[]): string => {
    const lines = context.length + changed.length + tail.length;
    return `${lines === 0 ? from : from + 1},${lines}`;
  };
  const lines = [
    `--- ${file}`,
    `+++ ${file}`,
    `@@ -${count(removed)} +${count(added)} @@`,
    ...context.map((line) => ` ${line}`),
    ...removed.map((line) => `-${line}`),
    ...added.map((line) => `+${line}`),
    ...tail.map((line) => ` ${line}`),
  ];
  const more = lines.length - MAX_DIFF_LINES;
  return more > 0 ? [...lines.slice(0, MAX_DIFF_LINES), `… and ${more} more lines`] : lines;
}

/** The text with the arguments of secret directives masked, and passwords of URLs. */
function maskSecrets(text: string): string {
  const edits: TextEdit[] = [];
  const secrets = secretNames(ROOT, new Set());
  const walk = (directives: readonly PlacedDirective[]): void => {
    for (const { words, block } of directives) {
      const [name, ...args] = words;
      for (const at of args) {
        const word = text.slice(at.from, at.to);
        edits.push({ at, text: secrets.has(name.text) ? MASK : withoutPassword(word) });
      }
      if (block !== undefined) walk(block.children);
    }
  };
  walk(placesOf(text).children);
  // Comments, too. A parameter of a URL ends at a `;` there.
  return applyEdits(text, edits).split(';').map(withoutPassword).join(';');
}

/** Names of directives with secrets, wherever they stand: a name that is secret somewhere is masked everywhere. */
function secretNames(rows: Rows, names: Set<string>): ReadonlySet<string> {
  for (const [name, row] of Object.entries(rows)) {
    if ('secret' in row) names.add(name);
    if ('rows' in row) secretNames(row.rows, names);
  }
  return names;
}

function linesOf(text: string): readonly string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}
