import { ServerError } from '../../base/errors.ts';

/** What a peer may send while it waits for an answer, bytes. One read of the socket is 64 KiB. */
export const MAX_HELD_BYTES = 1024 * 1024;

interface Held {
  readonly typeId: number;
  readonly timestamp: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** Messages that came before the answer to the one before them was known. */
export class HeldMessages {
  #messages: Held[] = [];
  #bytes = 0;

  add(typeId: number, timestamp: number, streamId: number, payload: Buffer): void {
    this.#bytes += payload.length;
    if (this.#bytes > MAX_HELD_BYTES) {
      throw new ServerError('RTMP_FLOOD', `${this.#bytes} bytes before the answer to publish or play`);
    }
    this.#messages.push({ typeId, timestamp, streamId, payload });
  }

  /** Hands the messages on in order. One of them may again have to wait: the sink then holds the rest itself. */
  replay(sink: {
    onMessage(typeId: number, timestamp: number, streamId: number, payload: Buffer): void;
  }): void {
    const messages = this.#messages;
    this.#messages = [];
    for (const { typeId, timestamp, streamId, payload } of messages) {
      sink.onMessage(typeId, timestamp, streamId, payload);
    }
  }
}
