import type { Clock } from '../base/clock.ts';
import { describeError, ServerError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { Tally } from '../base/tally.ts';
import { TimerWheel } from '../base/timer-wheel.ts';
import { FlushScheduler } from './flush-scheduler.ts';
import type { DescribeTrack } from './head-cache.ts';
import { HubStream } from './live-stream.ts';
import { MergeGovernor } from './merge-governor.ts';
import type {
  Hub,
  LiveStream,
  PublishLease,
  SessionInfo,
  StreamName,
  StreamObserver,
  StreamOptions,
  StreamResolver,
  StreamSnapshot,
} from './ports.ts';
import { streamKey } from './ports.ts';
import type { StreamServices } from './stream-services.ts';
import type { Frame } from '../media/frame.ts';

export interface HubOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Settings of a stream, from its vhost; asked at each publish, when a stream is made for waiting viewers, and by
   * `refreshOptions`. Throws a ServerError where the vhost is gone.
   */
  optionsFor(name: StreamName): StreamOptions;
  /** Reads what a config record tells. Default: tracks stay undescribed. */
  readonly describeTrack?: DescribeTrack;
  /** Wall clock, Unix ms, for the API. Default: Date.now. */
  readonly unixTime?: () => number;
  readonly resolvers?: readonly StreamResolver[];
  readonly observers?: readonly StreamObserver[];
  /** The merge window of the process. Default: one without a load probe. */
  readonly governor?: MergeGovernor;
}

/** The hub with what its owner (not its users) needs. */
export interface ClosableHub extends Hub {
  /** Errors that observers threw. */
  readonly observerErrors: Tally;
  /** Errors that taps threw. */
  readonly tapErrors: Tally;
  /**
   * Asks `optionsFor` again for every stream and applies the answers to what runs (docs/hub.md says from when on each setting
   * holds). A stream for which it throws keeps what it has.
   */
  refreshOptions(): void;
  /**
   * Ends all publishers and viewers of a vhost and frees its streams at once, whatever their hold time. Returns how many there
   * were. What is asked for afterwards is for `optionsFor` to refuse.
   */
  closeVhost(vhost: string, reason: ServerError): number;
  /** Stops the timers and ends the taps. Sessions are closed by those who accepted them. */
  close(): void;
}

export function createHub(options: HubOptions): ClosableHub {
  return new StreamHub(options);
}

class Lease implements PublishLease {
  readonly #hub: StreamHub;
  readonly #stream: HubStream;
  readonly #session: SessionInfo;
  #released = false;

  constructor(hub: StreamHub, stream: HubStream, session: SessionInfo) {
    this.#hub = hub;
    this.#stream = stream;
    this.#session = session;
  }

  write(frame: Frame): void {
    if (!this.#released) this.#stream.write(frame);
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#hub.unpublish(this.#stream, this.#session);
  }
}

class StreamHub implements ClosableHub {
  readonly observerErrors = new Tally();
  readonly tapErrors = new Tally();
  readonly #options: HubOptions;
  readonly #logger: Logger;
  readonly #streams = new Map<string, HubStream>();
  readonly #leases = new Map<HubStream, Lease>();
  readonly #sessions = new Map<string, { readonly info: SessionInfo; uses: number }>();
  readonly #resolving = new Map<string, Promise<boolean>>();
  readonly #scheduler: FlushScheduler;
  readonly #wheel: TimerWheel;
  readonly #services: StreamServices<HubStream>;

  constructor(options: HubOptions) {
    const { clock, logger } = options;
    this.#options = options;
    this.#logger = logger;
    this.#scheduler = new FlushScheduler(clock);
    this.#wheel = new TimerWheel(clock);
    this.#services = {
      clock,
      logger,
      scheduler: this.#scheduler,
      wheel: this.#wheel,
      tapErrors: this.tapErrors,
      governor: options.governor ?? new MergeGovernor({ clock }),
      describeTrack: options.describeTrack ?? (() => undefined),
      unixTime: options.unixTime ?? Date.now,
      register: (stream) => this.#register(stream),
      forget: (stream) => {
        if (this.#streams.get(stream.key) !== stream) return;
        this.#streams.delete(stream.key);
        this.#tell((observer) => observer.streamGone?.(stream.name));
      },
      playStarted: (stream, viewer) => {
        const { session } = viewer.request;
        this.#enter(session);
        this.#tell((observer) => observer.playStarted?.(stream.name, session, viewer));
      },
      playBegan: (stream, viewer) =>
        this.#tell((observer) => observer.playBegan?.(stream.name, viewer.request.session)),
      playEnded: (stream, viewer) => {
        const { session } = viewer.request;
        this.#exit(session);
        this.#tell((observer) => observer.playEnded?.(stream.name, session, viewer.stats));
      },
    };
  }

