import { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import { writeAacConfig } from '../../media/codecs/aac.ts';
import { readMp3Header } from '../../media/codecs/mp3.ts';
import type { Frame } from '../../media/frame.ts';
import { adtsWalk, mp3Walk, readAdtsHeader, type FrameWalk } from '../adts/index.ts';
import { frameFromFlv, TAG_TYPE } from '../flv/index.ts';
import { msOf } from './clock.ts';

const CLOCK_HZ = 90_000;

/** ADTS or MPEG audio → frames as the other inputs make them; AAC gets its config frame when the header is new. */
export class AudioUnits {
  readonly #codec: 'aac' | 'mp3';
  readonly #walk: FrameWalk;
  #config: Buffer | undefined;
  /** Where the samples put the next frame, ticks with a fraction. */
  #next = 0;

  constructor(codec: 'aac' | 'mp3') {
    this.#codec = codec;
    this.#walk = codec === 'aac' ? adtsWalk() : mp3Walk();
  }

  /** Forgets a frame that was cut by a loss. */
  reset(): void {
    this.#walk.reset();
  }

  /**
   * The frames that one PES packet finishes. Its time, unwrapped ticks, is that of the first frame that begins in it
   * (ISO/IEC 13818-1, 2.4.3.7); the others follow by their samples.
   */
  read(bytes: Buffer, pts: number, into: Frame[]): void {
    let fresh = this.#walk.pendingBytes === 0;
    if (fresh) this.#next = pts;
    for (const whole of this.#walk.push(bytes)) {
      const ticks = this.#codec === 'aac' ? this.#aac(whole, into) : this.#mp3(whole, into);
      this.#next += ticks;
      if (!fresh) {
        // The frame that was begun before is over; from here the packet's own time counts.
        fresh = true;
        this.#next = pts;
      }
    }
  }

  #aac(whole: Buffer, into: Frame[]): number {
    const header = readAdtsHeader(whole);
    if (header === undefined) return 0;
    const { objectType, sampleRate, channelConfig, headerBytes, samples } = header;
    const time = msOf(this.#next);
    try {
      const config = writeAacConfig({
        objectType,
        sampleRate,
        channels: channelConfig === 7 ? 8 : channelConfig,
        sbr: false,
        ps: false,
        outputRate: sampleRate,
      });
      if (this.#config?.equals(config) !== true) {
        this.#config = config;
        into.push(frameFromFlv(TAG_TYPE.AUDIO, time, Buffer.concat([Buffer.from([0xaf, 0]), config])));
      }
    } catch (error) {
      // Channels that only the data tells: the frames pass, without a record nothing decodes them.
      if (!(error instanceof ServerError)) throw error;
    }
    const body = Buffer.allocUnsafe(2 + whole.length - headerBytes);
    body[0] = 0xaf;
    body[1] = 1;
    whole.copy(body, 2, headerBytes);
    into.push(frameFromFlv(TAG_TYPE.AUDIO, time, body));
    return (samples * CLOCK_HZ) / sampleRate;
  }

  #mp3(whole: Buffer, into: Frame[]): number {
    const { sampleRate, channels, samples } = readMp3Header(whole);
    const body = Buffer.allocUnsafe(1 + whole.length);
    // FLV 10.1, E.4.2.1: MP3, rate bits, 16 bits, channels. Rates that the bits cannot tell are those of the header inside.
    const rate = sampleRate >= 44_100 ? 3 : sampleRate >= 22_050 ? 2 : 1;
    body[0] = 0x20 | (rate << 2) | 2 | (channels - 1);
    whole.copy(body, 1);
    into.push(frameFromFlv(TAG_TYPE.AUDIO, msOf(this.#next), body));
    return (samples * CLOCK_HZ) / sampleRate;
  }
}
