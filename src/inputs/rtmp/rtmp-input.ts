import { frameFromFlv } from '../../containers/flv/index.ts';
import type { PublishLease } from '../../hub/ports.ts';
import { MESSAGE_TYPE, readDataMessage } from '../../protocols/rtmp/index.ts';

export interface RtmpInputOptions {
  readonly lease: PublishLease;
  /** What the server says of itself in the metadata that viewers get. */
  readonly server: { readonly name: string; readonly version: string };
}

/**
 * RTMP messages of one publisher → frames → the hub. Owns the lock on the name; knows nothing of sockets and commands.
 * Message bodies are handed on as they came: an RTMP media message body is an FLV tag body (RTMP 1.0, 7.1.4 and 7.1.5).
 */
export class RtmpInput {
  readonly #lease: PublishLease;
  readonly #server: { readonly name: string; readonly version: string };
  #frames = 0;

  constructor(options: RtmpInputOptions) {
    this.#lease = options.lease;
    this.#server = options.server;
  }

  /** Media and data messages so far. */
  get frames(): number {
    return this.#frames;
  }

  /** Takes an audio, video or data message; `timestamp` is the message's own, ms modulo 2^32. */
  write(typeId: number, timestamp: number, body: Buffer): void {
    this.#frames += 1;
    if (typeId === MESSAGE_TYPE.AUDIO || typeId === MESSAGE_TYPE.VIDEO) {
      this.#lease.write(frameFromFlv(typeId, timestamp, body));
      return;
    }
    const data = readDataMessage(typeId, body, this.#server);
    if (data !== undefined) this.#lease.write(frameFromFlv(MESSAGE_TYPE.DATA_AMF0, timestamp, data));
  }

  /** Gives the name back. Idempotent. */
  close(): void {
    this.#lease.release();
  }
}
