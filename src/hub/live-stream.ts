import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { describeError, type ServerError } from '../base/errors.ts';
import type { Deadline, TimerWheel } from '../base/timer-wheel.ts';
import type { Undo } from '../base/undo.ts';
import type { Frame } from '../media/frame.ts';
import { Attendances } from './attendance.ts';
import { closeSession } from './close-session.ts';
import type { FeedSource } from './feed-source.ts';
import { Feeds } from './feeds.ts';
import { FrameTaps } from './frame-taps.ts';
import { GopCache } from './gop-cache.ts';
import { HeadCache } from './head-cache.ts';
import { MediaFacts } from './media-facts.ts';
import { MixCorrect } from './mix-correct.ts';
import {
  streamKey,
  type AttendRequest,
  type FrameTap,
  type LiveStream,
  type Playback,
  type PlayRequest,
  type SessionInfo,
  type StreamName,
  type StreamOptions,
  type StreamSnapshot,
  type StreamState,
  type WireFormat,
} from './ports.ts';
import { soundCache, type SoundCache } from './sound-cache.ts';
import type { StreamServices } from './stream-services.ts';
import { Timeline, type TimelineMode } from './timeline.ts';
import { Viewer, type ViewerFeed, type ViewerHost } from './viewer.ts';

/** One name: its publisher, its time, what joiners need, and its feeds. */
export class HubStream implements LiveStream, FeedSource, ViewerHost {
  readonly name: StreamName;
  readonly key: string;
  readonly #services: StreamServices<HubStream>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #feeds: Feeds;
  readonly #viewers = new Set<Viewer>();
  readonly #timeline = new Timeline('full');
  readonly #media = new MediaFacts();
  readonly #head: HeadCache;
  readonly #taps: FrameTaps;
  readonly #attendances: Attendances;
  #options: StreamOptions;
  #state: StreamState = 'idle';
  #gop: GopCache;
  #sound: SoundCache | undefined;
  #mix: MixCorrect | undefined;
  #publisher: SessionInfo | undefined;
  #hold: Deadline | undefined;
  #waitingSince = 0;
  /** Why nobody may play here any more. */
  #shut: ServerError | undefined;
  #absoluteTime = false;
  #publication = 0;
  #publishedAtUnix: number | undefined;
  #repairsBefore = 0;

