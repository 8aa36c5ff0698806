import { ServerError } from '../../base/errors.ts';
import { MARKER3, INT29_MAX, U29_MAX, MIN_INT29 } from './marker.ts';
import {
  AmfBudget,
  AmfBytes,
  AmfDate,
  AmfDictionary,
  AmfEcmaArray,
  AmfExternal,
  AmfObject,
  AmfUnsupported,
  AmfVector,
  AmfXml,
  isAmfArray,
  type AmfComplex,
  type AmfValue,
} from './value.ts';

/**
 * One message of these values. Every string, object and traits is written in full: the tables of the receiver fill, but
 * nothing points into them, which every reader understands. AMF3 has no `unsupported`; it becomes undefined.
 */
export function encodeAmf3(values: readonly AmfValue[]): Buffer {
  const budget = new AmfBudget();
  let size = 0;
  for (const value of values) size += sizeOfAmf3(value, budget);
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const value of values) at = writeAmf3At(bytes, at, value);
  return bytes;
}

/** Bytes of one value. Throws AMF_TOO_LARGE past the limits. */
export function sizeOfAmf3(value: AmfValue, budget: AmfBudget): number {
  budget.addValues(1);
  if (value === undefined || value === null || value instanceof AmfUnsupported) return 1;
  if (typeof value === 'boolean') return 1;
  if (typeof value === 'number') return isInt29(value) ? 1 + sizeOfU29(value & U29_MAX) : 9;
  if (typeof value === 'string') return 1 + sizeOfText(value, budget);
  budget.enter();
  const size = 1 + sizeOfComplex(value, budget);
  budget.leave();
  return size;
}

function sizeOfComplex(value: AmfComplex, budget: AmfBudget): number {
  if (isAmfArray(value)) return sizeOfCount(value.length) + 1 + sizeOfAll(value, budget);
  if (value instanceof AmfEcmaArray) {
    const dense = denseCount(value);
    return (
      sizeOfCount(dense) + sizeOfKeyed(value.entries, dense, budget) + 1 + sizeOfDense(value, dense, budget)
    );
  }
  if (value instanceof AmfObject) return sizeOfObject(value, budget);
  if (value instanceof AmfDate) return 9;
  if (value instanceof AmfXml) return sizeOfText(value.text, budget);
  if (value instanceof AmfBytes) {
    budget.addText(value.bytes.length);
    return sizeOfCount(value.bytes.length) + value.bytes.length;
  }
  if (value instanceof AmfVector) {
    const head = sizeOfCount(value.items.length) + 1;
    if (value.of === 'object')
      return head + sizeOfText(value.className, budget) + sizeOfAll(value.items, budget);
    budget.addValues(value.items.length);
    return head + value.items.length * (value.of === 'double' ? 8 : 4);
  }
  if (value instanceof AmfDictionary) {
    let size = sizeOfCount(value.pairs.length) + 1;
    for (const [key, item] of value.pairs) size += sizeOfAmf3(key, budget) + sizeOfAmf3(item, budget);
    return size;
  }
  if (value instanceof AmfExternal)
    return 1 + sizeOfText(value.className, budget) + sizeOfAmf3(value.body, budget);
  return 0;
}

function sizeOfObject(value: AmfObject, budget: AmfBudget): number {
  let size = sizeOfText(value.className ?? '', budget);
  if (!isSealed(value)) return 1 + size + sizeOfKeyed(value.entries, 0, budget) + 1;
  size += sizeOfU29(sealedHead(value));
  for (const [key, item] of value.entries) size += sizeOfText(key, budget) + sizeOfAmf3(item, budget);
  return size;
}

function sizeOfAll(items: readonly AmfValue[], budget: AmfBudget): number {
  let size = 0;
  for (const item of items) size += sizeOfAmf3(item, budget);
  return size;
}

function sizeOfKeyed(entries: ReadonlyMap<string, AmfValue>, dense: number, budget: AmfBudget): number {
  let size = 0;
  for (const [key, item] of entries) {
    if (isDenseKey(key, dense)) continue;
    if (key === '') throw new ServerError('AMF_INVALID', 'AMF3 has no empty key');
    size += sizeOfText(key, budget) + sizeOfAmf3(item, budget);
  }
  return size;
}

function sizeOfDense(value: AmfEcmaArray, dense: number, budget: AmfBudget): number {
  let size = 0;
  for (let i = 0; i < dense; i += 1) size += sizeOfAmf3(value.entries.get(String(i)), budget);
  return size;
}

function sizeOfText(text: string, budget: AmfBudget): number {
  const bytes = Buffer.byteLength(text);
  budget.addText(bytes);
  return sizeOfCount(bytes) + bytes;
}

