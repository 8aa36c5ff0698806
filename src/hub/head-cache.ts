import { describeError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { Frame } from '../media/frame.ts';
import { isMetadata } from '../media/script-data.ts';
import type { AudioTrack, VideoTrack } from '../media/track.ts';

/**
 * Reads what a config record (or, where a codec has none, the first frame) tells of its track. `parseSps` false: leave out
 * what only the SPS knows. Injected, because the hub knows no codec.
 */
export type DescribeTrack = (frame: Frame, parseSps: boolean) => VideoTrack | AudioTrack | undefined;

const ATC_KEY = Buffer.from('bravo_atc', 'latin1');
const ATC_VALUES = [Buffer.from('\x02\x00\x04true', 'latin1'), Buffer.from('\x01\x01', 'latin1')];

/** What a joiner needs first: the latest metadata and config records, as copies, because they are kept long. */
export class HeadCache {
  readonly #describe: DescribeTrack;
  readonly #logger: Logger;
  #metadata: Frame | undefined;
  #video: Frame | undefined;
  #audio: Frame | undefined;
  #videoTrack: VideoTrack | undefined;
  #audioTrack: AudioTrack | undefined;
  #frames: readonly Frame[] = [];
  #generation = 0;

  constructor(describe: DescribeTrack, logger: Logger) {
    this.#describe = describe;
    this.#logger = logger;
  }

  /** In the order in which they are sent. */
  get frames(): readonly Frame[] {
    return this.#frames;
  }

  /** Changes whenever `frames` does. */
  get generation(): number {
    return this.#generation;
  }

  get videoConfig(): Frame | undefined {
    return this.#video;
  }

  get audioConfig(): Frame | undefined {
    return this.#audio;
  }

  get video(): VideoTrack | undefined {
    return this.#videoTrack;
  }

  get audio(): AudioTrack | undefined {
    return this.#audioTrack;
  }

  /** Takes a config record; false when it is the one that is cached. */
  config(frame: Frame, parseSps: boolean): boolean {
    const before = frame.kind === 'video' ? this.#video : this.#audio;
    if (before?.flvBody.equals(frame.flvBody) === true) return false;
    if (frame.kind === 'video') this.#video = copied(frame);
    else this.#audio = copied(frame);
    this.#changed();
    this.describe(frame, parseSps);
    return true;
  }

  /** Takes a data message; only metadata is kept. */
  data(frame: Frame): void {
    if (!isMetadata(frame.payload)) return;
    this.#metadata = copied(frame);
    this.#changed();
  }

  /** Whether a data message is metadata with bravo_atc = true [atc_auto]. */
  wantsAtc(frame: Frame): boolean {
    const { payload } = frame;
    if (!isMetadata(payload)) return false;
    const at = payload.indexOf(ATC_KEY);
    if (at < 0) return false;
    const value = payload.subarray(at + ATC_KEY.length);
    return ATC_VALUES.some((wanted) => value.subarray(0, wanted.length).equals(wanted));
  }

  /** Reads what the frame tells of its track. A frame that cannot be read only leaves the track unknown. */
  describe(frame: Frame, parseSps: boolean): void {
    if (!frame.isConfig && (frame.kind === 'video' ? this.#videoTrack : this.#audioTrack) !== undefined)
      return;
    let track: VideoTrack | AudioTrack | undefined;
    try {
      track = this.#describe(frame, parseSps);
    } catch (error) {
      this.#logger.warn(`the ${frame.kind} track cannot be described: ${describeError(error)}`);
    }
    if (frame.kind === 'video') this.#videoTrack = track as VideoTrack | undefined;
    else if (frame.kind === 'audio') this.#audioTrack = track as AudioTrack | undefined;
  }

  clear(): void {
    this.#metadata = undefined;
    this.#video = undefined;
    this.#audio = undefined;
    this.#videoTrack = undefined;
    this.#audioTrack = undefined;
    this.#changed();
  }

  #changed(): void {
    const frames: Frame[] = [];
    if (this.#metadata !== undefined) frames.push(this.#metadata);
    if (this.#video !== undefined) frames.push(this.#video);
    if (this.#audio !== undefined) frames.push(this.#audio);
    this.#frames = frames;
    this.#generation += 1;
  }
}

function copied(frame: Frame): Frame {
  const { kind, codec, dts, cts, isKeyframe, isConfig, flvBody, payloadOffset } = frame;
  return new Frame(kind, codec, dts, cts, isKeyframe, isConfig, Buffer.from(flvBody), payloadOffset);
}