  constructor(services: StreamServices<HubStream>, name: StreamName, options: StreamOptions) {
    // Just these: a caller's object may have the query too, with its secrets, and a name is shown everywhere.
    this.name = { vhost: name.vhost, app: name.app, stream: name.stream };
    this.key = streamKey(name);
    this.#services = services;
    this.#clock = services.clock;
    this.#logger = services.logger.child({ stream: this.key, component: 'hub' });
    this.#options = options;
    this.#feeds = new Feeds(services, this);
    this.#gop = new GopCache(options.gopCacheMaxFrames);
    this.#taps = new FrameTaps(services.tapErrors, this.#logger);
    this.#attendances = new Attendances({
      logger: this.#logger,
      started: (attendance) => services.playStarted(this, attendance),
      ended: (attendance) => services.playEnded(this, attendance),
    });
    this.#head = new HeadCache(services.describeTrack, this.#logger);
  }

  get state(): StreamState {
    return this.#state;
  }

  get options(): StreamOptions {
    return this.#options;
  }

  get publisher(): SessionInfo | undefined {
    return this.#publisher;
  }

  get isLive(): boolean {
    return this.#state === 'live';
  }

  get isSettled(): boolean {
    return this.#media.settled;
  }

  get hasVideo(): boolean {
    return this.#media.lastVideo !== undefined || this.#head.videoConfig !== undefined;
  }

  get hasAudio(): boolean {
    return this.#media.lastAudio !== undefined || this.#head.audioConfig !== undefined;
  }

  get gop(): GopCache {
    return this.#gop;
  }

  get cachedSound(): readonly Frame[] {
    return this.#sound?.frames ?? [];
  }

  get head(): readonly Frame[] {
    return this.#head.frames;
  }

  get headGeneration(): number {
    return this.#head.generation;
  }

  get absoluteTime(): boolean {
    return this.#absoluteTime;
  }

  get publication(): number {
    return this.#publication;
  }

  get lastVideo(): Frame | undefined {
    return this.#media.lastVideo;
  }

  get lastAudio(): Frame | undefined {
    return this.#media.lastAudio;
  }

  get wheel(): TimerWheel {
    return this.#services.wheel;
  }

  get sendTimeoutMs(): number {
    return this.#options.sendTimeoutMs;
  }

  /** Begins a publish. The hub has seen that nobody holds the name. */
  publish(session: SessionInfo, options: StreamOptions): void {
    // First of all, so that a failure further on finds whom to release.
    this.#publisher = session;
    const now = this.#clock.now();
    this.#hold?.cancel();
    this.#hold = undefined;
    this.#options = options;
    this.#gop = new GopCache(options.gopCacheMaxFrames);
    this.#sound = soundCache(options);
    this.#mix = options.mixCorrect ? new MixCorrect() : undefined;
    this.#forgetMedia();
    this.#media.begin(now);
    this.#setTimeMode(options.atc ? 'off' : options.timeJitter);
    this.#timeline.begin(options.atc ? 'off' : options.timeJitter, now);
    this.#repairsBefore = this.#timeline.repairs;
    this.#publication += 1;
    this.#publishedAtUnix = this.#services.unixTime();
    for (const feed of this.#feeds.list) feed.restart();
    this.#enterState('live');
  }

  /** One frame of the publisher. */
  write(frame: Frame): void {
    const now = this.#clock.now();
    this.#media.received(frame.flvBody.length, now);
    if (frame.isConfig || frame.kind === 'data') {
      this.#writeHead(frame, now);
      return;
    }
    const timed = frame.at(this.#timeline.map(frame.kind, frame.dts, now, frame.cts));
    const mix = this.#mix;
    if (mix === undefined) this.#accept(timed, now);
    else {
      mix.push(timed);
      for (let next = mix.shift(); next !== undefined; next = mix.shift()) this.#accept(next, now);
    }
  }

  /** The publisher of `publish` left. */
  release(session: SessionInfo): void {
    if (this.#publisher !== session) return;
    const now = this.#clock.now();
    if (this.#mix !== undefined) {
      for (let next = this.#mix.drain(); next !== undefined; next = this.#mix.drain())
        this.#accept(next, now);
    }
    this.#mix = undefined;
    this.#publisher = undefined;
    const repairs = this.#timeline.repairs - this.#repairsBefore;
    if (repairs > 0) this.#logger.info(`${repairs} timestamps of publisher ${session.id} were repaired`);
    this.#publishedAtUnix = undefined;
    this.#gop.clear();
    this.#sound?.clear();
    for (const feed of this.#feeds.list) feed.rest(now);
    this.#waitingSince = now;
    this.#enterState('waiting');
    if (this.publisher !== undefined) return; // Published again by whoever was just told.
    const awaited = this.#viewers.size > 0 || this.#taps.size > 0;
    if (this.#options.holdMs > 0 && awaited && this.#shut === undefined) {
      this.#hold = this.wheel.deadline(this.#options.holdMs, () => this.#endHold());
    } else {
      this.#endHold();
    }
  }

  /**
   * Other settings while it runs. What judges time (`time_jitter`, `atc`, `atc_auto`, `mix_correct`) is that of the next
   * publish: a change in between would let the time of running viewers jump.
   */
  setOptions(options: StreamOptions): void {
    const old = this.#options;
    const { timeJitter, atc, atcAuto, mixCorrect } = this.#publisher === undefined ? options : old;
    this.#options = { ...options, timeJitter, atc, atcAuto, mixCorrect };
    this.#gop.maxFrames = options.gopCacheMaxFrames;
    if (!options.gopCache) this.#gop.free();
    if (options.soundCacheMs !== old.soundCacheMs) this.#sound = soundCache(options);
    for (const viewer of this.#viewers) {
      viewer.queue.bounds = this.#options;
      if (options.sendTimeoutMs !== old.sendTimeoutMs) viewer.watchAnew();
    }
    for (const feed of this.#feeds.list) feed.repace(old);
    if (this.#hold !== undefined) this.#hold.at = this.#waitingSince + options.holdMs;
  }

  /** Ends all viewers, and their sessions. From now on it refuses others, and nothing is held for a publisher to come back. */
  shut(reason: ServerError): number {
    this.#shut = reason;
    const viewers = [...this.#viewers];
    for (const viewer of viewers) {
      closeSession(viewer.request.session, reason, this.#logger);
      viewer.close(); // Its session may take its time.
    }
    const attended = this.#attendances.shut(reason);
    if (this.#publisher !== undefined) closeSession(this.#publisher, reason, this.#logger);
    this.#forgetIfUnused(); // Held for its taps alone.
    return viewers.length + attended;
  }

  tap(tap: FrameTap): Undo {
    const undo = this.#taps.add(tap, this, () => this.#forgetIfUnused());
    if (this.#state === 'gone') this.#taps.end();
    return undo;
  }

  /** Nothing more will come: the server stops. */
  endTaps(): void {
    this.#taps.end();
  }

  play(request: PlayRequest): Playback {
    if (this.#shut !== undefined) throw this.#shut;
    const home = this.#services.register(this);
    if (home !== this) return home.play(request);
    const viewer = new Viewer(this, request, this.#options);
    this.#viewers.add(viewer);
    this.#services.playStarted(this, viewer);
    viewer.enter(request.format);
    return viewer;
  }

  attend(request: AttendRequest): Undo {
    if (this.#shut !== undefined) throw this.#shut;
    if (this.#state === 'live' || this.#state === 'waiting') return this.#attendances.add(request);
    request.onEnd();
    return () => undefined;
  }

  snapshot(): StreamSnapshot {
    const publisher = this.#publisher;
    const now = this.#clock.now();
    return {
      name: this.name,
      state: this.#state,
      publisher:
        publisher === undefined ? undefined : { id: publisher.id, ip: publisher.ip, type: publisher.type },
      viewers: this.#viewers.size + this.#attendances.size,
      video: this.#head.video,
      audio: this.#head.audio,
      videoFrames: this.#media.videoFrames,
      audioFrames: this.#media.audioFrames,
      receivedBytes: this.#media.receivedBytes,
      receivedKbps: publisher === undefined ? 0 : this.#media.kbps(now),
      publishedAtMs: this.#publishedAtUnix,
      timelineRepairs: this.#timeline.repairs,
      pulse: publisher === undefined ? undefined : this.#media.pulse(now),
    };
  }

  /** Back in the registry after it was forgotten. */
  revive(): void {
    if (this.#state === 'gone') this.#state = 'idle';
  }

  feedFor(format: WireFormat): ViewerFeed {
    return this.#feeds.of(format);
  }

  leftFeed(left: ViewerFeed): void {
    this.#feeds.left(left);
  }

  viewerBegan(viewer: Viewer): void {
    this.#services.playBegan(this, viewer);
  }

  viewerEnded(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    this.#services.playEnded(this, viewer);
    this.#forgetIfUnused();
  }

  viewerFailed(viewer: Viewer, error: unknown): void {
    this.#logger.warn(`viewer ${viewer.request.session.id} failed: ${describeError(error)}`);
  }

  #writeHead(frame: Frame, now: number): void {
    if (!frame.isConfig && this.#options.atcAuto && !this.#absoluteTime && this.#head.wantsAtc(frame)) {
      this.#setTimeMode('off');
    }
    const timed = frame.at(this.#timeline.follow(frame.kind, frame.dts));
    if (frame.isConfig) {
      const changed = this.#head.config(timed, this.#options.parseSps);
      if (changed && frame.kind === 'audio') this.#sound?.clear();
      if (!changed && this.#options.reduceSequenceHeader) return;
    } else {
      this.#head.data(timed);
    }
    this.#media.settle(this.hasAudio && this.hasVideo, now);
    for (const feed of this.#feeds.list) feed.append(timed, now);
    this.#taps.frame(timed);
  }

  /** An access unit in stream time. */
  #accept(frame: Frame, now: number): void {
    const media = this.#media;
    if (media.add(frame, now)) this.#head.describe(frame, this.#options.parseSps);
    if (this.#options.gopCache) this.#gop.push(frame);
    if (this.#sound !== undefined && frame.kind === 'audio') this.#sound.push(frame);
    if (!media.settled) media.settle(this.hasAudio && this.hasVideo, now, frame.dts);
    const feeds = this.#feeds.list;
    for (let index = 0; index < feeds.length; index += 1) feeds[index]?.append(frame, now);
    this.#taps.frame(frame);
  }

  #setTimeMode(mode: TimelineMode): void {
    this.#timeline.mode = mode;
    this.#absoluteTime = mode === 'off';
  }

  #forgetMedia(): void {
    this.#head.clear();
    this.#gop.clear();
    this.#sound?.clear();
    this.#media.clear();
  }

  #enterState(state: StreamState): void {
    this.#state = state;
    for (const viewer of [...this.#viewers]) viewer.tell(state);
    if (this.#state === state) this.#taps.state(state, this.#publication);
  }

  /** The publisher did not come back. */
  #endHold(): void {
    this.#hold = undefined;
    this.#state = 'idle';
    this.#forgetMedia();
    this.#attendances.end();
    const waiting: Viewer[] = [];
    for (const viewer of [...this.#viewers]) {
      if (viewer.request.afterHold === 'wait') waiting.push(viewer);
      else viewer.finish('gone');
    }
    for (const viewer of waiting) viewer.tell('idle');
    this.#forgetIfUnused();
    if (this.state === 'idle') this.#taps.state('idle', this.#publication);
  }

  #forgetIfUnused(): void {
    if (this.#state === 'gone' || this.#publisher !== undefined || this.#viewers.size > 0) return;
    if (this.#state === 'waiting' && this.#taps.size > 0 && this.#shut === undefined) return;
    this.#hold?.cancel();
    this.#hold = undefined;
    this.#state = 'gone';
    this.#forgetMedia();
    this.#services.forget(this);
    this.#attendances.end();
    this.#taps.end();
  }
}
