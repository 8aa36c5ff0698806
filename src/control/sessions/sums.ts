import { streamKey, type StreamName } from '../../hub/ports.ts';
import { ByteRate, type SampleTimes } from './byte-rate.ts';
import { stableId } from './stable-id.ts';

/** What a stream or a vhost has taken and sent so far, of sessions that are and that were. */
export class TrafficSums {
  /** An id of SRS's form. */
  readonly id: string;
  /** Sessions that are open. */
  clients = 0;
  receivedBytes = 0;
  sentBytes = 0;
  readonly #received: ByteRate;
  readonly #sent: ByteRate;

  constructor(id: string, times: SampleTimes, now: number) {
    this.id = id;
    this.#received = new ByteRate(times, now, 0);
    this.#sent = new ByteRate(times, now, 0);
  }

  sample(): void {
    this.#received.sample(this.receivedBytes);
    this.#sent.sample(this.sentBytes);
  }

  /** kbit/s as `kbps` of the API has them. */
  kbps(now: number): Kbps {
    return {
      recv_30s: this.#received.kbps30s(now, this.receivedBytes),
      send_30s: this.#sent.kbps30s(now, this.sentBytes),
      recv_5m: this.#received.kbps5m(now, this.receivedBytes),
      send_5m: this.#sent.kbps5m(now, this.sentBytes),
    };
  }
}

/** kbit/s; the averages of 5 minutes are ours. */
export interface Kbps {
  readonly recv_30s: number;
  readonly send_30s: number;
  readonly recv_5m: number;
  readonly send_5m: number;
}

/** All that a vhost carried since the start. */
export class VhostSums extends TrafficSums {
  readonly name: string;

  constructor(name: string, times: SampleTimes, now: number) {
    super(stableId('vid', name), times, now);
    this.name = name;
  }
}

/** All that a stream carried since it came, as long as the hub knows it. */
export class StreamSums extends TrafficSums {
  readonly name: StreamName;
  readonly vhost: VhostSums;
  /** How often queues of its viewers overflowed. */
  drops = 0;
  /** The longest queue of a viewer at the last look, media ms. */
  queuedMs = 0;

  constructor(name: StreamName, vhost: VhostSums, times: SampleTimes, now: number) {
    super(stableId('str', streamKey(name)), times, now);
    this.name = name;
    this.vhost = vhost;
  }
}
