import { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import { readTimestamp } from './clock.ts';

/** Largest PES packet that is put together, bytes: one access unit, as with FLV tags. */
export const MAX_PES_BYTES = 8 * 1024 * 1024;

const FIRST_BYTES = 16 * 1024;
const FIXED_BYTES = 9;

/** A whole PES packet. Times are the 33 bits of the wire; undefined where the packet has none. */
export interface PesPacket {
  readonly pts: number | undefined;
  readonly dts: number | undefined;
  /** Its own memory. */
  readonly payload: Buffer;
}

/** Puts the PES packets of one PID together. Its memory grows with the bytes that came, not with what is announced. */
export class PesAssembly {
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;
  #open = false;

  /** Begins a packet; what was there before must have been taken. */
  begin(): void {
    this.#length = 0;
    this.#open = true;
  }

  /** Forgets the packet, after a loss. Returns whether there was one. */
  drop(): boolean {
    const had = this.#open;
    this.#open = false;
    this.#length = 0;
    return had;
  }

  /** Throws TS_PES_TOO_LARGE. Bytes without a beginning are left out. */
  add(bytes: Buffer, from: number, to: number): void {
    if (!this.#open) return;
    const size = this.#length + to - from;
    if (size > MAX_PES_BYTES)
      throw new ServerError('TS_PES_TOO_LARGE', `a PES packet of more than ${MAX_PES_BYTES} bytes`);
    if (size > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, this.#buffer.length * 2, size));
      this.#buffer.copy(grown, 0, 0, this.#length);
      this.#buffer = grown;
    }
    bytes.copy(this.#buffer, this.#length, from, to);
    this.#length = size;
  }

  /** All the bytes that the packet announced are here. */
  get whole(): boolean {
    if (!this.#open || this.#length < 6) return false;
    const announced = this.#buffer.readUInt16BE(4);
    return announced > 0 && this.#length >= announced + 6;
  }

  /** The packet, when there is one that can be read. Spec: ISO/IEC 13818-1, 2.4.3.6. */
  take(): PesPacket | undefined {
    const length = this.#length;
    const bytes = this.#buffer;
    if (!this.drop() || length < FIXED_BYTES) return undefined;
    if (bytes.readUIntBE(0, 3) !== 1 || (bytes.readUInt8(6) & 0xc0) !== 0x80) return undefined;
    const announced = bytes.readUInt16BE(4);
    const end = announced === 0 ? length : Math.min(length, announced + 6);
    const flags = bytes.readUInt8(7) >> 6;
    const payload = FIXED_BYTES + bytes.readUInt8(8);
    if (payload > end) return undefined;
    const pts = flags >= 2 && payload >= 14 ? readTimestamp(bytes, 9) : undefined;
    const dts = flags === 3 && payload >= 19 ? readTimestamp(bytes, 14) : pts;
    return { pts, dts, payload: Buffer.from(bytes.subarray(payload, end)) };
  }
}
