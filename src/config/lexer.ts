/** What the lexer finds. `word` is the only token with a text. */
export interface Token {
  readonly kind: 'word' | ';' | '{' | '}' | 'end' | 'unclosed-quote' | 'glued';
  /** The word; for `glued` the character that stands where a space, `;` or `{` must. */
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/**
 * Splits a directive file into words and marks, as SRS 3 does:
 * - space, tab, CR and LF separate words; `;` and `{` end a word, `}` and `#` count only where a word may start;
 * - `"` and `'` quote only where a word may start, may span lines, and know no escape sequences;
 * - after a closing quote only a separator, `;` or `{` may follow; an empty quoted word is dropped.
 */
export class Lexer {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;
  #afterQuote = false;

  constructor(text: string) {
    this.#text = text;
    if (text.startsWith('\uFEFF')) this.#at = this.#lineStart = 1; // Editors of Windows write a byte order mark.
  }

  /** The next token; `end` again and again once the text is used up. */
  next(): Token {
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined) return this.#token('end', '');
      if (this.#afterQuote && !isSpace(char) && char !== ';' && char !== '{') {
        this.#afterQuote = false; // Told once; reading goes on as if there were a space.
        return this.#token('glued', char);
      }
      this.#afterQuote = false;
      if (isSpace(char)) this.#step();
      else if (char === '#') this.#skipComment();
      else if (char === ';' || char === '{' || char === '}') {
        const token = this.#token(char, char);
        this.#step();
        return token;
      } else if (char === '"' || char === "'") {
        const token = this.#quoted(char);
        if (token.kind !== 'word' || token.text !== '') return token;
      } else return this.#plain();
    }
  }

  #plain(): Token {
    const from = this.#at;
    const { line, column } = this.#token('word', '');
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined || isSpace(char) || char === ';' || char === '{') break;
      this.#at++;
    }
    return { kind: 'word', text: this.#text.slice(from, this.#at), line, column };
  }

  #quoted(quote: string): Token {
    const { line, column } = this.#token('word', '');
    const from = this.#at + 1;
    const end = this.#text.indexOf(quote, from);
    const stop = end === -1 ? this.#text.length : end + 1;
    while (this.#at < stop) this.#step();
    if (end === -1) return { kind: 'unclosed-quote', text: quote, line, column };
    this.#afterQuote = true;
    return { kind: 'word', text: this.#text.slice(from, end), line, column };
  }

  #skipComment(): void {
    const end = this.#text.indexOf('\n', this.#at);
    this.#at = end === -1 ? this.#text.length : end;
  }

  #step(): void {
    if (this.#text[this.#at] === '\n') {
      this.#line++;
      this.#lineStart = this.#at + 1;
    }
    this.#at++;
  }

  #token(kind: Token['kind'], text: string): Token {
    return { kind, text, line: this.#line, column: this.#at - this.#lineStart + 1 };
  }
}

function isSpace(char: string): boolean {
  return char === ' ' || char === '\t' || char === '\r' || char === '\n';
}
