import { ServerError } from '../../base/errors.ts';
import { AmfInputBytes } from './input.ts';
import { KNOWN_EXTERNALS, MARKER3 } from './marker.ts';
import {
  AmfBudget,
  AmfBytes,
  AmfDate,
  AmfDictionary,
  AmfEcmaArray,
  AmfExternal,
  AmfObject,
  AmfVector,
  AmfXml,
  ReferenceTable,
  type AmfComplex,
  type AmfValue,
} from './value.ts';

interface Traits {
  readonly className: string;
  readonly dynamic: boolean;
  readonly external: boolean;
  readonly names: readonly string[];
  /** Bytes of the names: they count again for each object that refers to these traits. */
  readonly nameBytes: number;
}

interface StringEntry {
  readonly text: string;
  readonly bytes: number;
}

/**
 * Reads AMF3 values. The three reference tables (strings, objects, traits) live as long as the reader: make one for each
 * message (AMF3, 2.2). Throws AMF_INVALID and AMF_TOO_LARGE as `Amf0Reader` does.
 */
export class Amf3Reader {
  readonly #input: AmfInputBytes;
  readonly #budget: AmfBudget;
  readonly #strings: StringEntry[] = [];
  readonly #objects = new ReferenceTable();
  readonly #traits: Traits[] = [];

  constructor(input: AmfInputBytes, budget = new AmfBudget()) {
    this.#input = input;
    this.#budget = budget;
  }

  /** The next value. */
  read(): AmfValue {
    this.#budget.addValues(1);
    const marker = this.#input.u8();
    switch (marker) {
      case MARKER3.undefined:
        return undefined;
      case MARKER3.null:
        return null;
      case MARKER3.false:
        return false;
      case MARKER3.true:
        return true;
      case MARKER3.integer:
        return (this.#u29() << 3) >> 3;
      case MARKER3.double:
        return this.#input.double();
      case MARKER3.string:
        return this.#string();
      default:
        return this.#complex(marker);
    }
  }

  #complex(marker: number): AmfComplex {
    if (marker > MARKER3.dictionary) {
      throw new ServerError('AMF_INVALID', `unknown AMF3 marker ${marker} at offset ${this.#input.at - 1}`);
    }
    const head = this.#u29();
    if ((head & 1) === 0) return this.#objects.take(head >>> 1, this.#budget);
    this.#budget.enter();
    const entry = this.#objects.open(this.#budget);
    const value = this.#inline(marker, head >>> 1);
    this.#budget.leave();
    return this.#objects.close(entry, value, this.#budget);
  }

