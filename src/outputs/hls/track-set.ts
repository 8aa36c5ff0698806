import { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import { readAacConfig } from '../../media/codecs/aac.ts';
import { readAvcConfig } from '../../media/codecs/h264.ts';
import { readMp3Header, type Mp3Header } from '../../media/codecs/mp3.ts';
import { Frame } from '../../media/frame.ts';
import type { Tracks } from './containers.ts';

/**
 * What a frame means for the tracks: `media` belongs to a known track, `changes` makes a track another one or begins it, `none` has
 * no place (empty, no config record yet, data).
 */
export type Reading = 'media' | 'changes' | 'none';

/** Knows which tracks a publisher sends, from config records or, for MP3, from the frames. */
export class TrackSet {
  #video: Frame | undefined;
  #audio: Frame | undefined;
  #mp3: Mp3Header | undefined;
  /** Frames that had no place: empty ones and those before their config record. */
  skipped = 0;

  get tracks(): Tracks {
    return { video: this.#video, audio: this.#audio };
  }

  /** A new publisher: everything comes again. */
  reset(): void {
    this.#video = undefined;
    this.#audio = undefined;
    this.#mp3 = undefined;
  }

  /**
   * Looks at a frame. After `changes`, `tracks` has the new state. Throws CODEC_INVALID for a record that cannot be read and
   * TS_CODEC_UNSUPPORTED for a codec that HLS does not carry here.
   */
  read(frame: Frame): Reading {
    if (frame.kind === 'data') return 'none';
    if (frame.codec !== 'h264' && frame.codec !== 'aac' && frame.codec !== 'mp3') {
      throw new ServerError('TS_CODEC_UNSUPPORTED', `HLS cannot carry ${frame.codec} yet`);
    }
    if (frame.flvBody.length <= frame.payloadOffset) return this.#skip();
    if (frame.isConfig) return this.#readConfig(frame);
    if (frame.kind === 'video') return this.#video === undefined ? this.#skip() : 'media';
    if (frame.codec === 'mp3') return this.#readMp3(frame);
    return this.#audio?.codec === 'aac' ? 'media' : this.#skip();
  }

  #skip(): Reading {
    this.skipped += 1;
    return 'none';
  }

  #readConfig(frame: Frame): Reading {
    const before = frame.kind === 'video' ? this.#video : this.#audio;
    if (before?.codec === frame.codec && before.payload.equals(frame.payload)) return 'none';
    if (frame.kind === 'video') {
      if (readAvcConfig(frame.payload).sps.length === 0) {
        throw new ServerError('CODEC_INVALID', 'the H.264 config record has no parameter set');
      }
      this.#video = ownCopy(frame);
    } else {
      readAacConfig(frame.payload);
      this.#audio = ownCopy(frame);
      this.#mp3 = undefined;
    }
    return 'changes';
  }

  #readMp3(frame: Frame): Reading {
    let header: Mp3Header;
    try {
      header = readMp3Header(frame.payload);
    } catch {
      return this.#skip();
    }
    const { sampleRate, channels, samples } = this.#mp3 ?? {};
    if (header.sampleRate === sampleRate && header.samples === samples && header.channels === channels) {
      return 'media';
    }
    this.#mp3 = header;
    this.#audio = ownCopy(frame);
    return 'changes';
  }
}

/** A frame that lasts: a view would keep the whole buffer of its connection. */
function ownCopy(frame: Frame): Frame {
  const { kind, codec, dts, cts, isKeyframe, isConfig, flvBody, payloadOffset } = frame;
  return new Frame(kind, codec, dts, cts, isKeyframe, isConfig, Buffer.from(flvBody), payloadOffset);
}
