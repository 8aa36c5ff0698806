import { Buffer } from 'node:buffer';
import { Frame } from '../media/frame.ts';
import type { StreamOptions } from './ports.ts';

/** Bytes of cached sound of one stream. */
export const MAX_SOUND_CACHE_BYTES = 4 * 1024 * 1024;

/** So many frames that are forgotten already may still be in the list. */
const MAX_FORGOTTEN = 256;

/** The newest sound of a stream, for joiners of formats without picture. Bounded in media time and bytes. */
export class SoundCache {
  readonly #maxMs: number;
  readonly #maxBytes: number;
  #frames: Frame[] = [];
  /** Index of the oldest frame. */
  #first = 0;
  #bytes = 0;
  /** What `frames` gave, as long as it is true. */
  #given: readonly Frame[] | undefined;

  constructor(maxMs: number, maxBytes = MAX_SOUND_CACHE_BYTES) {
    this.#maxMs = maxMs;
    this.#maxBytes = maxBytes;
  }

  /** Oldest first. The same list until the next frame. */
  get frames(): readonly Frame[] {
    this.#given ??= this.#frames.slice(this.#first);
    return this.#given;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes an access unit of sound. Another codec or a step back in time begins anew. */
  push(frame: Frame): void {
    const last = this.#frames.at(-1);
    if (last !== undefined && (last.codec !== frame.codec || frame.dts < last.dts)) this.clear();
    // A copy: a view would keep alive the block that the publisher's bytes were read into, pictures included.
    this.#frames.push(
      new Frame(
        'audio',
        frame.codec,
        frame.dts,
        0,
        false,
        false,
        Buffer.from(frame.flvBody),
        frame.payloadOffset,
      ),
    );
    this.#bytes += frame.flvBody.length;
    this.#given = undefined;
    let oldest = this.#frames[this.#first];
    while (oldest !== undefined && (frame.dts - oldest.dts > this.#maxMs || this.#bytes > this.#maxBytes)) {
      this.#bytes -= oldest.flvBody.length;
      this.#first += 1;
      oldest = this.#frames[this.#first];
    }
    if (this.#first > MAX_FORGOTTEN) {
      this.#frames = this.#frames.slice(this.#first);
      this.#first = 0;
    }
  }

  clear(): void {
    this.#frames = [];
    this.#first = 0;
    this.#bytes = 0;
    this.#given = undefined;
  }
}

/** [fast_cache] The cache that a stream has, or none. */
export function soundCache({ soundCacheMs = 0 }: StreamOptions): SoundCache | undefined {
  return soundCacheMs > 0 ? new SoundCache(soundCacheMs) : undefined;
}
