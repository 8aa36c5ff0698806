import { ServerError } from '../../base/errors.ts';
import {
  AmfBudget,
  AmfDate,
  AmfEcmaArray,
  AmfObject,
  AmfUnsupported,
  AmfXml,
  isAmfArray,
  sizeOfAmf3,
  writeAmf3At,
  type AmfValue,
} from '../amf3/index.ts';
import { MARKER } from './marker.ts';

/** Above this a string takes the long form. Spec: AMF0, 2.4 and 2.14. */
const MAX_SHORT_STRING_BYTES = 0xffff;

/**
 * One message of these values. Nothing is written as a reference: librtmp and ffmpeg cannot read one, so an object that
 * appears twice is written twice (a circle ends at the depth limit with AMF_TOO_LARGE).
 *
 * Spec: AMF0. What AMF0 cannot say (byte arrays, vectors, dictionaries) goes behind the AVM+ marker (3.1).
 */
export function encodeAmf0(values: readonly AmfValue[]): Buffer {
  const bytes = Buffer.allocUnsafe(sizeOfAmf0(values));
  writeAmf0At(bytes, 0, values);
  return bytes;
}

/** Bytes that `encodeAmf0` makes of these values. Throws AMF_TOO_LARGE past the limits. */
export function sizeOfAmf0(values: readonly AmfValue[]): number {
  const budget = new AmfBudget();
  let size = 0;
  for (const value of values) size += sizeOf(value, budget);
  return size;
}

/** Writes what `sizeOfAmf0` measured and returns the offset behind it. */
export function writeAmf0At(into: Buffer, at: number, values: readonly AmfValue[]): number {
  for (const value of values) at = write(value, into, at);
  return at;
}

function sizeOf(value: AmfValue, budget: AmfBudget): number {
  budget.addValues(1);
  if (value === undefined || value === null || value instanceof AmfUnsupported) return 1;
  if (typeof value === 'boolean') return 2;
  if (typeof value === 'number') return 9;
  if (typeof value === 'string') {
    const count = textBytes(value, budget);
    return (count > MAX_SHORT_STRING_BYTES ? 5 : 3) + count;
  }
  if (value instanceof AmfDate) return 11;
  if (value instanceof AmfXml) return 5 + textBytes(value.text, budget);
  budget.enter();
  const size = sizeOfComplex(value, budget);
  budget.leave();
  return size;
}

function sizeOfComplex(
  value: Exclude<AmfValue, undefined | null | boolean | number | string>,
  budget: AmfBudget,
): number {
  if (isAmfArray(value)) {
    let size = 5;
    for (const item of value) size += sizeOf(item, budget);
    return size;
  }
  if (value instanceof AmfEcmaArray) return 5 + sizeOfProperties(value.entries, budget);
  if (value instanceof AmfObject) {
    const head = value.className === undefined ? 1 : 3 + shortTextBytes(value.className, budget);
    return head + sizeOfProperties(value.entries, budget);
  }
  return 1 + sizeOfAmf3(value, budget);
}

function sizeOfProperties(entries: ReadonlyMap<string, AmfValue>, budget: AmfBudget): number {
  let size = 3;
  for (const [key, value] of entries) size += 2 + shortTextBytes(key, budget) + sizeOf(value, budget);
  return size;
}

function textBytes(text: string, budget: AmfBudget): number {
  const count = Buffer.byteLength(text);
  budget.addText(count);
  return count;
}

function shortTextBytes(text: string, budget: AmfBudget): number {
  const count = textBytes(text, budget);
  if (count > MAX_SHORT_STRING_BYTES) throw new ServerError('AMF_TOO_LARGE', `name of ${count} bytes`);
  return count;
}

function write(value: AmfValue, into: Buffer, at: number): number {
  if (value === undefined) return into.writeUInt8(MARKER.undefined, at);
  if (typeof value === 'boolean') {
    at = into.writeUInt8(MARKER.boolean, at);
    return into.writeUInt8(value ? 1 : 0, at);
  }
  if (typeof value === 'number') {
    at = into.writeUInt8(MARKER.number, at);
    return into.writeDoubleBE(value, at);
  }
  if (typeof value === 'string') {
    const count = Buffer.byteLength(value);
    if (count > MAX_SHORT_STRING_BYTES) return writeLongText(MARKER.longString, value, into, at);
    at = into.writeUInt8(MARKER.string, at);
    return writeShortText(value, into, at);
  }
  if (value === null) return into.writeUInt8(MARKER.null, at);
  if (isAmfArray(value)) {
    at = into.writeUInt8(MARKER.strictArray, at);
    at = into.writeUInt32BE(value.length, at);
    for (const item of value) at = write(item, into, at);
    return at;
  }
  if (value instanceof AmfUnsupported) return into.writeUInt8(MARKER.unsupported, at);
  if (value instanceof AmfXml) return writeLongText(MARKER.xml, value.text, into, at);
  if (value instanceof AmfDate) {
    at = into.writeUInt8(MARKER.date, at);
    at = into.writeDoubleBE(value.ms, at);
    return into.writeInt16BE(value.timezoneMinutes, at);
  }
  if (value instanceof AmfEcmaArray) {
    at = into.writeUInt8(MARKER.ecmaArray, at);
    at = into.writeUInt32BE(value.entries.size, at);
    return writeProperties(value.entries, into, at);
  }
  if (value instanceof AmfObject) {
    if (value.className === undefined) {
      at = into.writeUInt8(MARKER.object, at);
    } else {
      at = into.writeUInt8(MARKER.typedObject, at);
      at = writeShortText(value.className, into, at);
    }
    return writeProperties(value.entries, into, at);
  }
  at = into.writeUInt8(MARKER.avmPlus, at);
  return writeAmf3At(into, at, value);
}

function writeProperties(entries: ReadonlyMap<string, AmfValue>, into: Buffer, at: number): number {
  for (const [key, value] of entries) {
    at = writeShortText(key, into, at);
    at = write(value, into, at);
  }
  at = into.writeUInt16BE(0, at);
  return into.writeUInt8(MARKER.objectEnd, at);
}

function writeShortText(text: string, into: Buffer, at: number): number {
  const count = into.write(text, at + 2);
  into.writeUInt16BE(count, at);
  return at + 2 + count;
}

function writeLongText(marker: number, text: string, into: Buffer, at: number): number {
  at = into.writeUInt8(marker, at);
  const count = into.write(text, at + 4);
  into.writeUInt32BE(count, at);
  return at + 4 + count;
}
