import { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import { carriesInTs, TsMuxer, type TsSink } from '../../containers/mpegts/index.ts';
import type { ByteLog, CatchUp, Opening, Packager, TrackChoice, WireFormat } from '../../hub/ports.ts';
import { GrowingBytes } from '../../hub/slab-log.ts';
import { Frame } from '../../media/frame.ts';
import { bodyEnd, framed, type BodyFraming } from './body-framing.ts';
import { SharedCut } from './shared-cut.ts';

/** Settings of a body of MPEG-TS. */
export interface TsFormatOptions {
  readonly framing: BodyFraming;
  readonly tracks: TrackChoice;
}

/** Longest sound that waits for its common packet, ms: it is as late as that. */
const GATHER_AUDIO_MS = 100;
/** Packaged bytes of one group of pictures that are kept for joiners. The hub's own bound is half of it, before packets. */
const MAX_GROUP_BYTES = 64 * 1024 * 1024;
/** After so much sound of a new publisher its stream counts as one without pictures, ms. */
const NO_PICTURE_MS = 1_000;

/** MPEG-TS as an endless body, in the time of the stream: players take the first time as their beginning. */
export function tsFormat({ framing, tracks }: TsFormatOptions): WireFormat {
  return {
    key: `ts:${framing}:${tracks}`,
    tracks,
    declaresTracks: true,
    createPackager: () => new TsPackager(framing),
  };
}

/** The packets since the newest keyframe, tables first: what joiners begin with. */
class Group {
  /** Stream time of its keyframe, ms. */
  readonly dts: number;
  /** For those who have read other packets before. */
  readonly breakBytes: Buffer;
  readonly bytes = new GrowingBytes(64 * 1024);

  constructor(dts: number, breakBytes: Buffer) {
    this.dts = dts;
    this.breakBytes = breakBytes;
  }
}

/**
 * One multiplex for all viewers. A joiner gets a copy of the packets since the newest keyframe, the very ones that the others
 * had, so live packets continue its counters; one who begins anew gets packets before that announce a break.
 */
class TsPackager implements Packager {
  readonly #framing: BodyFraming;
  readonly #cut: SharedCut;
  #muxer = newMuxer();
  #group: Group | undefined;
  #videoConfig: Frame | undefined;
  #audioConfig: Frame | undefined;
  /** A keyframe was written that pictures from now on refer to. */
  #decodable = false;
  /** Somebody reads, so that the muxer's counters count. */
  #read = false;
  /** Another publisher began: which of its kinds came so far. */
  #renewed = false;
  #sawVideo = false;
  #sawAudio = false;
  #soundSince: number | undefined;
  /** Stream time of the newest sound that was muxed, ms. */
  #lastSound = -Infinity;

  constructor(framing: BodyFraming) {
    this.#framing = framing;
    this.#cut = new SharedCut(framing);
  }

  append(frame: Frame, log: ByteLog): void {
    if (frame.kind === 'data' || !carriesInTs(frame)) return;
    const isVideo = frame.kind === 'video';
    if (isVideo) this.#sawVideo = true;
    else this.#sawAudio = true;
    if (frame.isConfig) {
      const from = log.end;
      this.#learn(frame, log);
      this.#keep(log, from);
    } else if (!isVideo) {
      if (this.#renewed) this.#missPicture(frame.dts);
      const from = log.end;
      this.#sound(frame, log);
      this.#keep(log, from);
    } else if (frame.isKeyframe) {
      this.#beginGroup(frame, log);
    } else if (this.#decodable) {
      const from = log.end;
      this.#mux(frame, log);
      this.#keep(log, from);
    }
  }

  rest(log: ByteLog): void {
    const from = log.end;
    this.#muxer.flush(log);
    this.#keep(log, from);
    this.#muxer.discontinuity();
    this.#group = undefined;
    this.#decodable = false;
    this.#renewed = true;
    this.#sawVideo = false;
    this.#sawAudio = false;
    this.#soundSince = undefined;
    this.#lastSound = -Infinity;
  }

  cut(log: ByteLog, from: number, to: number): Buffer {
    return this.#cut.cut(log, from, to);
  }

  catchUp(opening: Opening | undefined): CatchUp {
    return new TsCatchUp(this, this.#framing, opening !== undefined);
  }

  trailer(): Buffer {
    return bodyEnd(this.#framing);
  }

  /** A config record that joiners are given: news only to a packager that began after it. */
  learn(frame: Frame): void {
    this.#learn(frame, new GrowingBytes(0));
  }

  /** The packets of `frames`, the cached group of pictures; undefined when they are none that could be decoded. */
  groupOf(frames: readonly Frame[]): Group | undefined {
    const first = frames[0];
    if (first?.isKeyframe === true && this.#group?.dts !== first.dts && !this.#read) this.#package(frames);
    this.#read = true;
    return first !== undefined && this.#group?.dts === first.dts ? this.#group : undefined;
  }

  /** What one needs who begins to read between two packets. */
  tables(fresh: boolean, frames: readonly Frame[]): Buffer {
    const bytes = new GrowingBytes(1024);
    this.#muxer.repeatTables(bytes, !fresh);
    // The first who comes is given the newest sound, which nobody was here to mux.
    for (const frame of frames) {
      if (frame.kind === 'audio' && frame.dts > this.#lastSound && carriesInTs(frame))
        this.#sound(frame, bytes);
    }
    return bytes.view();
  }

  #learn(frame: Frame, sink: TsSink): void {
    const known = frame.kind === 'video' ? this.#videoConfig : this.#audioConfig;
    if (known?.flvBody.equals(frame.flvBody) === true) return;
    if (!carriesInTs(frame)) return;
    const kept = copied(frame);
    if (frame.kind === 'video') this.#videoConfig = kept;
    else this.#audioConfig = kept;
    this.#mux(kept, sink);
  }

  #sound(frame: Frame, sink: TsSink): void {
    const before = this.#muxer.skippedFrames;
    this.#mux(frame, sink);
    if (this.#muxer.skippedFrames === before) this.#lastSound = frame.dts;
  }

  #beginGroup(frame: Frame, log: ByteLog): void {
    this.#muxer.flush(log); // The sound before it belongs to the old group.
    if (this.#renewed) this.#dropAbsent();
    const group = new Group(frame.dts, this.#breakBytes());
    const from = log.end;
    this.#decodable = this.#mux(frame, log) > 0;
    this.#group = this.#decodable ? group : undefined;
    this.#keep(log, from);
  }

  /** Copies what was written for joiners. */
  #keep(log: ByteLog, from: number): void {
    const group = this.#group;
    const size = log.end - from;
    if (group === undefined || size === 0) return;
    if (group.bytes.length + size > MAX_GROUP_BYTES) {
      this.#group = undefined;
      return;
    }
    const { buffer, offset } = group.bytes.reserve(size);
    log.view(from, log.end).copy(buffer, offset);
  }

  /** Begins with a cached group of which no packet was made: its frames came before the first viewer. */
  #package(frames: readonly Frame[]): void {
    const muxer = newMuxer();
    this.#muxer = muxer;
    const group = new Group(frames[0]?.dts ?? 0, Buffer.alloc(0));
    for (const config of [this.#videoConfig, this.#audioConfig]) {
      if (config !== undefined) this.#mux(config, group.bytes);
    }
    if (frames.some((frame) => frame.codec === 'mp3')) muxer.declare({ audio: 'mp3' });
    this.#decodable = false;
    for (const frame of frames) {
      if (!carriesInTs(frame)) continue;
      const bytes = this.#mux(frame, group.bytes);
      if (frame.isKeyframe) this.#decodable = bytes > 0;
      if (!this.#decodable) break;
    }
    this.#group = this.#decodable ? group : undefined;
  }

  #breakBytes(): Buffer {
    const bytes = new GrowingBytes(4 * 188);
    this.#muxer.writeBreak(bytes);
    return bytes.view();
  }

  /** A config record that cannot be read changes nothing. */
  #mux(frame: Frame, sink: TsSink): number {
    try {
      return this.#muxer.write(frame, sink);
    } catch (error) {
      if (error instanceof ServerError) return 0;
      throw error;
    }
  }

  #dropAbsent(): void {
    this.#renewed = false;
    if (!this.#sawAudio) this.#muxer.drop('audio');
    if (!this.#sawVideo) this.#muxer.drop('video');
  }

  #missPicture(dts: number): void {
    this.#soundSince ??= dts;
    if (!this.#sawVideo && dts - this.#soundSince >= NO_PICTURE_MS) this.#dropAbsent();
  }
}

class TsCatchUp implements CatchUp {
  readonly #packager: TsPackager;
  readonly #framing: BodyFraming;
  readonly #fresh: boolean;
  readonly #bytes = new GrowingBytes(0);
  #group: Group | undefined;
  #begun = false;
  /** Bytes of the group that are in `#bytes`. */
  #taken = 0;

  constructor(packager: TsPackager, framing: BodyFraming, fresh: boolean) {
    this.#packager = packager;
    this.#framing = framing;
    this.#fresh = fresh;
  }

  add(frames: readonly Frame[]): void {
    const media: Frame[] = [];
    for (const frame of frames) {
      if (frame.isConfig) this.#packager.learn(frame);
      else if (frame.kind !== 'data') media.push(frame);
    }
    // More of a group that is begun was appended to it live.
    if (media.length === 0 || this.#begun) return;
    this.#begun = true;
    this.#group = this.#packager.groupOf(media);
    if (this.#group === undefined) this.#emit(this.#packager.tables(this.#fresh, media));
    else if (!this.#fresh) this.#emit(this.#group.breakBytes);
  }

  bytes(): Buffer {
    const group = this.#group;
    if (group !== undefined && group.bytes.length > this.#taken) {
      this.#emit(group.bytes.view().subarray(this.#taken));
      this.#taken = group.bytes.length;
    }
    return this.#bytes.view();
  }

  #emit(bytes: Buffer): void {
    const piece = framed(this.#framing, bytes);
    if (piece.length === 0) return;
    const { buffer, offset } = this.#bytes.reserve(piece.length);
    piece.copy(buffer, offset);
  }
}

function newMuxer(): TsMuxer {
  return new TsMuxer({ gatherAudioMs: GATHER_AUDIO_MS });
}

function copied(frame: Frame): Frame {
  const { kind, codec, dts, cts, isKeyframe, isConfig, flvBody, payloadOffset } = frame;
  return new Frame(kind, codec, dts, cts, isKeyframe, isConfig, Buffer.from(flvBody), payloadOffset);
}
