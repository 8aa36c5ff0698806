import { ServerError } from '../../base/errors.ts';

/** Nesting of objects and arrays, both ways. The deepest that real peers send is 4 (metadata with cue points). */
export const MAX_AMF_DEPTH = 32;
/**
 * Values in one message, keys not counted, repeated ones (references) counted each time. Enough for the keyframe index of a
 * ten-hour FLV.
 */
export const MAX_AMF_VALUES = 65_536;
/** All strings, keys and byte arrays of one message, bytes, repeated ones counted each time. */
export const MAX_AMF_TEXT_BYTES = 4 * 1024 * 1024;

/**
 * What AMF0 and AMF3 can say, as JavaScript values that can be encoded again. `null` and `undefined` are two different
 * things on the wire and strict clients look at which one they get, so here (and only here) `null` is used.
 */
export type AmfValue =
  | undefined
  | null
  | boolean
  | number
  | string
  | readonly AmfValue[]
  | AmfObject
  | AmfEcmaArray
  | AmfDate
  | AmfXml
  | AmfUnsupported
  | AmfBytes
  | AmfVector
  | AmfDictionary
  | AmfExternal;

/** A plain JavaScript value from which `amfObject` and `amfEcmaArray` build. */
export type AmfInput = AmfValue | { readonly [key: string]: AmfInput } | readonly AmfInput[];

/** Ordered properties. A Map, not an object, so that no key of a peer (`__proto__`, `constructor`) means anything. */
export class AmfProperties {
  readonly entries: Map<string, AmfValue>;

  constructor(entries: Iterable<readonly [string, AmfValue]> = []) {
    this.entries = new Map(entries);
  }

  get(key: string): AmfValue {
    return this.entries.get(key);
  }

  set(key: string, value: AmfValue): this {
    this.entries.set(key, value);
    return this;
  }

  /** The property if it is a string. */
  string(key: string): string | undefined {
    const value = this.entries.get(key);
    return typeof value === 'string' ? value : undefined;
  }

  /** The property if it is a finite number, or a string that spells one: some encoders send numbers as text. */
  number(key: string): number | undefined {
    const value = this.entries.get(key);
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
  }

  /** The property if it is a boolean. */
  boolean(key: string): boolean | undefined {
    const value = this.entries.get(key);
    return typeof value === 'boolean' ? value : undefined;
  }
}

/** Anonymous object, or typed object when it has a class name. AMF0 2.5 and 2.18, AMF3 3.12. */
export class AmfObject extends AmfProperties {
  readonly className: string | undefined;

  constructor(entries: Iterable<readonly [string, AmfValue]> = [], className?: string) {
    super(entries);
    this.className = className;
  }
}

/** Array with text keys: AMF0 ECMA array (2.10), AMF3 array with an associative part (3.11). */
export class AmfEcmaArray extends AmfProperties {
  // Tells the two kinds of properties apart for the compiler too.
  readonly isArray = true;
}

/** AMF0 2.13, AMF3 3.10. */
export class AmfDate {
  /** Milliseconds since 1970, UTC. */
  readonly ms: number;
  /** Minutes, signed. Reserved by AMF0 (“should be set to 0x0000”), absent in AMF3. */
  readonly timezoneMinutes: number;

  constructor(ms: number, timezoneMinutes = 0) {
    this.ms = ms;
    this.timezoneMinutes = timezoneMinutes;
  }
}

/** AMF0 2.17, AMF3 3.9 (`legacy`) and 3.13. */
export class AmfXml {
  readonly text: string;
  /** AMF3's XMLDocument instead of E4X XML; AMF0 has only the former. */
  readonly legacy: boolean;

  constructor(text: string, legacy = true) {
    this.text = text;
    this.legacy = legacy;
  }
}

/** AMF0 2.15: a value that the sender could not write. */
export class AmfUnsupported {
  readonly unsupported = true;
}

/** AMF3 3.14, a byte array. The bytes are a copy: a view would keep the whole message alive. */
export class AmfBytes {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
}

/** AMF3 3.15. `int` and `uint` have 32 bits. */
export class AmfVector {
  readonly of: 'int' | 'uint' | 'double' | 'object';
  readonly items: readonly AmfValue[];
  readonly fixed: boolean;
  /** Class of the items of an object vector, `*` for any. */
  readonly className: string;

  constructor(
    of: 'int' | 'uint' | 'double' | 'object',
    items: readonly AmfValue[],
    fixed = false,
    className = '*',
  ) {
    this.of = of;
    this.items = items;
    this.fixed = fixed;
    this.className = className;
  }
}

