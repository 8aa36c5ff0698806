import type { Directive } from './parser.ts';

/** A directive to print: the tree without its places. */
export interface PrintableDirective {
  readonly name: string;
  readonly args: readonly { readonly text: string }[];
  readonly children: readonly PrintableDirective[] | undefined;
}

/** Writes a tree so that reading it again gives the same tree. Comments are not part of a tree. */
export function printTree(directives: readonly (Directive | PrintableDirective)[]): string {
  const lines: string[] = [];
  print(directives, '', lines);
  return lines.join('');
}

function print(directives: readonly PrintableDirective[], indent: string, lines: string[]): void {
  for (const { name, args, children } of directives) {
    const head = indent + [name, ...args.map(({ text }) => text)].map(quoteWord).join(' ');
    if (children === undefined) lines.push(`${head};\n`);
    else {
      lines.push(`${head} {\n`);
      print(children, `${indent}    `, lines);
      lines.push(`${indent}}\n`);
    }
  }
}

/**
 * A word as a file has it. The format has no escape sequences, so a word with a space and both kinds of quotes cannot be written
 * at all: RangeError.
 */
export function quoteWord(word: string): string {
  if (/^[^\s;{}#"'][^ \t\r\n;{]*$/.test(word) && !word.startsWith('\uFEFF')) return word;
  if (!word.includes('"')) return `"${word}"`;
  if (!word.includes("'")) return `'${word}'`;
  throw new RangeError('a word with blanks and both kinds of quotes has no form in this format');
}
