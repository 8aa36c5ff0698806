import type { StreamName } from '../../hub/ports.ts';
import { RtmpInput } from '../../inputs/rtmp/index.ts';
import type { RtmpPeer, RtmpVhostOptions } from './ports.ts';

/** A session that publishes: the input, and how long it may be silent. */
export class PublishRole {
  readonly streamId: number;
  readonly #session: RtmpPeer;
  readonly #input: RtmpInput;
  readonly #name: StreamName;
  readonly #silenceMs: number;
  #begun = false;

  private constructor(
    session: RtmpPeer,
    name: StreamName,
    vhost: RtmpVhostOptions,
    streamId: number,
    input: RtmpInput,
  ) {
    this.#session = session;
    this.#name = name;
    this.#silenceMs = vhost.silenceTimeoutMs;
    this.streamId = streamId;
    this.#input = input;
  }

  /** Takes the name, or throws STREAM_BUSY. */
  static start(session: RtmpPeer, name: StreamName, vhost: RtmpVhostOptions, streamId: number): PublishRole {
    const { hub, server } = session.services;
    const lease = hub.publish(name, {
      id: session.id,
      ip: session.ip,
      type: 'rtmp-publish',
      close: (reason) => session.close(reason),
    });
    const input = new RtmpInput({ lease, server });
    session.inlet.maxRestMs = vhost.minLatency ? 0 : vhost.mergedReadMs;
    session.expectWithin(vhost.firstPacketTimeoutMs, 'media after publish');
    session.logger.info(`RTMP publish ${name.vhost}/${name.app}/${name.stream} ip=${session.ip}`);
    return new PublishRole(session, name, vhost, streamId, input);
  }

  write(typeId: number, timestamp: number, payload: Buffer): void {
    if (this.#begun) this.#session.postpone(this.#silenceMs);
    else this.#begin();
    this.#input.write(typeId, timestamp, payload);
  }

  /** Metadata is no media: it does not end the wait for the first packet. */
  writeData(typeId: number, timestamp: number, payload: Buffer): void {
    this.#input.write(typeId, timestamp, payload);
  }

  describe(): string {
    return `publish ${this.#name.vhost}/${this.#name.app}/${this.#name.stream} (${this.#input.frames} messages)`;
  }

  end(): void {
    this.#session.inlet.maxRestMs = 0;
    this.#session.expectNothing();
    this.#input.close();
  }

  #begin(): void {
    this.#begun = true;
    this.#session.expectWithin(this.#silenceMs, 'media from the publisher');
  }
}
