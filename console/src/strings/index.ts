import { en } from './en.ts';

/** The shape of a language. */
export type Strings = typeof en;

const LANGUAGES: Readonly<Record<string, Strings>> = { en };

/** The first language of the reader's list that there is; English otherwise. */
export function pickStrings(wanted: readonly string[]): Strings {
  for (const tag of wanted) {
    const strings = LANGUAGES[tag] ?? LANGUAGES[tag.split('-')[0] ?? ''];
    if (strings !== undefined) return strings;
  }
  return en;
}

/** The strings of this visit. */
export const t: Strings = pickStrings(navigator.languages);