  /** `flags`: the U29 after the marker without its lowest bit: a count, or the traits' flags. */
  #inline(marker: number, flags: number): AmfComplex {
    switch (marker) {
      case MARKER3.xmlDocument:
        return new AmfXml(this.#text(flags), true);
      case MARKER3.xml:
        return new AmfXml(this.#text(flags), false);
      case MARKER3.date:
        return new AmfDate(this.#input.double());
      case MARKER3.array:
        return this.#array(flags);
      case MARKER3.object:
        return this.#object(flags);
      case MARKER3.byteArray: {
        this.#budget.addText(flags);
        const at = this.#input.skip(flags);
        return new AmfBytes(Buffer.from(this.#input.bytes.subarray(at, at + flags)));
      }
      case MARKER3.dictionary:
        return this.#dictionary(flags);
      default:
        return this.#vector(marker, flags);
    }
  }

  /** Spec: AMF3, 3.11. The associative part comes first and ends with an empty key. */
  #array(count: number): AmfComplex {
    this.#mayHold(count, 1);
    let keyed: AmfEcmaArray | undefined;
    for (let key = this.#string(); key !== ''; key = this.#string()) {
      keyed ??= new AmfEcmaArray();
      keyed.entries.set(key, this.read());
    }
    if (keyed !== undefined) {
      for (let i = 0; i < count; i += 1) keyed.entries.set(String(i), this.read());
      return keyed;
    }
    const items: AmfValue[] = [];
    for (let i = 0; i < count; i += 1) items.push(this.read());
    return items;
  }

  #object(flags: number): AmfComplex {
    const traits = this.#readTraits(flags);
    if (traits.external) return new AmfExternal(traits.className, this.read());
    const object = new AmfObject([], traits.className === '' ? undefined : traits.className);
    this.#mayHold(traits.names.length, 1);
    this.#budget.addText(traits.nameBytes);
    for (const name of traits.names) object.entries.set(name, this.read());
    if (traits.dynamic) {
      for (let key = this.#string(); key !== ''; key = this.#string()) object.entries.set(key, this.read());
    }
    return object;
  }

  /** Spec: AMF3, 3.12: U29O-traits-ref, U29O-traits-ext and U29O-traits. */
  #readTraits(flags: number): Traits {
    if ((flags & 1) === 0) {
      const known = this.#traits[flags >>> 1];
      if (known === undefined)
        throw new ServerError('AMF_INVALID', `reference to traits ${flags >>> 1}, which do not exist`);
      return known;
    }
    const external = (flags & 2) !== 0;
    const className = this.#string();
    if (external && !KNOWN_EXTERNALS.has(className)) {
      throw new ServerError('AMF_INVALID', 'externalizable class of unknown format');
    }
    const names: string[] = [];
    const count = external ? 0 : flags >>> 3;
    this.#mayHold(count, 1);
    const before = this.#budget.textBytes;
    for (let i = 0; i < count; i += 1) names.push(this.#string());
    const traits = {
      className,
      external,
      dynamic: !external && (flags & 4) !== 0,
      names,
      nameBytes: this.#budget.textBytes - before,
    };
    this.#traits.push(traits);
    return traits;
  }

  #vector(marker: number, count: number): AmfVector {
    const input = this.#input;
    const fixed = input.u8() !== 0;
    const className = marker === MARKER3.vectorObject ? this.#string() : '*';
    this.#mayHold(count, marker === MARKER3.vectorObject ? 1 : marker === MARKER3.vectorDouble ? 8 : 4);
    const items: AmfValue[] = [];
    if (marker === MARKER3.vectorObject) {
      for (let i = 0; i < count; i += 1) items.push(this.read());
      return new AmfVector('object', items, fixed, className);
    }
    this.#budget.addValues(count);
    if (marker === MARKER3.vectorDouble) {
      for (let i = 0; i < count; i += 1) items.push(input.double());
      return new AmfVector('double', items, fixed);
    }
    const signed = marker === MARKER3.vectorInt;
    for (let i = 0; i < count; i += 1) items.push(signed ? input.i32() : input.u32());
    return new AmfVector(signed ? 'int' : 'uint', items, fixed);
  }

  #dictionary(count: number): AmfDictionary {
    const weakKeys = this.#input.u8() !== 0;
    this.#mayHold(count, 2);
    const pairs: (readonly [AmfValue, AmfValue])[] = [];
    for (let i = 0; i < count; i += 1) {
      const key = this.read();
      pairs.push([key, this.read()]);
    }
    return new AmfDictionary(pairs, weakKeys);
  }

  /** A count from the peer must fit what is left of the message before anything is made of it. */
  #mayHold(count: number, bytesEach: number): void {
    if (count * bytesEach > this.#input.left) {
      throw new ServerError('AMF_INVALID', `${count} values in ${this.#input.left} bytes`);
    }
  }

  /** UTF-8-vr: a reference, or a string that joins the table unless it is empty. Spec: AMF3, 1.3.2. */
  #string(): string {
    const head = this.#u29();
    if ((head & 1) === 0) {
      const known = this.#strings[head >>> 1];
      if (known === undefined)
        throw new ServerError('AMF_INVALID', `reference to string ${head >>> 1}, which does not exist`);
      this.#budget.addText(known.bytes);
      return known.text;
    }
    const bytes = head >>> 1;
    if (bytes === 0) return '';
    const text = this.#text(bytes);
    this.#strings.push({ text, bytes });
    return text;
  }

  #text(bytes: number): string {
    this.#budget.addText(bytes);
    return this.#input.text(bytes);
  }

  /** Spec: AMF3, 1.3.1: seven bits a byte, all eight of the fourth. */
  #u29(): number {
    let value = 0;
    for (let i = 0; i < 3; i += 1) {
      const byte = this.#input.u8();
      if (byte < 0x80) return (value << 7) | byte;
      value = (value << 7) | (byte & 0x7f);
    }
    return (value << 8) | this.#input.u8();
  }
}

/** All values of one AMF3 message, from `offset`. */
export function readAmf3(bytes: Buffer, offset = 0): AmfValue[] {
  const input = new AmfInputBytes(bytes, offset);
  const reader = new Amf3Reader(input);
  const values: AmfValue[] = [];
  while (input.left > 0) values.push(reader.read());
  return values;
}
