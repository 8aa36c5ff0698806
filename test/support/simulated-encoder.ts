import type { Frame } from '../../src/media/frame.ts';
import { aacConfig, aacFrame, avcConfig, picture } from './ts-frames.ts';

/** What an encoder sends; each publish may have another. */
export interface EncoderShape {
  readonly video: boolean;
  readonly audio: boolean;
  /** Another parameter set for each. */
  readonly level: number;
  /** 8000 or 16000: a frame of 128 or 64 ms. */
  readonly sampleRate: number;
  /** Between keyframes, ms; a multiple of `PICTURE_MS`. */
  readonly gopMs: number;
  /** Timestamp of the first frame. */
  readonly startMs: number;
}

/** Pictures are few: a day of them has to be cheap. */
export const PICTURE_MS = 500;

const AAC_SAMPLES = 1024;

/** An encoder that runs on the test's time: few frames a second, in order of decoding. */
export class SimulatedEncoder {
  #shape: EncoderShape;
  #mediaMs: number;
  #nextPicture: number;
  #nextSound: number;
  #nextKey: number;
  #configs: Frame[] = [];

  constructor(shape: EncoderShape) {
    this.#shape = shape;
    this.#mediaMs = shape.startMs;
    this.#nextPicture = shape.startMs;
    this.#nextSound = shape.startMs;
    this.#nextKey = shape.startMs;
    this.#announce();
  }

  /** Other codecs from now on, in mid-stream: config records, and a keyframe as the next picture. */
  change(shape: Partial<EncoderShape>): void {
    this.#shape = { ...this.#shape, ...shape };
    this.#nextKey = this.#nextPicture;
    this.#announce();
  }

  /** The timestamps jump; forwards only: what goes back is the hub's to repair, and tested there. */
  jump(ms: number): void {
    this.#mediaMs += ms;
    this.#nextPicture += ms;
    this.#nextSound += ms;
    this.#nextKey = this.#nextPicture;
  }

  /** The frames of the next `ms`. */
  run(ms: number, send: (frame: Frame) => void): void {
    const { video, audio, sampleRate, gopMs } = this.#shape;
    for (const config of this.#configs) send(config.at(this.#mediaMs));
    this.#configs = [];
    this.#mediaMs += ms;
    const soundMs = (AAC_SAMPLES * 1000) / sampleRate;
    for (;;) {
      const pictureDue = video && this.#nextPicture < this.#mediaMs;
      const soundDue = audio && this.#nextSound < this.#mediaMs;
      if (!pictureDue && !soundDue) break;
      if (pictureDue && (!soundDue || this.#nextPicture <= this.#nextSound)) {
        const isKey = this.#nextPicture >= this.#nextKey;
        if (isKey) this.#nextKey = this.#nextPicture + gopMs;
        send(picture(this.#nextPicture, 0, isKey, [isKey ? 60 : 20 + (this.#nextPicture % 7)]));
        this.#nextPicture += PICTURE_MS;
      } else {
        send(aacFrame(this.#nextSound, 8));
        this.#nextSound += soundMs;
      }
    }
    // The kind that is off keeps step, so that both go on together when it is on.
    if (!video) this.#nextPicture = this.#mediaMs;
    if (!audio) this.#nextSound = this.#mediaMs;
  }

  #announce(): void {
    const { video, audio, level, sampleRate } = this.#shape;
    if (video) this.#configs.push(avcConfig(0, level));
    if (audio) this.#configs.push(aacConfig(0, sampleRate));
  }
}
