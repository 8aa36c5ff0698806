import type { SessionDetails, StreamName } from '../../hub/ports.ts';
import { RtmpInput } from '../../inputs/rtmp/index.ts';
import type { RtmpPeer, RtmpVhostOptions } from './ports.ts';

/** What is waited for, as it is told when it did not come. */
const FIRST_MEDIA = 'media after publish';
const MEDIA = 'media from the publisher';

/** A session that publishes: the input, and how long it may be silent. */
export class PublishRole {
  readonly streamId: number;
  readonly #session: RtmpPeer;
  readonly #input: RtmpInput;
  readonly #name: StreamName;
  #vhost: RtmpVhostOptions;
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
    this.#vhost = vhost;
    this.streamId = streamId;
    this.#input = input;
  }

  /** Takes the name, or throws STREAM_BUSY. */
  static start(
    session: RtmpPeer,
    name: StreamName,
    vhost: RtmpVhostOptions,
    streamId: number,
    details: SessionDetails,
  ): PublishRole {
    const { hub, server } = session.services;
    const lease = hub.publish(name, {
      id: session.id,
      ip: session.ip,
      type: 'rtmp-publish',
      details,
      get rttMs() {
        return session.rtt.rttMs;
      },
      get endReason() {
        return session.endReason;
      },
      close: (reason) => session.close(reason),
    });
    const input = new RtmpInput({ lease, server });
    session.inlet.maxRestMs = restOf(vhost);
    session.expectWithin(vhost.firstPacketTimeoutMs, FIRST_MEDIA);
    session.rtt.start();
    session.logger.info(`RTMP publish ${name.vhost}/${name.app}/${name.stream} ip=${session.ip}`);
    return new PublishRole(session, name, vhost, streamId, input);
  }

  write(typeId: number, timestamp: number, payload: Buffer): void {
    if (this.#begun) this.#session.postpone(this.#vhost.silenceTimeoutMs);
    else this.#begin();
    this.#input.write(typeId, timestamp, payload);
  }

  /** Metadata is no media: it does not end the wait for the first packet. */
  writeData(typeId: number, timestamp: number, payload: Buffer): void {
    this.#input.write(typeId, timestamp, payload);
  }

  /** The vhost has other options; timeouts count from now. */
  reconfigure(vhost: RtmpVhostOptions): void {
    const old = this.#vhost;
    this.#vhost = vhost;
    this.#session.inlet.maxRestMs = restOf(vhost);
    if (this.#begun) {
      if (vhost.silenceTimeoutMs !== old.silenceTimeoutMs) this.#begin();
    } else if (vhost.firstPacketTimeoutMs !== old.firstPacketTimeoutMs) {
      this.#session.expectWithin(vhost.firstPacketTimeoutMs, FIRST_MEDIA);
    }
  }

  describe(): string {
    return `publish ${this.#name.vhost}/${this.#name.app}/${this.#name.stream} (${this.#input.frames} messages)`;
  }

  end(): void {
    this.#session.rtt.stop();
    this.#session.inlet.maxRestMs = 0;
    this.#session.expectNothing();
    this.#input.close();
  }

  #begin(): void {
    this.#begun = true;
    this.#session.expectWithin(this.#vhost.silenceTimeoutMs, MEDIA);
  }
}

/** [mr, mr_latency, min_latency] How long bytes may wait for a merged read, ms. */
function restOf(vhost: RtmpVhostOptions): number {
  return vhost.minLatency ? 0 : vhost.mergedReadMs;
}
