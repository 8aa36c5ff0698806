import { Buffer } from 'node:buffer';
import { readAacConfig } from '../../media/codecs/aac.ts';
import { readMp3Header } from '../../media/codecs/mp3.ts';
import type { Frame } from '../../media/frame.ts';
import { ServerError } from '../../base/errors.ts';
import { samplesToMs } from '../../media/time.ts';
import { ADTS_HEADER_BYTES, AdtsWriter, MAX_ADTS_FRAME_BYTES } from '../adts/index.ts';
import type { PacketWriter } from './packet.ts';
import { STREAM_TYPE } from './psi.ts';

/** Bytes of one audio PES packet: its length has 16 bits and cannot be left open. Spec: ISO/IEC 13818-1, 2.4.3.7. */
const MAX_AUDIO_PES_BYTES = 65_000;

/**
 * How far a frame may stand from where the samples before it put it, ms, and still share their PES packet, where it has no
 * timestamp of its own. Whole ms round by up to 1; a real gap begins a new packet.
 */
const MAX_AUDIO_DRIFT_MS = 10;

/** MPEG-1 audio begins at this rate; lower ones are MPEG-2, another stream type. */
const LOWEST_MPEG1_RATE = 32_000;

/** Audio frames that wait for their common PES packet. */
export class AudioGathering {
  readonly #frames: Frame[] = [];
  readonly #adtsHeader = Buffer.alloc(ADTS_HEADER_BYTES);
  #adts: AdtsWriter | undefined;
  #codec: Frame['codec'] | undefined;
  /** Ms of an AAC frame, and of the frame that was looked at last. */
  #aacMs = 0;
  #frameMs = 0;
  /** Where the samples put the next frame, ms with a fraction. */
  #next = 0;
  /** Stream time of the first frame, ms. */
  time = 0;
  /** Of all frames in their form as elementary stream. */
  bytes = 0;

  get empty(): boolean {
    return this.#frames.length === 0;
  }

  /** Takes an AudioSpecificConfig; nothing may be gathered. Throws CODEC_INVALID. */
  configure(frame: Frame): void {
    const config = readAacConfig(frame.payload);
    this.#adts = new AdtsWriter(config);
    this.#aacMs = samplesToMs(config.frameSamples, config.sampleRate);
  }

  /** The stream type that the frame needs, or undefined when it cannot be carried. */
  accept(frame: Frame): number | undefined {
    const size = frame.flvBody.length - frame.payloadOffset;
    if (size <= 0) return undefined;
    if (frame.codec === 'aac') {
      if (this.#adts === undefined || size > MAX_ADTS_FRAME_BYTES - ADTS_HEADER_BYTES) return undefined;
      this.#frameMs = this.#aacMs;
      return STREAM_TYPE.AAC;
    }
    if (size > MAX_AUDIO_PES_BYTES) return undefined;
    try {
      const { samples, sampleRate } = readMp3Header(frame.payload);
      this.#frameMs = samplesToMs(samples, sampleRate);
      return sampleRate < LOWEST_MPEG1_RATE ? STREAM_TYPE.MPEG2_AUDIO : STREAM_TYPE.MPEG1_AUDIO;
    } catch (error) {
      if (error instanceof ServerError) return undefined;
      throw error;
    }
  }

  /** Whether what was gathered is so old at `time` that it goes out. */
  isOld(time: number, gatherMs: number): boolean {
    return time - this.time >= gatherMs || time < this.time - gatherMs;
  }

  /** Whether an accepted frame may share the packet: no gap, no new codec, not too long. */
  fits(frame: Frame, gatherMs: number): boolean {
    if (frame.codec !== this.#codec) return false;
    if (Math.abs(frame.dts - this.#next) > MAX_AUDIO_DRIFT_MS) return false;
    if (frame.dts + this.#frameMs - this.time > gatherMs) return false;
    return this.bytes + this.#sizeOf(frame) <= MAX_AUDIO_PES_BYTES;
  }

  /** Adds a frame that was accepted. */
  add(frame: Frame): void {
    if (this.#frames.length === 0) {
      this.time = frame.dts;
      this.#next = frame.dts;
      this.bytes = 0;
    }
    this.#codec = frame.codec;
    this.#frames.push(frame);
    this.#next += this.#frameMs;
    this.bytes += this.#sizeOf(frame);
  }

  /** Gives all frames out; afterwards nothing is held. */
  writeTo(writer: PacketWriter): void {
    for (const frame of this.#frames) {
      const body = frame.flvBody;
      if (frame.codec === 'aac' && this.#adts !== undefined) {
        this.#adts.write(this.#adtsHeader, 0, body.length - frame.payloadOffset);
        writer.put(this.#adtsHeader, 0, ADTS_HEADER_BYTES);
      }
      writer.put(body, frame.payloadOffset, body.length);
    }
    this.#frames.length = 0;
    this.bytes = 0;
  }

  #sizeOf(frame: Frame): number {
    const size = frame.flvBody.length - frame.payloadOffset;
    return frame.codec === 'aac' ? size + ADTS_HEADER_BYTES : size;
  }
}