  publish(name: StreamName, session: SessionInfo): PublishLease {
    const key = streamKey(name);
    const existing = this.#streams.get(key);
    if (existing?.publisher !== undefined) {
      throw new ServerError('STREAM_BUSY', `${key} is published by session ${existing.publisher.id}`);
    }
    const options = this.#options.optionsFor(name);
    const stream = existing ?? new HubStream(this.#services, name, options);
    this.#streams.set(key, stream);
    this.#enter(session);
    try {
      stream.publish(session, options);
    } catch (error) {
      this.#exit(session);
      stream.release(session);
      throw error;
    }
    const lease = new Lease(this, stream, session);
    this.#leases.set(stream, lease);
    this.#tell((observer) => observer.publishStarted?.(stream.name, session, stream));
    return lease;
  }

  /** Ends what `publish` began; called once by its lease. */
  unpublish(stream: HubStream, session: SessionInfo): void {
    this.#leases.delete(stream);
    try {
      stream.release(session);
    } finally {
      this.#exit(session);
      this.#tell((observer) => observer.publishEnded?.(stream.name, session));
    }
  }

  find(name: StreamName): LiveStream | undefined {
    return this.#streams.get(streamKey(name));
  }

  async resolve(name: StreamName, whenMissing: 'wait' | 'fail'): Promise<LiveStream | undefined> {
    const key = streamKey(name);
    const here = this.#streams.get(key);
    if (here !== undefined && here.state !== 'idle') return here;
    if ((this.#options.resolvers ?? []).length > 0) {
      let running = this.#resolving.get(key);
      if (running === undefined) {
        running = this.#bring(name).finally(() => this.#resolving.delete(key));
        this.#resolving.set(key, running);
      }
      await running;
    }
    const found = this.#streams.get(key);
    if (found !== undefined && (found.state !== 'idle' || whenMissing === 'wait')) return found;
    if (whenMissing === 'fail') return undefined;
    // Not in the registry until it is played: who asks and goes away leaves no trace.
    return new HubStream(this.#services, name, this.#options.optionsFor(name));
  }

  list(): StreamSnapshot[] {
    return Array.from(this.#streams.values(), (stream) => stream.snapshot());
  }

  session(id: string): SessionInfo | undefined {
    return this.#sessions.get(id)?.info;
  }

  refreshOptions(): void {
    for (const stream of this.#streams.values()) {
      try {
        stream.setOptions(this.#options.optionsFor(stream.name));
      } catch (error) {
        this.#logger.warn(`${stream.key} keeps its settings: ${describeError(error)}`);
      }
    }
  }

  closeVhost(vhost: string, reason: ServerError): number {
    let closed = 0;
    for (const stream of [...this.#streams.values()]) {
      if (stream.name.vhost !== vhost) continue;
      if (stream.publisher !== undefined) closed += 1;
      closed += stream.shut(reason);
      this.#leases.get(stream)?.release(); // Its session may take its time.
    }
    return closed;
  }

  close(): void {
    for (const stream of this.#streams.values()) stream.endTaps();
    this.#scheduler.close();
    this.#wheel.close();
  }

  async #bring(name: StreamName): Promise<boolean> {
    for (const resolver of this.#options.resolvers ?? []) {
      try {
        if (await resolver.resolve(name)) return true;
      } catch (error) {
        this.#logger.warn(`${streamKey(name)} could not be resolved: ${describeError(error)}`);
      }
    }
    return false;
  }

  #register(stream: HubStream): HubStream {
    const home = this.#streams.get(stream.key);
    if (home !== undefined) return home;
    stream.revive();
    this.#streams.set(stream.key, stream);
    return stream;
  }

  #enter(session: SessionInfo): void {
    const entry = this.#sessions.get(session.id);
    if (entry === undefined) this.#sessions.set(session.id, { info: session, uses: 1 });
    else entry.uses += 1;
  }

  #exit(session: SessionInfo): void {
    const entry = this.#sessions.get(session.id);
    if (entry === undefined) return;
    entry.uses -= 1;
    if (entry.uses === 0) this.#sessions.delete(session.id);
  }

  #tell(call: (observer: StreamObserver) => void): void {
    for (const observer of this.#options.observers ?? []) {
      try {
        call(observer);
      } catch (error) {
        this.observerErrors.add(describeError(error));
        this.#logger.warn(`a stream observer failed: ${describeError(error)}`);
      }
    }
  }
}
