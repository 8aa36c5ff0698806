import type { PlacedBlock, PlacedDirective, Span } from './edit-layout.ts';
import { quoteWord } from './printer.ts';

/** Replaces what stands at `at` by `text`; edits of one text do not overlap. */
export interface TextEdit {
  readonly at: Span;
  readonly text: string;
}

/** The text with the edits in it; everything else stays as it is, byte for byte. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  let result = '';
  let done = 0;
  for (const { at, text: now } of [...edits].sort((a, b) => a.at.from - b.at.from)) {
    result += text.slice(done, at.from) + now;
    done = at.to;
  }
  return result + text.slice(done);
}

/** Gives a directive other arguments. Comments between the old ones stay. Throws a RangeError where a word has no form in a file. */
export function setArguments(
  text: string,
  directive: PlacedDirective,
  args: readonly string[],
): readonly TextEdit[] {
  const [name, first, ...more] = directive.words;
  const written = args.map(quoteWord).join(' ');
  if (first === undefined) return written === '' ? [] : [{ at: empty(name.to), text: ` ${written}` }];
  return [
    written === '' ? remove(text, first) : { at: first, text: written },
    ...more.map((word) => remove(text, word)),
  ];
}

/** Adds a directive to a block, in the form of its neighbours: behind the last plain directive, or before all blocks. */
export function addDirective(
  text: string,
  block: PlacedBlock,
  name: string,
  args: readonly string[],
): readonly TextEdit[] {
  const neighbour = block.children.findLast(({ block: inner }) => inner === undefined);
  const first = block.children[0];
  const values = args.map(quoteWord).join(' ');
  if (neighbour !== undefined) {
    const indent = indentOf(text, neighbour.from);
    const line = `${padded(name, neighbour, text)}${values};`;
    const end = endOfLine(text, neighbour.to);
    if (indent === undefined || end === undefined)
      return [{ at: empty(neighbour.to), text: ` ${name} ${values};` }];
    return [{ at: empty(end), text: `${newline(text)}${indent}${line}` }];
  }
  const line = `${name} ${values};`;
  const isWhole = block.to === text.length;
  if (first === undefined && isWhole)
    return [{ at: empty(text.length), text: `${onNewLine(text)}${line}${newline(text)}` }];
  if (first === undefined) return intoEmpty(text, block, line);
  const indent = indentOf(text, first.from);
  if (isWhole) return [{ at: empty(first.from), text: `${line}${newline(text)}${indent ?? ''}` }];
  // Behind the brace: what stands before the first block may be its comment.
  const end = endOfLine(text, block.from);
  if (indent === undefined || end === undefined) return [{ at: empty(block.from), text: ` ${line}` }];
  return [{ at: empty(end), text: `${newline(text)}${indent}${line}` }];
}

/** Adds a block without anything in it behind everything else. */
export function appendBlock(text: string, words: readonly string[]): readonly TextEdit[] {
  const end = newline(text);
  const gap = text.trim() === '' ? '' : end;
  const head = words.map(quoteWord).join(' ');
  return [{ at: empty(text.length), text: `${onNewLine(text)}${gap}${head} {${end}}${end}` }];
}

/** Takes a directive away, and its lines where nothing else stands on them. */
export function removeDirective(text: string, { from, to }: Span): readonly TextEdit[] {
  const indent = indentOf(text, from);
  const next = text.indexOf('\n', to);
  const end = next === -1 ? text.length : next + 1;
  if (indent === undefined || text.slice(to, end).trim() !== '') return [{ at: { from, to }, text: '' }];
  return [{ at: { from: from - indent.length, to: end }, text: '' }];
}

/** Takes a word away with the blanks before it, but not with a line break, behind which a comment would go on. */
function remove(text: string, { from, to }: Span): TextEdit {
  let start = from;
  while (text[start - 1] === ' ' || text[start - 1] === '\t') start--;
  return { at: { from: start, to }, text: '' };
}

/** Into a block without directives; it may have comments. */
function intoEmpty(text: string, block: PlacedBlock, line: string): readonly TextEdit[] {
  const inside = text.slice(block.from, block.to);
  const indent = indentOf(text, block.to);
  if (indent === undefined || !inside.includes('\n'))
    // What is inside has no comment: that would have taken the brace with it.
    return [{ at: empty(block.from), text: /^\s/.test(inside) ? ` ${line}` : ` ${line} ` }];
  const commented = /\n([ \t]+)#/.exec(inside)?.[1];
  return [
    { at: empty(block.to - indent.length), text: `${commented ?? `${indent}    `}${line}${newline(text)}` },
  ];
}

/** The blanks before `at` when nothing else stands before it on its line. */
function indentOf(text: string, at: number): string | undefined {
  const start = text.lastIndexOf('\n', at - 1) + 1;
  const before = text.slice(start, at).replace(/^\uFEFF/, '');
  return /^[ \t]*$/.test(before) ? before : undefined;
}

/** Where the line ends that `at` stands on, when behind it there is nothing but blanks and a comment. */
function endOfLine(text: string, at: number): number | undefined {
  const rest = /^[ \t]*(?:#[^\n]*?)?(?=\r?(?:\n|$))/.exec(text.slice(at));
  if (rest === null) return undefined;
  const end = at + rest[0].length;
  return end === text.length || text[end] === '\n' || text.startsWith('\r\n', end) ? end : undefined;
}

/** The name and the blanks behind it, so that values stand below each other as the neighbour's does. */
function padded(name: string, { words: [own, first] }: PlacedDirective, text: string): string {
  const gap = first === undefined ? '' : text.slice(own.to, first.from);
  const width = /^ +$/.test(gap) ? own.text.length + gap.length : 0;
  return name.length < width ? name.padEnd(width) : `${name} `;
}

function newline(text: string): string {
  return /\r\n/.test(text.slice(0, text.indexOf('\n') + 1)) ? '\r\n' : '\n';
}

function onNewLine(text: string): string {
  return text === '' || text.endsWith('\n') ? '' : newline(text);
}

function empty(at: number): Span {
  return { from: at, to: at };
}
