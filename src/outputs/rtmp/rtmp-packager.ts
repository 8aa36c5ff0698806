import type { Frame } from '../../media/frame.ts';
import type { ByteLog, CatchUp, Opening, Packager, TrackChoice, WireFormat } from '../../hub/ports.ts';
import { GrowingBytes } from '../../hub/slab-log.ts';
import {
  CHUNK_STREAM,
  MESSAGE_TYPE,
  sizeOfChunks0,
  sizeOfChunks1,
  writeChunks0,
  writeChunks1,
} from '../../protocols/rtmp/index.ts';

const { STREAM_COMMAND: CSID_DATA, VIDEO: CSID_VIDEO, AUDIO: CSID_AUDIO } = CHUNK_STREAM;

/** Marks of absolute messages are looked through for old ones when there are more. */
const MAX_MARKS = 64;

export interface RtmpFormatOptions {
  /** Our chunk size towards the viewer, bytes. */
  readonly chunkSize: number;
  /** Message stream id of the viewer. */
  readonly streamId: number;
  readonly tracks: TrackChoice;
}

/** RTMP messages in chunks. Viewers with the same chunk size, message stream id and tracks share every byte. */
export function rtmpFormat(options: RtmpFormatOptions): WireFormat {
  const { chunkSize, streamId, tracks } = options;
  return {
    key: `rtmp:${chunkSize}:${streamId}:${tracks}`,
    tracks,
    declaresTracks: false,
    createPackager: () => new RtmpPackager(chunkSize, streamId),
  };
}

/** One chunk stream's time as every viewer knows it after the end of the log. */
class Lane {
  readonly csid: number;
  readonly typeId: number;
  /** Stream time of the last message; undefined before the first. */
  last: number | undefined;
  /** The next message must carry an absolute time: some viewer's last one is another. */
  absoluteNext = false;

  constructor(csid: number, typeId: number) {
    this.csid = csid;
    this.typeId = typeId;
  }
}

/** A live message of type 0: its bytes in the log depend on the viewer's base. */
interface Mark {
  readonly from: number;
  readonly to: number;
  readonly frame: Frame;
  readonly lane: Lane;
}

/**
 * Live messages are type 1 deltas, which are the same for every viewer whatever its time base. Only where a delta would be
 * wrong for somebody (the first message of a chunk stream, a step back, or the first one after a join whose catch-up could not
 * end at the live time of that chunk stream) one message is of type 0, and the windows with it are cut once per base. Data messages are
 * always of type 0: they are rare.
 */
class RtmpPackager implements Packager {
  readonly #chunkSize: number;
  readonly #streamId: number;
  readonly #video = new Lane(CSID_VIDEO, MESSAGE_TYPE.VIDEO);
  readonly #audio = new Lane(CSID_AUDIO, MESSAGE_TYPE.AUDIO);
  readonly #data = new Lane(CSID_DATA, MESSAGE_TYPE.DATA_AMF0);
  #marks: Mark[] = [];
  #marksEnd = 0;
  #newestBase = 0;

  constructor(chunkSize: number, streamId: number) {
    this.#chunkSize = chunkSize;
    this.#streamId = streamId;
  }

