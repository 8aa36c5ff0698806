import { ServerError } from '../../base/errors.ts';
import {
  Amf3Reader,
  AmfBudget,
  AmfDate,
  AmfEcmaArray,
  AmfInputBytes,
  AmfObject,
  AmfUnsupported,
  AmfXml,
  ReferenceTable,
  type AmfValue,
} from '../amf3/index.ts';
import { MARKER } from './marker.ts';

/**
 * Reads the values of one AMF0 message, one after the other. Throws AMF_INVALID for bytes that mean nothing and AMF_TOO_LARGE
 * past the limits of `amf3/value.ts`.
 *
 * Spec: AMF0 (Adobe, 2007). Two things are read more kindly than it says:
 * - The count of an ECMA array is not looked at: FLV 10.1 E.4.4.3 calls it an approximate number, and Flash and FMLE send 0
 *   (ossrs/srs#852).
 * - The end marker of the last object or ECMA array may be missing when the message ends there: lal before its pull request
 *   237 wrote ECMA arrays so, and the AMF0 text (2.10) never asks for one. SRS and ffmpeg read on too.
 */
export class Amf0Reader {
  readonly #input: AmfInputBytes;
  readonly #budget = new AmfBudget();
  readonly #references = new ReferenceTable();
  #amf3: Amf3Reader | undefined;

  constructor(bytes: Buffer, offset = 0) {
    this.#input = new AmfInputBytes(bytes, offset);
  }

  /** Where the next value begins, bytes. */
  get offset(): number {
    return this.#input.at;
  }

  get atEnd(): boolean {
    return this.#input.left === 0;
  }

  /** The next value. Past the end it throws; `undefined` is the AMF value of that name. */
  read(): AmfValue {
    const input = this.#input;
    this.#budget.addValues(1);
    const marker = input.u8();
    switch (marker) {
      case MARKER.number:
        return input.double();
      case MARKER.boolean:
        return input.u8() !== 0;
      case MARKER.string:
        return this.#text(input.u16());
      case MARKER.object:
        return this.#object(false);
      case MARKER.null:
        return null;
      case MARKER.undefined:
        return undefined;
      case MARKER.reference:
        return this.#references.take(input.u16(), this.#budget);
      case MARKER.ecmaArray:
        return this.#ecmaArray();
      case MARKER.strictArray:
        return this.#strictArray();
      case MARKER.date: {
        const ms = input.double();
        return new AmfDate(ms, input.i16());
      }
      case MARKER.longString:
        return this.#text(input.u32());
      case MARKER.unsupported:
        return new AmfUnsupported();
      case MARKER.xml:
        return new AmfXml(this.#text(input.u32()));
      case MARKER.typedObject:
        return this.#object(true);
      case MARKER.avmPlus:
        this.#amf3 ??= new Amf3Reader(input, this.#budget);
        return this.#amf3.read();
      default:
        // Movieclip (4) and recordset (14) are reserved and have no format; 9 ends objects only.
        throw new ServerError('AMF_INVALID', `unknown AMF0 marker ${marker} at offset ${input.at - 1}`);
    }
  }

  /** All values up to the end of the message. */
  readAll(): AmfValue[] {
    const values: AmfValue[] = [];
    while (!this.atEnd) values.push(this.read());
    return values;
  }

  #text(count: number): string {
    this.#budget.addText(count);
    return this.#input.text(count);
  }

  #object(typed: boolean): AmfObject {
    this.#budget.enter();
    const entry = this.#references.open(this.#budget);
    const className = typed ? this.#text(this.#input.u16()) : undefined;
    const object = new AmfObject([], className);
    this.#properties(object.entries);
    this.#budget.leave();
    return this.#references.close(entry, object, this.#budget);
  }

  #ecmaArray(): AmfEcmaArray {
    this.#budget.enter();
    const entry = this.#references.open(this.#budget);
    this.#input.u32();
    const array = new AmfEcmaArray();
    this.#properties(array.entries);
    this.#budget.leave();
    return this.#references.close(entry, array, this.#budget);
  }

  #properties(into: Map<string, AmfValue>): void {
    const input = this.#input;
    while (input.left > 0) {
      const length = input.u16();
      if (length === 0) {
        // The empty key before the end marker; two zero bytes at the very end are a cut end marker.
        if (input.left === 0) return;
        if (input.bytes[input.at] === MARKER.objectEnd) {
          input.at += 1;
          return;
        }
      }
      into.set(this.#text(length), this.read());
    }
  }

  #strictArray(): readonly AmfValue[] {
    this.#budget.enter();
    const entry = this.#references.open(this.#budget);
    const count = this.#input.u32();
    // Each value takes a byte or more.
    if (count > this.#input.left) {
      throw new ServerError('AMF_INVALID', `array of ${count} values in ${this.#input.left} bytes`);
    }
    const array: AmfValue[] = [];
    for (let i = 0; i < count; i += 1) array.push(this.read());
    this.#budget.leave();
    return this.#references.close(entry, array, this.#budget);
  }
}

/** All values of one AMF0 message, from `offset`. */
export function readAmf0(bytes: Buffer, offset = 0): AmfValue[] {
  return new Amf0Reader(bytes, offset).readAll();
}
