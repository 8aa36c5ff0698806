import type { LogScope } from '../base/logger.ts';
import { printable } from '../base/printable.ts';

/** Longest text of one line, UTF-16 units; the rest is cut. */
export const MAX_LOG_TEXT = 4_096;

/** Longest session id, stream key and component of a line, UTF-16 units; the rest is cut. */
export const MAX_LOG_SCOPE = 512;

/** Text that may come from a peer, made harmless: one line, no terminal controls, bounded. `\n` becomes `\x0a`. */
export function escapeLogText(text: string): string {
  return printable(text, MAX_LOG_TEXT);
}

/** What lines of a logger carry, made harmless. */
export interface LineScope {
  readonly session: string | undefined;
  readonly stream: string | undefined;
  readonly component: string | undefined;
}

export const NO_SCOPE: LineScope = { session: undefined, stream: undefined, component: undefined };

/** The scope of a child. A session id stands between brackets, so it may not hold any, nor a blank. */
export function childScope(parent: LineScope, { session, stream, component }: LogScope): LineScope {
  return {
    session: session === undefined ? parent.session : escapeWord(session),
    stream: stream === undefined ? parent.stream : printable(stream, MAX_LOG_SCOPE),
    component: component === undefined ? parent.component : printable(component, MAX_LOG_SCOPE),
  };
}

const PLAIN_WORD = /^[\w.:-]{0,64}$/;

function escapeWord(word: string): string {
  if (PLAIN_WORD.test(word)) return word;
  return printable(word, MAX_LOG_SCOPE).replace(
    /[[\]\s]/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
