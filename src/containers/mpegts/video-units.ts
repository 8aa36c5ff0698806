import { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import { H264_NAL, writeAvcConfig } from '../../media/codecs/h264.ts';
import { MAX_PARAMETER_SET_BYTES } from '../../media/codecs/nal.ts';
import type { Frame } from '../../media/frame.ts';
import { frameFromFlv, TAG_TYPE } from '../flv/index.ts';
import { findUnits, type UnitPlaces } from './annex-b.ts';
import { msOf } from './clock.ts';

/** Bytes before the access unit in the body of an FLV video tag. Spec: FLV 10.1, E.4.3. */
const FLV_HEADER_BYTES = 5;
/** Distance of two pictures while none is known, ms. */
const USUAL_STEP_MS = 40;

/** H.264 in Annex B form → frames as the other inputs make them: length-prefixed, parameter sets as config frames. */
export class VideoUnits {
  #sps: Buffer | undefined;
  #pps: Buffer[] = [];
  #config: Buffer | undefined;
  #lastDts: number | undefined;
  #stepMs = USUAL_STEP_MS;

  /**
   * The frames of one PES packet; times in unwrapped ticks. A delimiter begins a new access unit; only the first of a packet
   * has timestamps, those behind it follow at the last distance of two pictures.
   */
  read(bytes: Buffer, pts: number, dts: number, randomAccess: boolean, into: Frame[]): void {
    const places = findUnits(bytes);
    const time = msOf(dts);
    if (this.#lastDts !== undefined && time > this.#lastDts) this.#stepMs = time - this.#lastDts;
    const cts = msOf(pts) - time;
    let unit = 0;
    let from = 0;
    for (let i = 0; i <= places.starts.length; i++) {
      const isEnd = i === places.starts.length;
      if (!isEnd && (i === from || typeAt(bytes, places, i) !== H264_NAL.AUD)) continue;
      const at = time + unit * this.#stepMs;
      if (this.#readUnit(bytes, places, from, i, at, cts, randomAccess && unit === 0, into)) unit += 1;
      from = i;
    }
    this.#lastDts = time + Math.max(0, unit - 1) * this.#stepMs;
  }

  #readUnit(
    bytes: Buffer,
    places: UnitPlaces,
    from: number,
    to: number,
    dts: number,
    cts: number,
    randomAccess: boolean,
    into: Frame[],
  ): boolean {
    let size = 0;
    let idr = false;
    let sps: Buffer | undefined;
    const pps: Buffer[] = [];
    for (let i = from; i < to; i++) {
      const type = typeAt(bytes, places, i);
      const length = (places.ends[i] ?? 0) - (places.starts[i] ?? 0);
      if (type === H264_NAL.SPS || type === H264_NAL.PPS) {
        if (length > MAX_PARAMETER_SET_BYTES) continue;
        const set = bytes.subarray(places.starts[i], places.ends[i]);
        if (type === H264_NAL.PPS) pps.push(set);
        else sps ??= set;
      } else if (type !== H264_NAL.AUD) {
        size += 4 + length;
        idr ||= type === H264_NAL.IDR;
      }
    }
    this.#takeSets(sps, pps, dts, into);
    if (size === 0 || this.#config === undefined) return false;
    // Streams with open groups of pictures never have an IDR picture; their encoders mark where to begin.
    const isKeyframe = idr || (randomAccess && sps !== undefined);
    const body = Buffer.allocUnsafe(FLV_HEADER_BYTES + size);
    body[0] = isKeyframe ? 0x17 : 0x27;
    body[1] = 1;
    body.writeUIntBE(cts & 0xffffff, 2, 3);
    let at = FLV_HEADER_BYTES;
    for (let i = from; i < to; i++) {
      const type = typeAt(bytes, places, i);
      if (type === H264_NAL.SPS || type === H264_NAL.PPS || type === H264_NAL.AUD) continue;
      const start = places.starts[i] ?? 0;
      const end = places.ends[i] ?? 0;
      at = body.writeUInt32BE(end - start, at);
      at += bytes.copy(body, at, start, end);
    }
    into.push(frameFromFlv(TAG_TYPE.VIDEO, dts, body.subarray(0, at)));
    return true;
  }

  /** A config frame when the parameter sets are new. */
  #takeSets(sps: Buffer | undefined, pps: readonly Buffer[], dts: number, into: Frame[]): void {
    if (sps === undefined && pps.length === 0) return;
    if (sps !== undefined && sps.length >= 4) this.#sps = Buffer.from(sps);
    if (pps.length > 0) this.#pps = pps.slice(0, 255).map((set) => Buffer.from(set));
    const known = this.#sps;
    if (known === undefined || this.#pps.length === 0) return;
    let record: Buffer;
    try {
      record = writeAvcConfig({
        profileIdc: known.readUInt8(1),
        compatibility: known.readUInt8(2),
        levelIdc: known.readUInt8(3),
        nalLengthSize: 4,
        sps: [known],
        pps: this.#pps,
        extension: Buffer.alloc(0),
      });
    } catch (error) {
      if (error instanceof ServerError) return;
      throw error;
    }
    if (this.#config?.equals(record) === true) return;
    this.#config = record;
    into.push(frameFromFlv(TAG_TYPE.VIDEO, dts, Buffer.concat([Buffer.from([0x17, 0, 0, 0, 0]), record])));
  }
}

function typeAt(bytes: Buffer, places: UnitPlaces, index: number): number {
  return (bytes[places.starts[index] ?? 0] ?? 0) & 0x1f;
}
