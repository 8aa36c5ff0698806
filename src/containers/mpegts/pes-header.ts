import { Buffer } from 'node:buffer';
import { writeTimestamp } from './clock.ts';
import type { PacketWriter } from './packet.ts';

/** Start code, stream id, length and two flag bytes, header length: what precedes the timestamps. */
const FIXED_BYTES = 9;
const TIMESTAMP_BYTES = 5;
/** Largest value of PES_packet_length, which counts the bytes behind itself. */
const MAX_PES_LENGTH = 0xffff;
const LENGTH_END = 6;

/** The header of a PES packet. Used again for each packet. Spec: ISO/IEC 13818-1, 2.4.3.6. */
export class PesHeader {
  readonly #bytes = Buffer.alloc(FIXED_BYTES + 2 * TIMESTAMP_BYTES);
  size = 0;

  /** `pts` and `dts` in ticks. A length that does not fit is left open, as video may. */
  set(streamId: number, pts: number, dts: number, payloadBytes: number): void {
    const bytes = this.#bytes;
    const both = pts !== dts;
    this.size = FIXED_BYTES + (both ? 2 : 1) * TIMESTAMP_BYTES;
    const length = this.size - LENGTH_END + payloadBytes;
    bytes.writeUInt32BE(0x100 + streamId, 0);
    // Told where it fits, so that a reader need not wait for the next packet to know that this one is whole.
    bytes.writeUInt16BE(length > MAX_PES_LENGTH ? 0 : length, 4);
    bytes[6] = 0x84; // Aligned: an access unit begins behind the header.
    bytes[7] = both ? 0xc0 : 0x80;
    bytes[8] = this.size - FIXED_BYTES;
    const at = writeTimestamp(bytes, FIXED_BYTES, both ? 3 : 2, pts);
    if (both) writeTimestamp(bytes, at, 1, dts);
  }

  writeTo(writer: PacketWriter): void {
    writer.put(this.#bytes, 0, this.size);
  }
}
