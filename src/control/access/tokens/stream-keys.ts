import { createHash } from 'node:crypto';

/** Longest file of stream keys, bytes. */
export const MAX_STREAM_KEY_FILE_BYTES = 4 * 1024 * 1024;
/** Keys of one file. */
export const MAX_STREAM_KEYS = 20_000;
/** Shortest and longest key, characters. */
export const MIN_STREAM_KEY_CHARS = 16;
export const MAX_STREAM_KEY_CHARS = 256;

/** What a stream key opens. */
export interface StreamKey {
  /** The stream that is published. */
  readonly stream: string;
  /** The only app where the key is good; undefined = each. */
  readonly app: string | undefined;
  readonly enabled: boolean;
  /** Unix ms; Infinity = for ever. */
  readonly expiresAtMs: number;
}

/** A line that cannot be used; it is told without the key. */
export class StreamKeyFileError extends Error {
  override readonly name = 'StreamKeyFileError';

  constructor(line: number, what: string) {
    super(`line ${line}: ${what}`);
  }
}

/** Secret keys and the public names that they stand for. It holds only hashes, so that looking up tells nothing by its time. */
export class StreamKeyTable {
  readonly #byHash: ReadonlyMap<string, StreamKey>;

  constructor(byHash: ReadonlyMap<string, StreamKey>) {
    this.#byHash = byHash;
  }

  /**
   * Reads lines `KEY NAME [app=APP] [until=TIME] [off]`; `#` begins a comment. KEY may be `sha256:` and 64 hexadecimal digits, so
   * that the file is no secret. Throws a StreamKeyFileError.
   */
  static parse(text: string): StreamKeyTable {
    const byHash = new Map<string, StreamKey>();
    const lineOf = new Map<string, number>();
    const names = new Map<string, number>();
    text.split(/\r?\n/).forEach((raw, index) => {
      const line = index + 1;
      const words = raw.trim().split(/\s+/);
      if (words[0] === '' || words[0]?.startsWith('#') === true) return;
      const [hash, key] = parseLine(words, line);
      const first = lineOf.get(hash);
      if (first !== undefined) throw new StreamKeyFileError(line, `the key of line ${first} again`);
      if (byHash.size === MAX_STREAM_KEYS)
        throw new StreamKeyFileError(line, `more than ${MAX_STREAM_KEYS} keys`);
      byHash.set(hash, key);
      lineOf.set(hash, line);
      names.set(key.stream, line);
    });
    for (const [name, line] of names) {
      if (byHash.has(hashOf(name)))
        throw new StreamKeyFileError(line, 'the name is the key of another line: it would be seen');
    }
    return new StreamKeyTable(byHash);
  }

  get size(): number {
    return this.#byHash.size;
  }

  find(key: string): StreamKey | undefined {
    if (key.length < MIN_STREAM_KEY_CHARS || key.length > MAX_STREAM_KEY_CHARS) {
      return undefined;
    }
    return this.#byHash.get(hashOf(key));
  }
}

function parseLine(words: readonly string[], line: number): [hash: string, key: StreamKey] {
  const wrong = (what: string): StreamKeyFileError => new StreamKeyFileError(line, what);
  const [secret = '', stream = '', ...rest] = words;
  if (stream === '') throw wrong('KEY NAME is expected');
  const hash = readKey(secret);
  if (hash === undefined)
    throw wrong(
      `a key has ${MIN_STREAM_KEY_CHARS} to ${MAX_STREAM_KEY_CHARS} of A-Z a-z 0-9 - . _ ~, or is sha256: with 64 hexadecimal digits`,
    );
  if (!isName(stream)) throw wrong('this is no name of a stream');
  let app: string | undefined;
  let enabled = true;
  let expiresAtMs = Infinity;
  for (const word of rest) {
    const equals = word.indexOf('=');
    const value = word.slice(equals + 1);
    if (word.startsWith('#')) break;
    if (word === 'off') enabled = false;
    else if (word.startsWith('app=') && isName(value)) app = value;
    else if (word.startsWith('until=') && !Number.isNaN(timeOf(value))) expiresAtMs = timeOf(value);
    else throw wrong('behind KEY NAME come only app=APP, until=TIME and off');
  }
  return [hash, { stream, app, enabled, expiresAtMs }];
}

/** The hash of a key; undefined = this is none. */
function readKey(text: string): string | undefined {
  const [, hex] = /^sha256:([0-9a-f]{64})$/i.exec(text) ?? [];
  if (hex !== undefined) return Buffer.from(hex, 'hex').toString('base64');
  const { length } = text;
  const fits = length >= MIN_STREAM_KEY_CHARS && length <= MAX_STREAM_KEY_CHARS && /^[\w.~-]+$/.test(text);
  return fits ? hashOf(text) : undefined;
}

/** Unix seconds, or a time of ISO 8601 with its zone such as 2026-12-31T23:59:59Z; unix ms. */
function timeOf(text: string): number {
  if (/^\d{1,11}$/.test(text)) return Number(text) * 1000;
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : NaN;
}

/** A part of a path that stays one. */
function isName(text: string): boolean {
  return /^[^\\?#&=,\p{Cc}]{1,256}$/u.test(text) && !text.split('/').some((part) => /^\.{0,2}$/.test(part));
}

function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('base64');
}
