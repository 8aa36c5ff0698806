// Controls (C0, DEL, C1: a terminal obeys them), the separators that log viewers break lines at, the marks that reorder
// text on a screen (UAX #9) or stand there unseen, and halves of surrogate pairs, which no file in UTF-8 can hold.
const UNSAFE_RANGES =
  '\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff\\ufff9-\\ufffb';
/** Also matches each sound pair: a cheap first look that spares most texts the second one. */
const MAYBE_UNSAFE = new RegExp(`[${UNSAFE_RANGES}\\ud800-\\udfff]`);
const UNSAFE = new RegExp(`[${UNSAFE_RANGES}\\u{e0000}-\\u{e007f}]|\\p{Surrogate}`, 'gu');

/**
 * Text from anywhere made fit for one line of a log or a terminal: what could break the line, drive the terminal or show
 * another text than the file holds becomes visible (`\x0a`, `\u202e`), and what is longer than `maxLength` UTF-16 units is
 * cut. Idempotent as long as nothing is cut.
 */
export function printable(text: string, maxLength: number): string {
  const bounded =
    text.length > maxLength ? `${text.slice(0, maxLength)}... (${text.length} characters)` : text;
  return MAYBE_UNSAFE.test(bounded) ? bounded.replace(UNSAFE, visible) : bounded;
}

function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const digits = code.toString(16);
  if (code < 0x100) return `\\x${digits.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${digits.padStart(4, '0')}` : `\\u{${digits}}`;
}
