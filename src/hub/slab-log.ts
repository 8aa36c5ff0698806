import type { ByteLog, Reservation } from './ports.ts';

const FIRST_SLAB_BYTES = 16 * 1024;
const MAX_SLAB_BYTES = 256 * 1024;
/** A block that lasts so long is large enough, ms: thousands of slow streams must not hold 256 KiB each. */
const SLAB_LIFE_MS = 2_000;

class Place implements Reservation {
  buffer: Buffer;
  offset = 0;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }
}

/** One block of memory; `from` is the log position of its first byte. */
class Slab {
  readonly buffer: Buffer;
  readonly from: number;
  /** When it was begun, clock ms. */
  readonly since: number;
  used = 0;

  constructor(bytes: number, from: number, since: number) {
    // Not from Node's pool: a view must keep alive this block only.
    this.buffer = Buffer.allocUnsafeSlow(bytes);
    this.from = from;
    this.since = since;
  }

  get end(): number {
    return this.from + this.used;
  }
}

/**
 * The bytes of a feed in blocks of 16 KiB to 256 KiB, about two seconds each. Views given out keep their block alive by themselves, so
 * `trim` may forget blocks whatever slow viewers still hold.
 */
export class SlabLog implements ByteLog {
  readonly #slabs: Slab[] = [];
  readonly #place = new Place(Buffer.alloc(0));
  /** The clock, ms; set by the feed before it appends. */
  nowMs = 0;
  #tail: Slab | undefined;
  #end = 0;

  get start(): number {
    return this.#slabs[0]?.from ?? this.#end;
  }

  get end(): number {
    return this.#end;
  }

  /** Blocks held, for tests and statistics. */
  get slabs(): number {
    return this.#slabs.length;
  }

  reserve(size: number): Reservation {
    let tail = this.#tail;
    if (tail === undefined || tail.buffer.length - tail.used < size) {
      tail = new Slab(Math.max(this.#nextSize(tail), size), this.#end, this.nowMs);
      this.#slabs.push(tail);
      this.#tail = tail;
    }
    const place = this.#place;
    place.buffer = tail.buffer;
    place.offset = tail.used;
    tail.used += size;
    this.#end += size;
    return place;
  }

  /** The bytes of [from, to): a view when they lie in one block, else one copy. */
  view(from: number, to: number): Buffer {
    if (from < this.start || to > this.#end || from > to) {
      throw new RangeError(`log view ${from}..${to} outside ${this.start}..${this.#end}`);
    }
    const tail = this.#tail;
    if (tail !== undefined && from >= tail.from)
      return tail.buffer.subarray(from - tail.from, to - tail.from);
    let index = this.#slabs.length - 1;
    while (index > 0 && (this.#slabs[index]?.from ?? 0) > from) index -= 1;
    const first = this.#slabs[index];
    if (first === undefined) return Buffer.alloc(0);
    if (to <= first.end) return first.buffer.subarray(from - first.from, to - first.from);
    const joined = Buffer.allocUnsafeSlow(to - from);
    for (let at = from; at < to; index += 1) {
      const slab = this.#slabs[index];
      if (slab === undefined) break;
      const until = Math.min(to, slab.end);
      slab.buffer.copy(joined, at - from, at - slab.from, until - slab.from);
      at = until;
    }
    return joined;
  }

  #nextSize(tail: Slab | undefined): number {
    if (tail === undefined) return FIRST_SLAB_BYTES;
    const before = Math.min(tail.buffer.length, MAX_SLAB_BYTES);
    return this.nowMs - tail.since < SLAB_LIFE_MS ? Math.min(before * 2, MAX_SLAB_BYTES) : before;
  }

  /** Forgets blocks that end at or before `position`, but the newest. */
  trim(position: number): void {
    let count = 0;
    while (count < this.#slabs.length - 1 && (this.#slabs[count]?.end ?? Infinity) <= position) count += 1;
    if (count > 0) this.#slabs.splice(0, count);
  }
}

/**
 * Bytes that grow at the end in one contiguous block. A view taken earlier stays true: what was written is never changed, and
 * growing moves to a new block.
 */
export class GrowingBytes {
  readonly #place: Place;
  #buffer: Buffer;
  #length = 0;

  constructor(firstBytes = 4096) {
    this.#buffer = Buffer.allocUnsafeSlow(firstBytes);
    this.#place = new Place(this.#buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** As ByteLog.reserve. */
  reserve(size: number): Reservation {
    if (this.#buffer.length - this.#length < size) {
      const grown = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#length + size));
      this.#buffer.copy(grown, 0, 0, this.#length);
      this.#buffer = grown;
    }
    const place = this.#place;
    place.buffer = this.#buffer;
    place.offset = this.#length;
    this.#length += size;
    return place;
  }

  view(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}
