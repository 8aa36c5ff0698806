import { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import {
  FlvReader,
  frameFromFlv,
  TAG_TYPE,
  type FlvTag,
  type TagTypeId,
} from '../../containers/flv/index.ts';
import type { Frame } from '../../media/frame.ts';
import { isMetadata } from '../../media/script-data.ts';
import type { ReadableFile } from '../../storage/reading.ts';
import { loopDuration, TrackSpan } from './track-span.ts';

/** Shortest round, ms: a file of one frame must not spin. */
const MIN_LOOP_MS = 10;

/** One tag of an endless presentation. */
export interface LoopTag {
  readonly typeId: TagTypeId;
  /** Ms since the beginning of the first round, with a fraction; it never wraps. */
  readonly time: number;
  readonly body: Buffer;
}

/**
 * The tags of an FLV file, again and again: round n begins where round n - 1 ended. The file is opened anew for each round,
 * so a file that was replaced is taken up. Config records and metadata come again only when they differ from the last ones.
 * Holds one chunk of the file and one unfinished tag.
 */
export class FlvLoop {
  readonly #open: () => Promise<ReadableFile>;
  #file: ReadableFile | undefined;
  #chunks: AsyncGenerator<Buffer, undefined> | undefined;
  #reader = new FlvReader();
  #tags: readonly FlvTag[] = [];
  #at = 0;
  /** When this round began. */
  #base = 0;
  /** Timestamp of the file's first frame; undefined before it. */
  #origin: number | undefined;
  #audio = new TrackSpan();
  #video = new TrackSpan();
  readonly #sent = new Map<Frame['kind'], Buffer>();

  constructor(open: () => Promise<ReadableFile>) {
    this.#open = open;
  }

  /** The next tag. Throws INGEST_INPUT_INVALID for what is no FLV, and what opening and reading the file throw. */
  async next(): Promise<LoopTag> {
    for (;;) {
      const tag = this.#tags[this.#at];
      if (tag === undefined) {
        await this.#fill();
        continue;
      }
      this.#at += 1;
      const placed = this.#place(tag);
      if (placed !== undefined) return placed;
    }
  }

  /** Closes the file. Idempotent. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#chunks = undefined;
    await file?.close();
  }

  async #fill(): Promise<void> {
    if (this.#chunks === undefined) {
      this.#file = await this.#open();
      this.#chunks = this.#file.chunks();
    }
    const read = await this.#chunks.next();
    if (read.done === true) {
      await this.#endRound();
      return;
    }
    try {
      this.#tags = this.#reader.push(read.value);
      this.#at = 0;
    } catch (cause) {
      throw new ServerError('INGEST_INPUT_INVALID', 'the input is no FLV file that can be read', { cause });
    }
  }

  async #endRound(): Promise<void> {
    await this.close();
    if (this.#audio.empty && this.#video.empty) {
      throw new ServerError('INGEST_INPUT_INVALID', 'the input has neither audio nor video');
    }
    this.#base += Math.max(MIN_LOOP_MS, loopDuration(this.#audio, this.#video));
    this.#reader = new FlvReader();
    this.#tags = [];
    this.#at = 0;
    this.#origin = undefined;
    this.#audio = new TrackSpan();
    this.#video = new TrackSpan();
  }

  #place(tag: FlvTag): LoopTag | undefined {
    const { typeId, body } = tag;
    if (typeId !== TAG_TYPE.AUDIO && typeId !== TAG_TYPE.VIDEO && typeId !== TAG_TYPE.SCRIPT)
      return undefined;
    const frame = frameFromFlv(typeId, tag.timestamp, body);
    const metadata = frame.kind === 'data' && isMetadata(body);
    // Nothing inside: the end of a sequence, which this one has not, or an empty frame.
    if (frame.kind !== 'data' && frame.payloadOffset >= body.length) return undefined;
    // Recordings of live streams have config records at 0 before frames at some later time.
    if (this.#origin === undefined && frame.kind !== 'data' && !frame.isConfig) this.#origin = tag.timestamp;
    const time = this.#origin === undefined ? 0 : Math.max(0, tag.timestamp - this.#origin);
    if (frame.kind === 'audio') this.#audio.add(frame, time);
    else if (frame.kind === 'video') this.#video.add(frame, time);
    if (frame.isConfig || metadata) {
      if (this.#sent.get(frame.kind)?.equals(body) === true) return undefined;
      this.#sent.set(frame.kind, Buffer.from(body));
    }
    return { typeId, time: this.#base + time, body };
  }
}