  append(frame: Frame, log: ByteLog): void {
    const body = frame.flvBody;
    const chunkSize = this.#chunkSize;
    const lane = this.#laneOf(frame);
    const { last, csid, typeId } = lane;
    lane.last = frame.dts;
    if (last === undefined || lane.absoluteNext || frame.dts < last || frame.kind === 'data') {
      // A frame from before a joiner's base is set to 0 for that joiner: a delta after it would be too long.
      lane.absoluteNext = frame.dts < this.#newestBase;
      const from = log.end;
      const size = sizeOfChunks0(frame.dts, body.length, chunkSize, csid);
      const place = log.reserve(size);
      writeChunks0(place.buffer, place.offset, csid, frame.dts, typeId, this.#streamId, body, chunkSize);
      this.#mark(log, { from, to: log.end, frame, lane });
      return;
    }
    const delta = frame.dts - last;
    const place = log.reserve(sizeOfChunks1(delta, body.length, chunkSize, csid));
    writeChunks1(place.buffer, place.offset, csid, delta, typeId, body, chunkSize);
  }

  cut(log: ByteLog, from: number, to: number, base: number): Buffer {
    if (from >= this.#marksEnd || base === 0) return log.view(from, to);
    const parts: Buffer[] = [];
    let at = from;
    for (const mark of this.#marks) {
      if (mark.from < from || mark.to > to) continue;
      if (mark.from > at) parts.push(log.view(at, mark.from));
      parts.push(this.#rebased(mark, base));
      at = mark.to;
    }
    if (at === from) return log.view(from, to);
    if (at < to) parts.push(log.view(at, to));
    return Buffer.concat(parts);
  }

  catchUp(_opening: Opening | undefined, base: number): CatchUp {
    if (base > this.#newestBase) this.#newestBase = base;
    return new RtmpCatchUp(this.#chunkSize, this.#streamId, base, [this.#video, this.#audio]);
  }

  trailer(): Buffer {
    return Buffer.alloc(0);
  }

  #laneOf(frame: Frame): Lane {
    return frame.kind === 'video' ? this.#video : frame.kind === 'audio' ? this.#audio : this.#data;
  }

  #mark(log: ByteLog, mark: Mark): void {
    if (this.#marks.length >= MAX_MARKS) this.#marks = this.#marks.filter((old) => old.to > log.start);
    this.#marks.push(mark);
    this.#marksEnd = mark.to;
  }

  #rebased(mark: Mark, base: number): Buffer {
    const { frame, lane } = mark;
    const time = rebase(frame.dts, base);
    const { flvBody } = frame;
    const bytes = Buffer.allocUnsafeSlow(sizeOfChunks0(time, flvBody.length, this.#chunkSize, lane.csid));
    writeChunks0(bytes, 0, lane.csid, time, lane.typeId, this.#streamId, flvBody, this.#chunkSize);
    return bytes;
  }
}

class RtmpCatchUp implements CatchUp {
  readonly #chunkSize: number;
  readonly #streamId: number;
  readonly #base: number;
  /** The live state of video and audio. */
  readonly #live: readonly [Lane, Lane];
  readonly #bytes = new GrowingBytes();
  #lastVideo: number | undefined;
  #lastAudio: number | undefined;

  constructor(chunkSize: number, streamId: number, base: number, live: readonly [Lane, Lane]) {
    this.#chunkSize = chunkSize;
    this.#streamId = streamId;
    this.#base = base;
    this.#live = live;
  }

  add(frames: readonly Frame[]): void {
    for (const frame of frames) {
      const dts = this.#base === 0 ? frame.dts : Math.max(frame.dts, this.#base);
      if (frame.kind === 'video') {
        this.#add(frame, dts, this.#lastVideo, CSID_VIDEO, MESSAGE_TYPE.VIDEO);
        this.#lastVideo = dts;
      } else if (frame.kind === 'audio') {
        this.#add(frame, dts, this.#lastAudio, CSID_AUDIO, MESSAGE_TYPE.AUDIO);
        this.#lastAudio = dts;
      } else {
        this.#add(frame, dts, undefined, CSID_DATA, MESSAGE_TYPE.DATA_AMF0);
      }
    }
  }

  bytes(): Buffer {
    const [video, audio] = this.#live;
    settle(video, this.#lastVideo);
    settle(audio, this.#lastAudio);
    return this.#bytes.view();
  }

  #add(frame: Frame, dts: number, last: number | undefined, csid: number, typeId: number): void {
    const body = frame.flvBody;
    const chunkSize = this.#chunkSize;
    if (last === undefined) {
      const time = rebase(dts, this.#base);
      const place = this.#bytes.reserve(sizeOfChunks0(time, body.length, chunkSize, csid));
      writeChunks0(place.buffer, place.offset, csid, time, typeId, this.#streamId, body, chunkSize);
      return;
    }
    const delta = (dts - last) >>> 0;
    const place = this.#bytes.reserve(sizeOfChunks1(delta, body.length, chunkSize, csid));
    writeChunks1(place.buffer, place.offset, csid, delta, typeId, body, chunkSize);
  }
}

/** Sees that the next live message is right for a joiner whose last one of this chunk stream was at `last`. */
function settle(live: Lane, last: number | undefined): void {
  // Nobody knows this chunk stream yet but this joiner: the deltas begin where it is.
  if (live.last === undefined) live.last = last;
  else if (live.last !== last) live.absoluteNext = true;
}

/** Stream time → the viewer's time. Base 0 keeps the publisher's time, modulo 2^32, even below 0. */
function rebase(dts: number, base: number): number {
  return base !== 0 && dts < base ? 0 : (dts - base) >>> 0;
}
