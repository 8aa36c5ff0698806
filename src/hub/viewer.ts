import { ServerError } from '../base/errors.ts';
import type { Deadline, TimerWheel } from '../base/timer-wheel.ts';
import type { Cohort } from './cohorts.ts';
import type { Flushable } from './flush-scheduler.ts';
import type { Packager, Playback, PlaybackStats, PlayRequest, StreamState, WireFormat } from './ports.ts';
import { ViewerQueue, type QueueBounds } from './viewer-queue.ts';

/**
 * `starting`: waits for media it can begin with. `live`: gets each window. `lagging`: its queue overflowed and its socket has
 * not drained yet. `paused`: by itself. `ended`: nothing comes any more.
 */
type ViewerMode = 'starting' | 'live' | 'lagging' | 'paused' | 'ended';

/** Viewers of a feed who are flushed together. */
export class ViewerGroup implements Flushable {
  readonly offset: number;
  readonly viewers: Viewer[] = [];
  scheduled = false;
  /** Log position and stream time of the last flush. */
  position: number;
  dts: number;
  readonly #flush: (group: ViewerGroup) => void;

  constructor(flush: (group: ViewerGroup) => void, offset: number, position: number, dts: number) {
    this.#flush = flush;
    this.offset = offset;
    this.position = position;
    this.dts = dts;
  }

  flush(): void {
    this.#flush(this);
  }
}

/** What a viewer knows of its feed. */
export interface ViewerFeed {
  readonly format: WireFormat;
  readonly packager: Packager;
  add(viewer: Viewer): void;
  remove(viewer: Viewer): void;
  start(viewer: Viewer): void;
  stop(viewer: Viewer): void;
  rejoin(viewer: Viewer): void;
}

/** What a viewer needs of its stream. */
export interface ViewerHost {
  readonly wheel: TimerWheel;
  readonly sendTimeoutMs: number;
  feedFor(format: WireFormat): ViewerFeed;
  /** The viewer left its feed. */
  leftFeed(feed: ViewerFeed): void;
  /** The first media was handed to its socket; called once. */
  viewerBegan(viewer: Viewer): void;
  /** The playback is over; called once. */
  viewerEnded(viewer: Viewer): void;
  /** A sink or a callback of a viewer threw. */
  viewerFailed(viewer: Viewer, error: unknown): void;
}

/** One viewer: where it is in its feed's log, its time base and its queue. Moved along by `Feed`. */
export class Viewer implements Playback {
  readonly request: PlayRequest;
  readonly queue: ViewerQueue;
  readonly #host: ViewerHost;
  mode: ViewerMode = 'starting';
  /** Stream time that this viewer sees as 0, ms; undefined until media begins. */
  base: number | undefined;
  cohort: Cohort | undefined;
  /** Log position up to which it was given everything. */
  position = 0;
  group: ViewerGroup | undefined;
  /** It got the first bytes of the body. */
  opened = false;
  /** The generation of config records that it was given. */
  headGeneration = -1;
  /** The publication that it was given media of. */
  publication = 0;
  /** Stream time at which it ends, ms. */
  endDts = Infinity;
  #feed: ViewerFeed | undefined;
  #deadline: Deadline | undefined;
  #pendingSeen = 0;
  #sentSeen = 0;
  #finishing: 'gone' | 'duration' | undefined;
  #over = false;

  constructor(host: ViewerHost, request: PlayRequest, bounds: QueueBounds) {
    this.#host = host;
    this.request = request;
    this.queue = new ViewerQueue(request.sink, bounds);
  }

  get stats(): PlaybackStats {
    const { queuedMs, queuedBytes, sentBytes, drops, droppedBytes } = this.queue;
    return { queuedMs, queuedBytes, sentBytes, drops, droppedBytes };
  }

  /** Enters the feed of its format. */
  enter(format: WireFormat): void {
    const feed = this.#host.feedFor(format);
    this.#feed = feed;
    this.#guard(() => feed.add(this));
  }

