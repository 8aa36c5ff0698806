import { Buffer } from 'node:buffer';

/** Largest value of an unsigned 32-bit field. */
export const U32_MAX = 0xffff_ffff;

/** Bytes of a box header: size and type. Spec: ISO/IEC 14496-12, 4.2. */
export const BOX_HEADER_BYTES = 8;

/** A part of a file whose size is known before memory is spent: a box, or fields inside one. */
export interface Part {
  /** Bytes. */
  readonly size: number;
  write(out: Buffer, at: number): void;
  /** The same as `write`, in steps; only boxes have it. */
  writeSteps?(out: Buffer, at: number): Steps<void>;
}

/** Long work, to be taken step by step by whoever has other things to do meanwhile. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** A table of so many bytes is a step of its own: some ms. */
const STEP_BYTES = 64 * 1024;

/** Parts one after another in one allocation. */
export function render(...parts: readonly Part[]): Buffer {
  const out = Buffer.allocUnsafe(sizeOf(parts));
  writeAll(parts, out, 0);
  return out;
}

/** As `render`, in steps of one table each: the index of a day has several of some MB. */
export function* renderSteps(part: Part): Steps<Buffer> {
  const out = Buffer.allocUnsafe(part.size);
  yield* writeSteps([part], out, 0);
  return out;
}

/** A box of less than 4 GiB. Spec: ISO/IEC 14496-12, 4.2. */
export function box(type: string, ...parts: readonly Part[]): Part {
  const size = BOX_HEADER_BYTES + sizeOf(parts);
  return {
    size,
    write(out, at) {
      writeBoxHeader(out, at, size, type);
      writeAll(parts, out, at + BOX_HEADER_BYTES);
    },
    *writeSteps(out, at) {
      writeBoxHeader(out, at, size, type);
      yield* writeSteps(parts, out, at + BOX_HEADER_BYTES);
    },
  };
}

/** A box with version and flags. Spec: ISO/IEC 14496-12, 4.2. */
export function fullBox(type: string, version: number, flags: number, ...parts: readonly Part[]): Part {
  return box(type, u32(version * 2 ** 24 + flags), ...parts);
}

/** Writes size and four-character type; returns the position after them. */
export function writeBoxHeader(out: Buffer, at: number, size: number, type: string): number {
  out.writeUInt32BE(size, at);
  out.write(type, at + 4, 4, 'latin1');
  return at + BOX_HEADER_BYTES;
}

/** Fields that are filled in by `write`, for long tables. */
export function fields(size: number, write: (out: Buffer, at: number) => void): Part {
  return { size, write };
}

export function u8(value: number): Part {
  return fields(1, (out, at) => out.writeUInt8(value, at));
}

export function u16(value: number): Part {
  return fields(2, (out, at) => out.writeUInt16BE(value, at));
}

export function u24(value: number): Part {
  return fields(3, (out, at) => out.writeUIntBE(value, at, 3));
}

export function u32(value: number): Part {
  return fields(4, (out, at) => out.writeUInt32BE(value, at));
}

export function u64(value: number): Part {
  return fields(8, (out, at) => writeU64(out, at, value));
}

/** 8 bytes if `wide`, else 4: the times of version 1 and version 0 of a box. */
export function u64or32(wide: boolean, value: number): Part {
  return wide ? u64(value) : u32(value);
}

/** A four-character code. */
export function fourCc(type: string): Part {
  return fields(4, (out, at) => out.write(type, at, 4, 'latin1'));
}

/** Reserved fields. */
export function zeros(count: number): Part {
  return fields(count, (out, at) => out.fill(0, at, at + count));
}

export function bytes(content: Buffer): Part {
  return fields(content.length, (out, at) => content.copy(out, at));
}

/** An integer of up to 2^53 in 64 bits; returns the position after it. */
export function writeU64(out: Buffer, at: number, value: number): number {
  out.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  return out.writeUInt32BE(value % 2 ** 32, at + 4);
}

function sizeOf(parts: readonly Part[]): number {
  let size = 0;
  for (const part of parts) size += part.size;
  return size;
}

function writeAll(parts: readonly Part[], out: Buffer, from: number): void {
  let at = from;
  for (const part of parts) {
    part.write(out, at);
    at += part.size;
  }
}

function* writeSteps(parts: readonly Part[], out: Buffer, from: number): Steps<void> {
  let at = from;
  for (const part of parts) {
    if (part.size < STEP_BYTES || part.writeSteps === undefined) part.write(out, at);
    else yield* part.writeSteps(out, at);
    if (part.size >= STEP_BYTES) yield;
    at += part.size;
  }
}
