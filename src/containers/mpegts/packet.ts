import type { Buffer } from 'node:buffer';
import { writePcr } from './clock.ts';

/** Bytes of a transport packet, and of what follows its header. Spec: ISO/IEC 13818-1, 2.4.3.2. */
export const TS_PACKET_BYTES = 188;
export const TS_PAYLOAD_BYTES = 184;
export const TS_SYNC_BYTE = 0x47;

/** Flags of an adaptation field. Spec: ISO/IEC 13818-1, 2.4.3.4. */
export const ADAPTATION = { DISCONTINUITY: 0x80, RANDOM_ACCESS: 0x40, PCR: 0x10 } as const;

/** Bytes of an adaptation field with flags alone, and with a PCR; its length byte included. */
const FLAGS_FIELD_BYTES = 2;
const PCR_FIELD_BYTES = 8;

/** No PCR in this packet. */
export const NO_PCR = -1;

/** A PID and its continuity counter, which lives as long as the muxer. */
export class PidCounter {
  readonly pid: number;
  /** Of the next packet with payload. */
  next = 0;
  /** There was one. */
  used = false;

  constructor(pid: number) {
    this.pid = pid;
  }
}

function fieldBytes(flags: number, pcr: number): number {
  return pcr !== NO_PCR ? PCR_FIELD_BYTES : flags !== 0 ? FLAGS_FIELD_BYTES : 0;
}

/** Packets that `bytes` of a PES packet take, with these flags and PCR in the first. */
export function packetsOf(bytes: number, flags: number, pcr: number): number {
  return Math.ceil((bytes + fieldBytes(flags, pcr)) / TS_PAYLOAD_BYTES);
}

/** Spreads a payload that comes in pieces over the packets of one PID; the last is filled up by its adaptation field. */
export class PacketWriter {
  #buf: Buffer | undefined;
  #counter: PidCounter | undefined;
  #at = 0;
  /** Bytes free in the present packet, and bytes of the payload that are still to come. */
  #room = 0;
  #left = 0;

  /** Begins a payload of `bytes`. `pcr` is in ticks, or NO_PCR. */
  begin(buf: Buffer, at: number, counter: PidCounter, bytes: number, flags: number, pcr: number): void {
    this.#buf = buf;
    this.#at = at;
    this.#counter = counter;
    this.#left = bytes;
    this.#packet(0x40, flags, pcr);
  }

  /** The next bytes [from, to) of `source`. */
  put(source: Buffer, from: number, to: number): void {
    const buf = this.#buf;
    if (buf === undefined) return;
    let next = from;
    while (next < to) {
      if (this.#room === 0) this.#packet(0, 0, NO_PCR);
      const step = Math.min(this.#room, to - next);
      source.copy(buf, this.#at, next, next + step);
      next += step;
      this.#at += step;
      this.#room -= step;
      this.#left -= step;
    }
  }

  /** Ends the payload; returns the position behind it. */
  end(): number {
    this.#buf = undefined;
    this.#counter = undefined;
    return this.#at;
  }

  #packet(start: number, flags: number, pcr: number): void {
    const buf = this.#buf;
    const counter = this.#counter;
    if (buf === undefined || counter === undefined) return;
    const field = fieldBytes(flags, pcr);
    const adaptation = field + Math.max(0, TS_PAYLOAD_BYTES - field - this.#left);
    const at = this.#at;
    writeHeader(buf, at, start | (counter.pid >> 8), counter.pid, adaptation > 0 ? 0x30 : 0x10, counter.next);
    counter.next = (counter.next + 1) & 15;
    counter.used = true;
    if (adaptation > 0) writeField(buf, at + 4, adaptation, flags, pcr);
    this.#at = at + 4 + adaptation;
    this.#room = TS_PAYLOAD_BYTES - adaptation;
  }
}

/** Writes a packet that has a PCR and nothing else. Its counter stays that of the packet before (2.4.3.3). */
export function writePcrPacket(buf: Buffer, at: number, counter: PidCounter, pcr: number, flags = 0): number {
  writeHeader(buf, at, counter.pid >> 8, counter.pid, 0x20, (counter.next + 15) & 15);
  writeField(buf, at + 4, TS_PAYLOAD_BYTES, flags, pcr);
  return at + TS_PACKET_BYTES;
}

function writeHeader(
  buf: Buffer,
  at: number,
  startAndHigh: number,
  low: number,
  control: number,
  counter: number,
): void {
  buf[at] = TS_SYNC_BYTE;
  buf[at + 1] = startAndHigh;
  buf[at + 2] = low;
  buf[at + 3] = control | counter;
}

/** An adaptation field of `bytes` with its length byte; the rest of it is stuffing. One byte alone is a length of 0. */
function writeField(buf: Buffer, at: number, bytes: number, flags: number, pcr: number): void {
  buf[at] = bytes - 1;
  if (bytes === 1) return;
  buf[at + 1] = pcr === NO_PCR ? flags : flags | ADAPTATION.PCR;
  if (pcr !== NO_PCR) writePcr(buf, at + 2, pcr);
  buf.fill(0xff, at + (pcr === NO_PCR ? FLAGS_FIELD_BYTES : PCR_FIELD_BYTES), at + bytes);
}