/** Writes what `sizeOfAmf3` measured and returns the offset behind it. */
export function writeAmf3At(into: Buffer, at: number, value: AmfValue): number {
  if (value === undefined) return into.writeUInt8(MARKER3.undefined, at);
  if (typeof value === 'boolean') return into.writeUInt8(value ? MARKER3.true : MARKER3.false, at);
  if (typeof value === 'number') {
    if (isInt29(value)) return writeU29(into, into.writeUInt8(MARKER3.integer, at), value & U29_MAX);
    return into.writeDoubleBE(value, into.writeUInt8(MARKER3.double, at));
  }
  if (typeof value === 'string') return writeText(into, into.writeUInt8(MARKER3.string, at), value);
  if (value === null) return into.writeUInt8(MARKER3.null, at);
  if (isAmfArray(value)) {
    at = writeHead(into, at, MARKER3.array, value.length);
    at = writeU29(into, at, 1);
    return writeAll(into, at, value);
  }
  if (value instanceof AmfEcmaArray) return writeEcmaArray(into, at, value);
  if (value instanceof AmfObject) return writeObject(into, at, value);
  if (value instanceof AmfDate) return into.writeDoubleBE(value.ms, writeHead(into, at, MARKER3.date, 0));
  if (value instanceof AmfXml) {
    return writeText(into, into.writeUInt8(value.legacy ? MARKER3.xmlDocument : MARKER3.xml, at), value.text);
  }
  if (value instanceof AmfBytes) {
    at = writeHead(into, at, MARKER3.byteArray, value.bytes.length);
    return at + value.bytes.copy(into, at);
  }
  if (value instanceof AmfVector) return writeVector(into, at, value);
  if (value instanceof AmfDictionary) {
    at = writeHead(into, at, MARKER3.dictionary, value.pairs.length);
    at = into.writeUInt8(value.weakKeys ? 1 : 0, at);
    for (const [key, item] of value.pairs) at = writeAmf3At(into, writeAmf3At(into, at, key), item);
    return at;
  }
  if (value instanceof AmfExternal) {
    // Inline object, inline traits, externalizable: bits 1, 1, 1.
    at = writeU29(into, into.writeUInt8(MARKER3.object, at), 7);
    return writeAmf3At(into, writeText(into, at, value.className), value.body);
  }
  return into.writeUInt8(MARKER3.undefined, at);
}

function writeEcmaArray(into: Buffer, at: number, value: AmfEcmaArray): number {
  const dense = denseCount(value);
  at = writeHead(into, at, MARKER3.array, dense);
  at = writeKeyed(into, at, value.entries, dense);
  for (let i = 0; i < dense; i += 1) at = writeAmf3At(into, at, value.entries.get(String(i)));
  return at;
}

function writeObject(into: Buffer, at: number, value: AmfObject): number {
  at = into.writeUInt8(MARKER3.object, at);
  if (!isSealed(value)) {
    // Inline object, inline traits, dynamic, no sealed members: 0b1011.
    at = writeText(into, writeU29(into, at, 0x0b), value.className ?? '');
    return writeKeyed(into, at, value.entries, 0);
  }
  at = writeText(into, writeU29(into, at, sealedHead(value)), value.className ?? '');
  for (const key of value.entries.keys()) at = writeText(into, at, key);
  for (const item of value.entries.values()) at = writeAmf3At(into, at, item);
  return at;
}

function writeVector(into: Buffer, at: number, value: AmfVector): number {
  const marker = { int: 13, uint: 14, double: 15, object: 16 }[value.of];
  at = writeHead(into, at, marker, value.items.length);
  at = into.writeUInt8(value.fixed ? 1 : 0, at);
  if (value.of === 'object') return writeAll(into, writeText(into, at, value.className), value.items);
  for (const item of value.items) {
    const number = Number(item);
    if (value.of === 'double') at = into.writeDoubleBE(number, at);
    else at = into.writeInt32BE(number | 0, at);
  }
  return at;
}

function writeAll(into: Buffer, at: number, items: readonly AmfValue[]): number {
  for (const item of items) at = writeAmf3At(into, at, item);
  return at;
}

function writeKeyed(into: Buffer, at: number, entries: ReadonlyMap<string, AmfValue>, dense: number): number {
  for (const [key, item] of entries) {
    if (!isDenseKey(key, dense)) at = writeAmf3At(into, writeText(into, at, key), item);
  }
  return writeU29(into, at, 1);
}

function writeHead(into: Buffer, at: number, marker: number, count: number): number {
  return writeU29(into, into.writeUInt8(marker, at), count * 2 + 1);
}

function writeText(into: Buffer, at: number, text: string): number {
  const bytes = Buffer.byteLength(text);
  at = writeU29(into, at, bytes * 2 + 1);
  return at + into.write(text, at);
}

/** A class has fixed members; an anonymous object has dynamic ones, unless a key is empty, which only sealed names can be. */
function isSealed(value: AmfObject): boolean {
  return value.className !== undefined || value.entries.has('');
}

function sealedHead(value: AmfObject): number {
  return value.entries.size * 16 + 3;
}

/** How many of the keys are 0, 1, 2, …: the dense part of an AMF3 array. */
function denseCount(value: AmfEcmaArray): number {
  let count = 0;
  while (value.entries.has(String(count))) count += 1;
  // Without an associative part it would be read as a plain array.
  return count === value.entries.size ? 0 : count;
}

function isDenseKey(key: string, dense: number): boolean {
  const number = Number(key);
  return number < dense && String(number) === key && number >= 0;
}

function isInt29(value: number): boolean {
  return Number.isInteger(value) && value >= MIN_INT29 && value <= INT29_MAX && !Object.is(value, -0);
}

function sizeOfCount(count: number): number {
  return sizeOfU29(count * 2 + 1);
}

function sizeOfU29(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4;
}

function writeU29(into: Buffer, at: number, value: number): number {
  const size = sizeOfU29(value);
  if (size === 4) {
    at = into.writeUInt8(0x80 | ((value >>> 22) & 0x7f), at);
    at = into.writeUInt8(0x80 | ((value >>> 15) & 0x7f), at);
    at = into.writeUInt8(0x80 | ((value >>> 8) & 0x7f), at);
    return into.writeUInt8(value & 0xff, at);
  }
  if (size > 2) at = into.writeUInt8(0x80 | ((value >>> 14) & 0x7f), at);
  if (size > 1) at = into.writeUInt8(0x80 | ((value >>> 7) & 0x7f), at);
  return into.writeUInt8(value & 0x7f, at);
}
