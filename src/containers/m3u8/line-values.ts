import { ServerError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import { readAttributes } from './attributes.ts';
import type { ByteRange } from './model.ts';

const SHOWN_CHARACTERS = 80;

/** The error of a playlist, with the line that it is in. */
export function invalidLine(line: number, message: string): ServerError {
  return new ServerError('M3U8_INVALID', `line ${line}: ${message}`);
}

/** Text of the playlist inside an error message. */
function shown(text: string): string {
  return printable(text, SHOWN_CHARACTERS);
}

/** The value of one tag, read in the ways that tags have. Every method throws M3U8_INVALID with the line. */
export class LineValue {
  readonly line: number;
  readonly tag: string;
  readonly text: string;
  #attributes: Map<string, string> | undefined;

  constructor(line: number, tag: string, text: string) {
    this.line = line;
    this.tag = tag;
    this.text = text;
  }

  /** A decimal-integer. */
  integer(text = this.text): number {
    const value = /^\d{1,20}$/.test(text.trim()) ? Number(text) : NaN;
    if (!Number.isSafeInteger(value)) throw this.invalid(`a number is wanted, not '${shown(text)}'`);
    return value;
  }

  /** Seconds with or without decimals, as ms. */
  milliseconds(text = this.text): number {
    if (!/^\d{1,12}(?:\.\d{0,20})?$/.test(text.trim())) {
      throw this.invalid(`seconds are wanted, not '${shown(text)}'`);
    }
    return Math.round(Number(text) * 1000);
  }

  /** `<n>[@<o>]`. */
  range(text = this.text): ByteRange {
    const [length = '', offset] = text.trim().split('@', 2);
    return offset === undefined
      ? { length: this.integer(length) }
      : { length: this.integer(length), offset: this.integer(offset) };
  }

  /** An attribute, undefined when it is not there. */
  attribute(name: string): string | undefined {
    this.#attributes ??= readAttributes(this.text);
    if (this.#attributes === undefined) throw this.invalid('no list of attributes');
    return this.#attributes.get(name);
  }

  /** An attribute that must be there. */
  required(name: string): string {
    const value = this.attribute(name);
    if (value === undefined) throw this.invalid(`${name} is missing`);
    return value;
  }

  isYes(name: string): boolean {
    return this.attribute(name) === 'YES';
  }

  /** An attribute that must be one of these. */
  oneOf<T extends string>(name: string, values: readonly T[]): T {
    const value = this.required(name);
    const found = values.find((one) => one === value);
    if (found === undefined) throw this.invalid(`${name}=${shown(value)}`);
    return found;
  }

  invalid(message: string): ServerError {
    return invalidLine(this.line, `${this.tag}: ${message}`);
  }
}

/** `{ name: value }`, or nothing when the value is undefined: what exact optional properties want. */
export function optional<K extends string, V>(name: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [name]: value } as Record<K, V>);
}
