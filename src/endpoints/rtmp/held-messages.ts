import { ServerError } from '../../base/errors.ts';

/** What a peer may send while it waits for an answer, bytes. One read of the socket is 64 KiB. */
export const MAX_HELD_BYTES = 1024 * 1024;

/** What a held message costs beside its bytes, so that empty ones are bounded too. */
const MESSAGE_OVERHEAD_BYTES = 64;

export interface HeldMessage {
  readonly typeId: number;
  readonly timestamp: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** Messages that came before the answer to the one before them was known, in order. */
export class HeldMessages {
  #messages: HeldMessage[] = [];
  #head = 0;
  #bytes = 0;

  add(typeId: number, timestamp: number, streamId: number, payload: Buffer): void {
    this.#bytes += payload.length + MESSAGE_OVERHEAD_BYTES;
    if (this.#bytes > MAX_HELD_BYTES) {
      throw new ServerError('RTMP_FLOOD', `${this.#bytes} bytes before the answer to publish or play`);
    }
    this.#messages.push({ typeId, timestamp, streamId, payload });
  }

  /** The oldest message, removed. */
  shift(): HeldMessage | undefined {
    const message = this.#messages[this.#head];
    if (message === undefined) {
      this.clear();
      return undefined;
    }
    this.#head += 1;
    this.#bytes -= message.payload.length + MESSAGE_OVERHEAD_BYTES;
    return message;
  }

  clear(): void {
    this.#messages = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}
