import { Buffer } from 'node:buffer';
import { H264_NAL, type AvcConfig } from '../../media/codecs/h264.ts';
import { NalWalk } from '../../media/codecs/nal.ts';

/** NAL units of one access unit; pictures of some ten slices with their SEI have far fewer. */
export const MAX_NAL_UNITS = 4096;

/** Start code of a unit inside an access unit, and with the zero byte that the first ones need. Spec: H.264, B.1.2. */
const START_CODE = Buffer.from([0, 0, 1]);
const LONG_START_CODE = Buffer.from([0, 0, 0, 1]);

/** An access unit delimiter for any slice type (H.264, 7.3.2.4), which H.264 in a transport stream needs (13818-1, 2.14.1). */
const DELIMITER = Buffer.from([0, 0, 0, 1, H264_NAL.AUD, 0xf0]);

/** What precedes the units of a keyframe: delimiter, SPS and PPS of the record. */
export function keyframePrefix(config: AvcConfig): Buffer {
  const parts: Buffer[] = [DELIMITER];
  for (const set of [...config.sps, ...config.pps]) if (set.length > 0) parts.push(LONG_START_CODE, set);
  return Buffer.concat(parts);
}

/** Takes the bytes of an elementary stream in pieces. */
interface PieceSink {
  put(source: Buffer, from: number, to: number): void;
}

/** The Annex B form of one access unit: where its units lie, and what it takes. Used again for each frame. */
export class AnnexBFrame {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #bytes: Buffer = DELIMITER;
  #prefix: Buffer = DELIMITER;
  #count = 0;
  /** Bytes of the whole in Annex B form; 0 when there is nothing to decode in it. */
  size = 0;
  /** The frame ended inside a unit, or had too many; what was whole is kept. */
  damaged = false;

  /**
   * Looks at the length-prefixed units of `bytes` from `from` on. Delimiters in it are left out: it gets a new one. A
   * keyframe gets `parameterSets` before it unless it has its own.
   */
  load(bytes: Buffer, from: number, lengthSize: number, parameterSets: Buffer | undefined): void {
    const walk = new NalWalk(bytes, lengthSize, from);
    let count = 0;
    let size = 0;
    let ownSets = false;
    let full = false;
    while (walk.next()) {
      const type = (bytes[walk.start] ?? 0) & 0x1f;
      if (type === H264_NAL.AUD) continue;
      if (count === MAX_NAL_UNITS) {
        full = true;
        break;
      }
      ownSets ||= type === H264_NAL.SPS;
      this.#starts[count] = walk.start;
      this.#ends[count] = walk.end;
      size += START_CODE.length + walk.end - walk.start;
      count += 1;
    }
    this.#bytes = bytes;
    this.#count = count;
    this.#prefix = ownSets || parameterSets === undefined ? DELIMITER : parameterSets;
    this.size = count === 0 ? 0 : size + this.#prefix.length;
    this.damaged = walk.truncated || full;
  }

  /** Gives the bytes out; afterwards nothing of the frame is held. */
  writeTo(sink: PieceSink): void {
    sink.put(this.#prefix, 0, this.#prefix.length);
    for (let i = 0; i < this.#count; i++) {
      sink.put(START_CODE, 0, START_CODE.length);
      sink.put(this.#bytes, this.#starts[i] ?? 0, this.#ends[i] ?? 0);
    }
    this.#bytes = DELIMITER;
    this.#prefix = DELIMITER;
  }
}

/** Where the NAL units of Annex B bytes lie: `starts` and `ends` in pairs. */
export interface UnitPlaces {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  /** There were more than MAX_NAL_UNITS. */
  readonly cut: boolean;
}

/** Finds the units of an Annex B byte stream. Zero bytes before a start code belong to no unit. Spec: H.264, B.1.1. */
export function findUnits(bytes: Buffer): UnitPlaces {
  const starts: number[] = [];
  const ends: number[] = [];
  let code = bytes.indexOf(START_CODE);
  let cut = false;
  while (code >= 0) {
    if (starts.length === MAX_NAL_UNITS) {
      cut = true;
      break;
    }
    const start = code + START_CODE.length;
    code = bytes.indexOf(START_CODE, start);
    let end = code < 0 ? bytes.length : code;
    while (end > start && bytes[end - 1] === 0) end -= 1;
    if (end === start) continue;
    starts.push(start);
    ends.push(end);
  }
  return { starts, ends, cut };
}
