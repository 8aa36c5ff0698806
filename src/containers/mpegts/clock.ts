import type { Buffer } from 'node:buffer';

/** Ticks of the 90 kHz clock in one ms. */
const TICKS_PER_MS = 90;

/** Where the 33 bits of PTS, DTS and PCR base begin again, ticks: after 26 h 30 min. */
export const TS_CLOCK_WRAP = 2 ** 33;

/** Ms of stream time → 33 bits of the 90 kHz clock. By division: shifts would lose bit 32. */
export function ticksOf(ms: number): number {
  const ticks = Math.round(ms * TICKS_PER_MS) % TS_CLOCK_WRAP;
  return ticks < 0 ? ticks + TS_CLOCK_WRAP : ticks;
}

/** Ticks → ms, to the nearest. */
export function msOf(ticks: number): number {
  return Math.round(ticks / TICKS_PER_MS);
}

/** The time that is congruent to 33 bits and nearest to `reference`, both ticks. */
export function unwrapTicks(bits33: number, reference: number): number {
  return bits33 + Math.round((reference - bits33) / TS_CLOCK_WRAP) * TS_CLOCK_WRAP;
}

/** Writes the 5 bytes of a PTS or DTS; `marker` is its first four bits. Spec: ISO/IEC 13818-1, 2.4.3.6. */
export function writeTimestamp(buf: Buffer, at: number, marker: number, ticks: number): number {
  const high = Math.floor(ticks / 2 ** 30);
  const middle = Math.floor(ticks / 2 ** 15) % 2 ** 15;
  const low = ticks % 2 ** 15;
  buf[at] = (marker << 4) | (high << 1) | 1;
  buf[at + 1] = middle >> 7;
  buf[at + 2] = ((middle & 0x7f) << 1) | 1;
  buf[at + 3] = low >> 7;
  buf[at + 4] = ((low & 0x7f) << 1) | 1;
  return at + 5;
}

/** The 33 bits of the PTS or DTS at `at`. */
export function readTimestamp(bytes: Buffer, at: number): number {
  const high = ((bytes[at] ?? 0) >> 1) & 7;
  const middle = bytes.readUInt16BE(at + 1) >> 1;
  const low = bytes.readUInt16BE(at + 3) >> 1;
  return high * 2 ** 30 + middle * 2 ** 15 + low;
}

/** Writes the 6 bytes of a PCR whose extension (27 MHz) is 0. Spec: ISO/IEC 13818-1, 2.4.3.4. */
export function writePcr(buf: Buffer, at: number, ticks: number): void {
  const base = Math.floor(ticks / 2);
  buf.writeUInt32BE(base, at);
  buf[at + 4] = ((ticks % 2) << 7) | 0x7e;
  buf[at + 5] = 0;
}

/** The base (90 kHz) of the PCR at `at`. */
export function readPcr(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 2 + ((bytes[at + 4] ?? 0) >> 7);
}
