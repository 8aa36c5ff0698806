import type { Buffer } from 'node:buffer';
import type { ByteLog } from '../../hub/ports.ts';
import { framed, type BodyFraming } from './body-framing.ts';

/** The last window of a format whose bytes are the same for all viewers: framed once, whatever their time bases. */
export class SharedCut {
  readonly #framing: BodyFraming;
  #from = -1;
  #to = -1;
  #bytes: Buffer | undefined;

  constructor(framing: BodyFraming) {
    this.#framing = framing;
  }

  cut(log: ByteLog, from: number, to: number): Buffer {
    if (this.#bytes !== undefined && this.#from === from && this.#to === to) return this.#bytes;
    const bytes = framed(this.#framing, log.view(from, to));
    this.#from = from;
    this.#to = to;
    this.#bytes = bytes;
    return bytes;
  }
}
