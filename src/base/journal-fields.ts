import { ServerError, type ErrorCode } from './errors.ts';

/** The members of a JSON object, not looked at yet. */
export type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a journal (the JSON that an earlier process left behind) field by field: it may be cut, of another version, or not ours
 * at all. What does not fit throws an error of one code that names the field.
 */
export class JournalFields {
  readonly #code: ErrorCode;

  /** `code` is what a journal that cannot be used throws. */
  constructor(code: ErrorCode) {
    this.#code = code;
  }

  /** The object of the whole text. `maxCharacters` is met before anything is parsed; beyond it: PLAYLIST_TOO_LARGE. */
  open(text: string, maxCharacters: number, version: number): Fields {
    if (text.length > maxCharacters) {
      throw new ServerError('PLAYLIST_TOO_LARGE', `journal of ${text.length} characters`);
    }
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (cause) {
      throw new ServerError(this.#code, 'a journal that is not JSON', { cause });
    }
    const fields = this.record(json, 'journal');
    if (fields['version'] !== version) throw this.bad('version');
    return fields;
  }

  record(json: unknown, name: string): Fields {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) throw this.bad(name);
    return json as Fields;
  }

  list(json: unknown, name: string): readonly unknown[] {
    if (!Array.isArray(json)) throw this.bad(name);
    return json;
  }

  text(json: unknown, name: string): string {
    if (typeof json !== 'string') throw this.bad(name);
    return json;
  }

  /** The error of a field that does not fit, for checks of one's own. */
  bad(name: string): ServerError {
    return new ServerError(this.#code, `journal: ${name}`);
  }
}