/** AMF3 3.16: pairs whose keys can be anything. */
export class AmfDictionary {
  readonly pairs: readonly (readonly [AmfValue, AmfValue])[];
  readonly weakKeys: boolean;

  constructor(pairs: readonly (readonly [AmfValue, AmfValue])[], weakKeys = false) {
    this.pairs = pairs;
    this.weakKeys = weakKeys;
  }
}

/** An externalizable object of AMF3 whose body is known to be one value (Flex's collections). */
export class AmfExternal {
  readonly className: string;
  readonly body: AmfValue;

  constructor(className: string, body: AmfValue) {
    this.className = className;
    this.body = body;
  }
}

/** Objects and arrays: what a reference may point to. */
export type AmfComplex = Exclude<AmfValue, undefined | null | boolean | number | string>;

export function isAmfArray(value: AmfValue): value is readonly AmfValue[] {
  return Array.isArray(value);
}

/** An anonymous object; nested plain objects and arrays are converted, own enumerable keys only. */
export function amfObject(from: Readonly<Record<string, AmfInput>>): AmfObject {
  return new AmfObject(entriesOf(from, 1));
}

/** An ECMA array, the form of `onMetaData`. */
export function amfEcmaArray(from: Readonly<Record<string, AmfInput>>): AmfEcmaArray {
  return new AmfEcmaArray(entriesOf(from, 1));
}

function entriesOf(from: Readonly<Record<string, AmfInput>>, depth: number): [string, AmfValue][] {
  return Object.entries(from).map(([key, value]) => [key, fromInput(value, depth)]);
}

function fromInput(value: AmfInput, depth: number): AmfValue {
  if (depth > MAX_AMF_DEPTH)
    throw new ServerError('AMF_TOO_LARGE', `values nested deeper than ${MAX_AMF_DEPTH}`);
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return (value as readonly AmfInput[]).map((item) => fromInput(item, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) {
    return new AmfObject(entriesOf(value as Readonly<Record<string, AmfInput>>, depth + 1));
  }
  return value as AmfComplex;
}

/** Counts what one message may cost, while it is read or sized. Shared by an AMF0 message and the AMF3 values inside it. */
export class AmfBudget {
  #values = 0;
  #textBytes = 0;
  #depth = 0;

  get values(): number {
    return this.#values;
  }

  get textBytes(): number {
    return this.#textBytes;
  }

  addValues(count: number): void {
    this.#values += count;
    if (this.#values > MAX_AMF_VALUES)
      throw new ServerError('AMF_TOO_LARGE', `more than ${MAX_AMF_VALUES} values`);
  }

  addText(bytes: number): void {
    this.#textBytes += bytes;
    if (this.#textBytes > MAX_AMF_TEXT_BYTES) {
      throw new ServerError('AMF_TOO_LARGE', `more than ${MAX_AMF_TEXT_BYTES} bytes of text`);
    }
  }

  enter(): void {
    this.#depth += 1;
    if (this.#depth > MAX_AMF_DEPTH)
      throw new ServerError('AMF_TOO_LARGE', `values nested deeper than ${MAX_AMF_DEPTH}`);
  }

  leave(): void {
    this.#depth -= 1;
  }
}

interface TableEntry {
  value: AmfComplex | undefined;
  values: number;
  textBytes: number;
}

/**
 * The objects that a reference may point to, each with what it weighs, so that a message of references to references cannot
 * stand for more than the limits (2^32 values in 300 bytes, else). A reference to an object that is still being read would
 * make a circle; nothing in RTMP needs one and whoever walks the value would never come back, so it is refused.
 */
export class ReferenceTable {
  readonly #entries: TableEntry[] = [];

  /** Reserves the next index: indices are given in the order in which objects begin. */
  open(budget: AmfBudget): TableEntry {
    const entry = { value: undefined, values: budget.values, textBytes: budget.textBytes };
    this.#entries.push(entry);
    return entry;
  }

  /** The object is whole: from now on it may be referred to. */
  close<T extends AmfComplex>(entry: TableEntry, value: T, budget: AmfBudget): T {
    entry.value = value;
    entry.values = budget.values - entry.values;
    entry.textBytes = budget.textBytes - entry.textBytes;
    return value;
  }

  take(index: number, budget: AmfBudget): AmfComplex {
    const entry = this.#entries[index];
    if (entry === undefined)
      throw new ServerError('AMF_INVALID', `reference to object ${index}, which does not exist`);
    if (entry.value === undefined)
      throw new ServerError('AMF_INVALID', `circular reference to object ${index}`);
    budget.addValues(entry.values);
    budget.addText(entry.textBytes);
    return entry.value;
  }
}
