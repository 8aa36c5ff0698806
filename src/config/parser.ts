import { Lexer } from './lexer.ts';
import type { Token } from './lexer.ts';
import { printable } from './problem.ts';
import type { Diagnostics, Origin } from './problem.ts';

/** Blocks inside blocks. SRS's deepest directive is four levels down. */
export const MAX_CONFIG_DEPTH = 16;
/** Arguments of one directive. */
export const MAX_DIRECTIVE_ARGS = 1024;

/** One argument and where it stands. */
export interface Word {
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/** `name args;` or `name args { children }`. */
export interface Directive extends Origin {
  readonly name: string;
  readonly args: readonly Word[];
  /** Undefined when the directive ended with `;`. */
  readonly children: readonly Directive[] | undefined;
}

/** What came out of a text. */
export interface ParsedTree {
  readonly directives: readonly Directive[];
  /** False when blocks do not close where they should: what the tree says about scopes cannot be trusted then. */
  readonly sound: boolean;
}

interface OpenBlock {
  readonly children: Directive[];
  readonly opener: Token | undefined;
}

/**
 * Reads the tree of a directive file. Problems go to `diagnostics`; reading goes on after each as far as it makes sense.
 * `from` is the `include` that asked for the file.
 */
export function parseTree(text: string, file: string, diagnostics: Diagnostics, from?: Origin): ParsedTree {
  const included = from === undefined ? {} : { from };
  const lexer = new Lexer(text);
  const root: Directive[] = [];
  const stack: OpenBlock[] = [{ children: root, opener: undefined }];
  let words: Token[] = [];
  let sound = true;

  const fail = (token: Token, message: string, expected?: string): void => {
    const extras = expected === undefined ? {} : { expected };
    diagnostics.error(
      { file, line: token.line, column: token.column, ...included },
      words[0]?.text ?? '',
      message,
      extras,
    );
  };
  const finish = (children: Directive[] | undefined): void => {
    const [name, ...args] = words;
    if (name === undefined) return;
    const parent = stack.at(-1);
    const { line, column } = name;
    parent?.children.push({ name: name.text, args, children, file, line, column, ...included });
    words = [];
  };

  for (;;) {
    const token = lexer.next();
    switch (token.kind) {
      case 'word':
        if (/[\0\uFFFD]/.test(token.text)) fail(token, 'holds bytes that are not UTF-8 text');
        if (words.length === MAX_DIRECTIVE_ARGS + 1) {
          fail(token, `more than ${MAX_DIRECTIVE_ARGS} arguments`, 'a `;` before here');
          return { directives: root, sound: false };
        }
        words.push(token);
        break;
      case ';':
        if (words.length === 0) fail(token, "unexpected ';'", 'a directive name');
        finish(undefined);
        break;
      case '{': {
        if (words.length === 0) {
          fail(token, "unexpected '{'", 'a directive name before it');
          sound = false; // Its children would be blamed for standing in the wrong place.
        }
        if (stack.length > MAX_CONFIG_DEPTH) {
          fail(token, `more than ${MAX_CONFIG_DEPTH} blocks inside each other`);
          return { directives: root, sound: false };
        }
        const children: Directive[] = [];
        const opener = words[0] ?? token;
        finish(children);
        stack.push({ children, opener });
        break;
      }
      case '}':
        if (words.length > 0) fail(token, "unexpected '}'", "';' to end the directive");
        finish(undefined);
        if (stack.length === 1) {
          fail(token, "unexpected '}'", 'a directive: no block is open here');
          sound = false;
        } else stack.pop();
        break;
      case 'glued':
        fail(token, `unexpected '${token.text}' after a closing quote`, "a space, ';' or '{'");
        break;
      case 'unclosed-quote':
        fail(token, `the quote ${token.text} is never closed`);
        return { directives: root, sound: false };
      case 'end': {
        if (words.length > 0) fail(token, 'unexpected end of file', "';' or '{'");
        const { opener } = stack.at(-1) ?? {};
        if (opener !== undefined) {
          words = [];
          fail(
            token,
            'unexpected end of file',
            `'}' for the block '${printable(opener.text)}' of line ${opener.line}`,
          );
        }
        return { directives: root, sound: sound && words.length === 0 && opener === undefined };
      }
      default:
        token.kind satisfies never;
    }
  }
}