  drained(): void {
    if (this.#over) return;
    this.#guard(() => {
      this.queue.drain();
      this.watch();
      if (this.queue.isEmpty) this.#completeFinish();
      if (this.mode === 'lagging') this.#feed?.rejoin(this);
    });
  }

  pause(): void {
    if (this.mode === 'ended' || this.mode === 'paused') return;
    this.mode = 'paused';
    this.queue.clear();
    this.watch();
    this.#feed?.stop(this);
  }

  resume(): void {
    if (this.mode !== 'paused') return;
    this.#guard(() => this.#feed?.start(this));
  }

  switchFormat(format: WireFormat): void {
    if (this.mode === 'ended' || this.#feed?.format.key === format.key) return;
    const paused = this.mode === 'paused';
    this.#guard(() => this.#leave());
    this.enter(format);
    if (paused) this.pause();
  }

  close(): void {
    this.#end();
  }

  /** Tells the session that the publisher came or left. */
  tell(state: StreamState): void {
    this.#guard(() => this.request.onState?.(state));
  }

  /** The feed has handed over the first media. */
  began(): void {
    this.#host.viewerBegan(this);
  }

  /** Sends what is left and the trailer; then the viewer is told. */
  finish(reason: 'gone' | 'duration'): void {
    if (this.mode === 'ended' || this.#finishing !== undefined) return;
    const feed = this.#feed;
    this.#finishing = reason;
    this.#guard(() => {
      this.#leave();
      this.mode = 'ended';
      if (feed !== undefined) this.queue.force(feed.packager.trailer(), undefined);
      this.watch();
    });
    if (this.queue.isEmpty) this.#completeFinish();
  }

  /** Starts or stops the watch over a socket that takes nothing. */
  watch(): void {
    const deadline = this.#deadline;
    if (this.queue.isEmpty && this.mode !== 'lagging') {
      if (deadline === undefined) return;
      deadline.cancel();
      this.#deadline = undefined;
      return;
    }
    if (deadline !== undefined) return;
    this.#pendingSeen = this.request.sink.pendingBytes;
    this.#sentSeen = this.queue.sentBytes;
    this.#deadline = this.#host.wheel.deadline(this.#host.sendTimeoutMs, () => this.#checkStall());
  }

  /** The send timeout has changed: a blocked viewer has the new one from now on. */
  watchAnew(): void {
    if (this.#deadline === undefined) return;
    this.#deadline.cancel();
    this.#deadline = undefined;
    this.watch();
  }

  /** A sink, packager or callback failed: only this viewer goes, with its connection, which nothing would feed any more. */
  fail(error: unknown): void {
    this.#host.viewerFailed(this, error);
    this.#end();
    try {
      this.request.sink.close(
        new ServerError('INTERNAL', 'the media of this viewer failed', { cause: error }),
      );
    } catch (failure) {
      this.#host.viewerFailed(this, failure);
    }
  }

  #checkStall(): void {
    this.#deadline = undefined;
    this.#guard(() => {
      this.queue.drain();
      const { sink } = this.request;
      if (sink.pendingBytes < this.#pendingSeen || this.queue.sentBytes > this.#sentSeen) {
        this.watch();
        if (this.queue.isEmpty) this.#completeFinish();
        return;
      }
      const seconds = this.#host.sendTimeoutMs / 1000;
      const error = new ServerError(
        'VIEWER_STALLED',
        `the viewer took nothing for ${seconds} s, ${this.queue.queuedBytes} bytes queued`,
      );
      this.#end();
      sink.close(error);
    });
  }

  #completeFinish(): void {
    const reason = this.#finishing;
    if (reason === undefined) return;
    this.#finishing = undefined;
    this.#end();
    this.#guard(() => this.request.onEnd(reason));
  }

  #leave(): void {
    const feed = this.#feed;
    if (feed === undefined) return;
    this.#feed = undefined;
    try {
      feed.remove(this);
    } finally {
      this.#host.leftFeed(feed);
    }
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    const feed = this.#feed;
    this.#feed = undefined;
    this.mode = 'ended';
    this.#finishing = undefined;
    this.queue.clear();
    this.#deadline?.cancel();
    this.#deadline = undefined;
    if (feed !== undefined) {
      feed.remove(this);
      this.#host.leftFeed(feed);
    }
    this.#host.viewerEnded(this);
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.fail(error);
    }
  }
}
