import type { Clock } from '../../base/clock.ts';
import type { Undo } from '../../base/undo.ts';
import {
  streamKey,
  type LiveStream,
  type Playback,
  type PlaybackStats,
  type SessionInfo,
  type StreamName,
  type StreamObserver,
} from '../../hub/ports.ts';
import { SAMPLE_MS, SampleTimes } from './byte-rate.ts';
import { TrackedSession } from './session.ts';
import { StreamSums, VhostSums } from './sums.ts';

export interface SessionRegistryOptions {
  readonly clock: Clock;
  /** Unix ms. */
  readonly unixTime: () => number;
  /** Whether the hub knows the stream: its sums last as long. */
  readonly exists: (name: StreamName) => boolean;
  /** Told of each viewer's queue every SAMPLE_MS, media ms. */
  readonly queueSeen?: (queuedMs: number) => void;
}

/** Counters are looked at again when the last look was so long ago, ms. */
const FRESH_MS = 200;

/**
 * All publishers and viewers of all protocols, and what their streams and vhosts carried. Nothing is done per frame: one timer
 * looks at the counters that the sessions have anyway, and so does whoever asks.
 */
export class SessionRegistry implements StreamObserver {
  readonly #options: SessionRegistryOptions;
  readonly #clock: Clock;
  /** By id, in the order of coming. */
  readonly #sessions = new Map<string, TrackedSession>();
  readonly #streams = new Map<string, StreamSums>();
  readonly #vhosts = new Map<string, VhostSums>();
  readonly #types = new Map<string, number>();
  readonly #samples = new SampleTimes();
  readonly #stop: Undo;
  #lookedAt = -Infinity;

  constructor(options: SessionRegistryOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#stop = this.#clock.every(SAMPLE_MS, () => this.#sample());
  }

  /** Sessions that are open. */
  get size(): number {
    return this.#sessions.size;
  }

  /** How many sessions of each type (`SessionInfo.type`) are open. */
  get types(): ReadonlyMap<string, number> {
    return this.#types;
  }

  /** Streams whose sums are kept. */
  get streams(): number {
    return this.#streams.size;
  }

  /** All vhosts that had a client. */
  get vhosts(): readonly VhostSums[] {
    this.#look();
    return [...this.#vhosts.values()];
  }

  /** In the order of coming, `count` of them behind the first `start`. */
  page(start: number, count: number): readonly TrackedSession[] {
    this.#look();
    const page: TrackedSession[] = [];
    let index = 0;
    for (const session of this.#sessions.values()) {
      if (page.length >= count) break;
      if (index >= start) page.push(session);
      index += 1;
    }
    return page;
  }

  find(id: string): TrackedSession | undefined {
    const session = this.#sessions.get(id);
    session?.look();
    return session;
  }

  /** What a stream of the hub carried. */
  stream(name: StreamName): StreamSums {
    this.#look();
    return this.#sumsOf(name, this.#clock.now());
  }

  publishStarted(name: StreamName, session: SessionInfo, source: LiveStream): void {
    this.#add(name, session, { source });
  }

  publishEnded(name: StreamName, session: SessionInfo): void {
    this.#end(name, session, true);
  }

  playStarted(name: StreamName, session: SessionInfo, playback: Playback): void {
    this.#add(name, session, { playback });
  }

  playEnded(name: StreamName, session: SessionInfo, stats: PlaybackStats): void {
    this.#end(name, session, false, stats);
  }

  /** Stops the timer. Idempotent. */
  close(): void {
    this.#stop();
  }

  #add(
    name: StreamName,
    info: SessionInfo,
    flow: { readonly source: LiveStream } | { readonly playback: Playback },
  ): void {
    const now = this.#clock.now();
    const stream = this.#sumsOf(name, now);
    const time = { now, unixMs: this.#options.unixTime(), samples: this.#samples };
    const session = new TrackedSession(info, stream, flow, time);
    // A session that has a second role at the same time is listed once for each.
    this.#sessions.set(this.#sessions.has(info.id) ? roleKey(session) : info.id, session);
    stream.clients += 1;
    stream.vhost.clients += 1;
    this.#count(info.type, 1);
  }

  #end(name: StreamName, { id }: SessionInfo, publishes: boolean, last?: PlaybackStats): void {
    const role = `${id} ${publishes ? 'publish' : 'play'} ${streamKey(name)}`;
    for (const key of [role, id]) {
      const session = this.#sessions.get(key);
      if (session === undefined || roleKey(session) !== role) continue;
      session.look(last);
      this.#sessions.delete(key);
      session.stream.clients -= 1;
      session.stream.vhost.clients -= 1;
      this.#count(session.info.type, -1);
      this.#forget(session.stream);
      return;
    }
  }

  /** Types stay when nobody is left, so that who reads them sees the 0. */
  #count(type: string, more: 1 | -1): void {
    this.#types.set(type, (this.#types.get(type) ?? 0) + more);
  }

  #sumsOf(name: StreamName, now: number): StreamSums {
    const key = streamKey(name);
    let stream = this.#streams.get(key);
    if (stream === undefined) {
      let vhost = this.#vhosts.get(name.vhost);
      if (vhost === undefined) {
        vhost = new VhostSums(name.vhost, this.#samples, now);
        this.#vhosts.set(name.vhost, vhost);
      }
      stream = new StreamSums(name, vhost, this.#samples, now);
      this.#streams.set(key, stream);
    }
    return stream;
  }

  #forget(stream: StreamSums): void {
    if (stream.clients === 0 && !this.#options.exists(stream.name))
      this.#streams.delete(streamKey(stream.name));
  }

  #look(): void {
    const now = this.#clock.now();
    if (now - this.#lookedAt < FRESH_MS) return;
    this.#lookedAt = now;
    for (const session of this.#sessions.values()) session.look();
  }

  #sample(): void {
    const now = this.#clock.now();
    this.#lookedAt = now;
    this.#samples.add(now);
    const { queueSeen } = this.#options;
    for (const stream of this.#streams.values()) stream.queuedMs = 0;
    for (const session of this.#sessions.values()) {
      session.look();
      session.sample();
      if (session.publishes) continue;
      const { stream, queuedMs } = session;
      if (queuedMs > stream.queuedMs) stream.queuedMs = queuedMs;
      queueSeen?.(queuedMs);
    }
    for (const stream of this.#streams.values()) {
      stream.sample();
      this.#forget(stream);
    }
    for (const vhost of this.#vhosts.values()) vhost.sample();
  }
}

function roleKey({ info, publishes, stream }: TrackedSession): string {
  return `${info.id} ${publishes ? 'publish' : 'play'} ${streamKey(stream.name)}`;
}
