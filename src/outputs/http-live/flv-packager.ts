import type { Frame } from '../../media/frame.ts';
import type { ByteLog, CatchUp, Opening, Packager, TrackChoice, WireFormat } from '../../hub/ports.ts';
import { GrowingBytes } from '../../hub/slab-log.ts';
import { flvHeader, sizeOfTag, TAG_HEADER_BYTES, TAG_TYPE, writeTag } from '../../containers/flv/index.ts';
import {
  bodyEnd,
  sizeOfPrefix,
  sizeOfSuffix,
  writePrefix,
  writeSuffix,
  type BodyFraming,
} from './body-framing.ts';

export interface FlvFormatOptions {
  readonly framing: BodyFraming;
  readonly tracks: TrackChoice;
  /** [has_audio, has_video] What the header says; undefined: what the stream has when a viewer joins [guess_has_av]. */
  readonly announce?: Opening | undefined;
}

/** FLV as an endless body. */
export function flvFormat(options: FlvFormatOptions): WireFormat {
  const { framing, tracks, announce } = options;
  const said =
    announce === undefined ? '' : `:${announce.hasAudio ? 'a' : ''}${announce.hasVideo ? 'v' : ''}!`;
  return {
    key: `flv:${framing}:${tracks}${said}`,
    tracks,
    declaresTracks: announce === undefined,
    createPackager: () => new FlvPackager(framing, announce),
  };
}

/** A step "back" of less than this is a frame from before the viewer's base, not a time after 2^32 ms. */
const MAX_BEFORE_BASE_MS = 3_600_000;
const WRAP = 0x1_0000_0000;

/**
 * The log holds tags in stream time. A cut copies one window for all viewers of a base, rebases the tag times in it and puts
 * the frame of the transport around the whole.
 */
class FlvPackager implements Packager {
  readonly #framing: BodyFraming;
  readonly #announce: Opening | undefined;

  constructor(framing: BodyFraming, announce: Opening | undefined) {
    this.#framing = framing;
    this.#announce = announce;
  }

  append(frame: Frame, log: ByteLog): void {
    const body = frame.flvBody;
    const place = log.reserve(sizeOfTag(body.length));
    writeTag(place.buffer, place.offset, tagTypeOf(frame), frame.dts, body);
  }

  cut(log: ByteLog, from: number, to: number, base: number): Buffer {
    const view = log.view(from, to);
    const framing = this.#framing;
    if (framing === 'identity' && base === 0) return view;
    const size = view.length;
    const prefix = sizeOfPrefix(framing, size);
    const bytes = Buffer.allocUnsafeSlow(prefix + size + sizeOfSuffix(framing));
    writePrefix(framing, bytes, 0, size);
    view.copy(bytes, prefix);
    writeSuffix(framing, bytes, prefix + size);
    if (base !== 0) rebaseTags(bytes, prefix, prefix + size, base >>> 0);
    return bytes;
  }

  catchUp(opening: Opening | undefined, base: number): CatchUp {
    return new FlvCatchUp(
      this.#framing,
      opening === undefined ? undefined : (this.#announce ?? opening),
      base,
    );
  }

  trailer(): Buffer {
    return bodyEnd(this.#framing);
  }
}

class FlvCatchUp implements CatchUp {
  readonly #framing: BodyFraming;
  readonly #base: number;
  readonly #bytes = new GrowingBytes();
  /** The file header, until it is written. */
  #header: Buffer | undefined;

  constructor(framing: BodyFraming, opening: Opening | undefined, base: number) {
    this.#framing = framing;
    this.#base = base;
    this.#header =
      opening === undefined ? undefined : flvHeader({ audio: opening.hasAudio, video: opening.hasVideo });
  }

  add(frames: readonly Frame[]): void {
    const header = this.#header;
    this.#header = undefined;
    let size = header?.length ?? 0;
    for (const frame of frames) size += sizeOfTag(frame.flvBody.length);
    if (size === 0) return;
    const framing = this.#framing;
    const prefix = sizeOfPrefix(framing, size);
    const { buffer, offset } = this.#bytes.reserve(prefix + size + sizeOfSuffix(framing));
    writePrefix(framing, buffer, offset, size);
    let at = offset + prefix;
    if (header !== undefined) at += header.copy(buffer, at);
    for (const frame of frames) {
      const time = this.#base === 0 ? frame.dts : Math.max(0, frame.dts - this.#base);
      at = writeTag(buffer, at, tagTypeOf(frame), time, frame.flvBody);
    }
    writeSuffix(framing, buffer, at);
  }

  bytes(): Buffer {
    this.add([]);
    return this.#bytes.view();
  }
}

function tagTypeOf(frame: Frame): number {
  return frame.kind === 'video' ? TAG_TYPE.VIDEO : frame.kind === 'audio' ? TAG_TYPE.AUDIO : TAG_TYPE.SCRIPT;
}

/** Moves the tags in [from, to) to a viewer's time. The times of the tags and `base` are modulo 2^32. */
function rebaseTags(bytes: Buffer, from: number, to: number, base: number): void {
  for (let at = from; at < to;) {
    const size = ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    // Spec: FLV v10.1, E.4.1: three bytes of time, then its upper eight bits.
    const time =
      ((bytes[at + 7] ?? 0) << 24) |
      ((bytes[at + 4] ?? 0) << 16) |
      ((bytes[at + 5] ?? 0) << 8) |
      (bytes[at + 6] ?? 0);
    let rebased = (time - base) >>> 0;
    if (rebased >= WRAP - MAX_BEFORE_BASE_MS) rebased = 0;
    bytes[at + 4] = rebased >>> 16;
    bytes[at + 5] = rebased >>> 8;
    bytes[at + 6] = rebased;
    bytes[at + 7] = rebased >>> 24;
    at += TAG_HEADER_BYTES + size + 4;
  }
}
