// C0 controls, DEL and C1 controls (a terminal obeys both), the line separators that log viewers break at, and the
// direction marks that make a terminal show another text than the file holds.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]|[\ud800-\udfff]/;
const UNSAFE_ALL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu;

/** Longest text of one line, UTF-16 units; the rest is cut. */
export const MAX_LOG_TEXT = 4_096;

/** Text that may come from a peer, made harmless: one line, no terminal controls, bounded. `\n` becomes `\x0a`. */
export function escapeLogText(text: string): string {
  const bounded =
    text.length > MAX_LOG_TEXT ? `${text.slice(0, MAX_LOG_TEXT)}... (${text.length} characters)` : text;
  return UNSAFE.test(bounded) ? bounded.replace(UNSAFE_ALL, escapeCharacter) : bounded;
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`;
}
