import { Lexer } from './lexer.ts';
import type { Token } from './lexer.ts';

/** From the first character to the one behind the last, as offsets into the text. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface PlacedWord extends Span {
  readonly text: string;
}

/** A directive and where all of it stands in its text: from its name to its `;` or `}`. */
export interface PlacedDirective extends Span {
  /** The name first. */
  readonly words: readonly [PlacedWord, ...PlacedWord[]];
  readonly block: PlacedBlock | undefined;
}

/** What stands between `{` and `}`; the text as a whole is one, too. */
export interface PlacedBlock extends Span {
  readonly children: readonly PlacedDirective[];
}

interface Open {
  readonly children: PlacedDirective[];
  readonly from: number;
  readonly words: readonly [PlacedWord, ...PlacedWord[]] | undefined;
}

/** The places of everything in a text, which `parseTree` has found nothing wrong with; others throw a RangeError. */
export function placesOf(text: string): PlacedBlock {
  const lexer = new Lexer(text);
  const lines = lineStarts(text);
  const spanOf = (token: Token): Span => {
    const from = (lines[token.line - 1] ?? 0) + token.column - 1;
    if (token.kind !== 'word') return { from, to: from + 1 };
    // A quoted word has its quotes around it; a plain one never begins with one.
    const quote = text[from];
    const quotes = quote === '"' || quote === "'" ? 2 : 0;
    return { from, to: from + token.text.length + quotes };
  };
  const stack: Open[] = [{ children: [], from: text.startsWith('\uFEFF') ? 1 : 0, words: undefined }];
  let words: PlacedWord[] = [];
  for (;;) {
    const token = lexer.next();
    const span = spanOf(token);
    const open = stack.at(-1);
    const [name, ...args] = words;
    if (token.kind === 'word') words.push({ text: token.text, ...span });
    else if (token.kind === 'end' && name === undefined && stack.length === 1 && open !== undefined)
      return { children: open.children, from: open.from, to: text.length };
    else if (token.kind === ';' && name !== undefined && open !== undefined) {
      open.children.push({ words: [name, ...args], block: undefined, from: name.from, to: span.to });
      words = [];
    } else if (token.kind === '{' && name !== undefined) {
      stack.push({ children: [], from: span.to, words: [name, ...args] });
      words = [];
    } else if (token.kind === '}' && name === undefined && open?.words !== undefined) {
      const block = { children: open.children, from: open.from, to: span.from };
      stack.pop();
      stack.at(-1)?.children.push({ words: open.words, block, from: open.words[0].from, to: span.to });
    } else throw new RangeError('the text is no configuration');
  }
}

/** The directive whose name stands at a line and column, both counted from 1. */
export function directiveAt(
  text: string,
  block: PlacedBlock,
  { line, column }: { readonly line: number; readonly column: number },
): PlacedDirective | undefined {
  const from = (lineStarts(text)[line - 1] ?? -1) + column - 1;
  const search = (children: readonly PlacedDirective[]): PlacedDirective | undefined => {
    for (const child of children) {
      if (child.from === from) return child;
      if (child.from < from && from < child.to) return search(child.block?.children ?? []);
    }
    return undefined;
  };
  return search(block.children);
}

/** Offsets of the first columns. */
function lineStarts(text: string): readonly number[] {
  const starts = [text.startsWith('\uFEFF') ? 1 : 0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
