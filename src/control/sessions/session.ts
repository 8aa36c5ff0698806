import type { LiveStream, Playback, PlaybackStats, SessionInfo } from '../../hub/ports.ts';
import { ByteRate, type SampleTimes } from './byte-rate.ts';
import { clientType } from './client-type.ts';
import type { Kbps, StreamSums } from './sums.ts';

const NO_QUEUE: PlaybackStats = { queuedMs: 0, queuedBytes: 0, sentBytes: 0, drops: 0, droppedBytes: 0 };

/** One publisher or viewer that is connected. */
export class TrackedSession {
  readonly info: SessionInfo;
  readonly stream: StreamSums;
  /** SRS's name of its kind. */
  readonly type: string;
  /** Time of the clock, and of the wall, ms. */
  readonly beganAt: number;
  readonly beganUnixMs: number;
  /** Media bytes: those of a publisher are received, those of a viewer are sent. As of the last look. */
  bytes = 0;
  /** Media that waited in its queue at the last look, ms. */
  queuedMs = 0;
  #drops = 0;
  readonly #source: LiveStream | undefined;
  readonly #playback: Playback | undefined;
  readonly #rate: ByteRate;

  /** `flow` is the stream that a publisher makes, or the playback of a viewer. */
  constructor(
    info: SessionInfo,
    stream: StreamSums,
    flow: { readonly source: LiveStream } | { readonly playback: Playback },
    time: { readonly now: number; readonly unixMs: number; readonly samples: SampleTimes },
  ) {
    this.info = info;
    this.stream = stream;
    this.type = clientType(info);
    this.beganAt = time.now;
    this.beganUnixMs = time.unixMs;
    this.#source = 'source' in flow ? flow.source : undefined;
    this.#playback = 'playback' in flow ? flow.playback : undefined;
    this.#rate = new ByteRate(time.samples, time.now, 0);
  }

  get publishes(): boolean {
    return this.#source !== undefined;
  }

  /** Its queue; all 0 of a publisher. */
  get queue(): PlaybackStats {
    return this.#playback?.stats ?? NO_QUEUE;
  }

  /** Looks at its counters and adds to the sums what came since the last look. `last`: as it was told in the end. */
  look(last?: PlaybackStats): void {
    const { stream } = this;
    if (this.#source !== undefined) {
      const more = this.#take(this.#source.snapshot().receivedBytes);
      stream.receivedBytes += more;
      stream.vhost.receivedBytes += more;
      return;
    }
    const stats = last ?? this.queue;
    const more = this.#take(stats.sentBytes);
    stream.sentBytes += more;
    stream.vhost.sentBytes += more;
    this.queuedMs = stats.queuedMs;
    stream.drops += stats.drops - this.#drops;
    this.#drops = stats.drops;
  }

  /** What of a counter is new. */
  #take(bytes: number): number {
    const more = Math.max(0, bytes - this.bytes);
    this.bytes += more;
    return more;
  }

  sample(): void {
    this.#rate.sample(this.bytes);
  }

  /** kbit/s as `kbps` of the API has them. */
  kbps(now: number): Kbps {
    const short = this.#rate.kbps30s(now, this.bytes);
    const long = this.#rate.kbps5m(now, this.bytes);
    return this.publishes
      ? { recv_30s: short, send_30s: 0, recv_5m: long, send_5m: 0 }
      : { recv_30s: 0, send_30s: short, recv_5m: 0, send_5m: long };
  }
}
