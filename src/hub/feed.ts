import type { Frame } from '../media/frame.ts';
import type { FeedServices, FeedSource } from './feed-source.ts';
import { Cohorts } from './cohorts.ts';
import { JoinBytes } from './join-bytes.ts';
import { MessagePacer } from './message-pacer.ts';
import type { Opening, Packager, StreamOptions, WireFormat } from './ports.ts';
import { SlabLog } from './slab-log.ts';
import { carries, earliest } from './frame-choice.ts';
import { ViewerGroup, type Viewer, type ViewerFeed } from './viewer.ts';

/** Viewers that are flushed together: their writes take about 3 ms of the event loop. */
const MAX_GROUP_VIEWERS = 250;

/**
 * One wire format of one stream: packages each frame once into a log, cuts the log once per window and group, and gives the
 * same bytes to every viewer of a cohort.
 */
export class Feed implements ViewerFeed {
  readonly format: WireFormat;
  readonly packager: Packager;
  readonly #services: FeedServices;
  readonly #source: FeedSource;
  readonly #log = new SlabLog();
  readonly #groups: ViewerGroup[] = [];
  readonly #cohorts = new Cohorts();
  readonly #starting = new Set<Viewer>();
  readonly #flushGroup = (group: ViewerGroup): void => this.flush(group);
  #pacer: MessagePacer | undefined;
  #viewers = 0;
  /** Stream time of the newest message, ms. */
  #edgeDts = 0;
  #hasEdge = false;
  #epoch = -1;
  #join: JoinBytes | undefined;

  constructor(services: FeedServices, source: FeedSource, format: WireFormat) {
    this.#services = services;
    this.#source = source;
    this.format = format;
    this.packager = format.createPackager();
    const { lastVideo, lastAudio } = source;
    if (lastVideo !== undefined || lastAudio !== undefined) {
      this.#beginAt(Math.max(lastVideo?.dts ?? -Infinity, lastAudio?.dts ?? -Infinity));
    }
    this.#pacer = this.#createPacer();
  }

  get viewers(): number {
    return this.#viewers;
  }

  /** Takes one frame of the stream, in stream time. */
  append(frame: Frame, nowMs: number): void {
    if (!carries(this.format.tracks, frame)) return;
    this.#log.nowMs = nowMs;
    this.packager.append(frame, this.#log);
    if (frame.isKeyframe) this.#join = undefined;
    if (!this.#hasEdge) this.#beginAt(frame.dts);
    else if (frame.dts > this.#edgeDts || this.#source.absoluteTime) this.#edgeDts = frame.dts;
    if (this.#starting.size > 0) this.#startWaiting(frame);
    const governor = this.#services.governor;
    if (this.#epoch !== governor.epoch) {
      this.#epoch = governor.epoch;
      governor.addViewers(this.#viewers);
    }
    governor.addWrites(this.#viewers, nowMs);
    if (this.#pacer !== undefined) this.#pacer.add(this.#log.end, nowMs);
    else this.#schedule(nowMs);
  }

  /** The publisher left. */
  rest(nowMs: number): void {
    if (this.packager.rest === undefined) return;
    const before = this.#log.end;
    this.#log.nowMs = nowMs;
    this.packager.rest(this.#log);
    if (this.#log.end === before) return;
    if (this.#pacer !== undefined) this.#pacer.add(this.#log.end, nowMs);
    else this.#schedule(nowMs);
  }

  /** A new publisher begins on a stream with viewers: they start again at its first keyframe, in their own time. */
  restart(): void {
    this.#pacer?.release(this.#log.end);
    for (const group of [...this.#groups]) {
      this.flush(group);
      for (const viewer of [...group.viewers]) {
        if (viewer.mode !== 'live') continue;
        viewer.mode = 'starting';
        this.#starting.add(viewer);
      }
    }
    this.#join = undefined;
    this.#hasEdge = false;
  }

  /** The settings were `old`. A new `send_min_interval`: what waits for its turn goes at once, what comes next has the new one. */
  repace(old: StreamOptions): void {
    const { sendMinIntervalMs, queueLengthMs } = this.#source.options;
    if (sendMinIntervalMs === old.sendMinIntervalMs && queueLengthMs === old.queueLengthMs) return;
    this.#pacer?.release(this.#log.end);
    this.#pacer = this.#createPacer();
    this.#pacer?.release(this.#log.end);
    this.#markDirty();
  }

  add(viewer: Viewer): void {
    this.#viewers += 1;
    const group = this.#groupWithRoom();
    group.viewers.push(viewer);
    viewer.group = group;
    if (viewer.base !== undefined) this.#cohorts.enter(viewer, viewer.base);
    this.start(viewer);
  }

  /** Gives a viewer what is left for it and forgets it. */
  remove(viewer: Viewer): void {
    const group = viewer.group;
    if (group === undefined) return;
    viewer.group = undefined;
    const index = group.viewers.indexOf(viewer);
    const last = group.viewers.pop();
    if (last !== undefined && last !== viewer && index >= 0) group.viewers[index] = last;
    if (group.viewers.length === 0) this.#groups.splice(this.#groups.indexOf(group), 1);
    this.#viewers -= 1;
    if (viewer.mode === 'live') this.#deliver(viewer, group, this.#log.end);
    this.stop(viewer);
    this.#cohorts.leave(viewer);
    if (this.#viewers === 0) this.#pacer?.close();
  }

  /** The viewer gets nothing until `start`. */
  stop(viewer: Viewer): void {
    this.#starting.delete(viewer);
  }

  /** Begins (or begins again) with the newest cached keyframe, with audio at once, or waits for a keyframe. */
  start(viewer: Viewer): void {
    const source = this.#source;
    viewer.mode = 'starting';
    this.#starting.add(viewer);
    if (!viewer.opened && this.format.declaresTracks && !source.isSettled) return;
    if (source.isLive) {
      const frames = this.#cached();
      const first = frames[0];
      const given = this.#givenDts(viewer);
      if (first !== undefined && (given === undefined || first.dts > given)) {
        this.#startWith(viewer, frames, true);
        return;
      }
      if (first === undefined && !this.#needsKeyframe()) {
        const last = given === undefined ? this.#lastFrames() : [];
        if (last.length > 0 || viewer.opened) {
          this.#startWith(viewer, last, false);
          return;
        }
      }
    }
    if (!viewer.opened) this.#open(viewer);
  }

  /** A viewer whose queue overflowed joins again, once its socket is empty. */
  rejoin(viewer: Viewer): void {
    if (viewer.mode === 'lagging' && viewer.request.sink.pendingBytes === 0) this.start(viewer);
  }

  /** Cuts one window for the viewers of `group`. */
  flush(group: ViewerGroup): void {
    const to = this.#pacer === undefined ? this.#log.end : this.#pacer.released;
    if (to > group.position) {
      const viewers = group.viewers;
      // Backwards: a viewer that goes meanwhile is replaced by one that has been served.
      for (let index = viewers.length - 1; index >= 0; index -= 1) {
        const viewer = viewers[index];
        if (viewer !== undefined) this.#serve(viewer, group, to);
      }
      group.position = to;
      group.dts = this.#edgeDts;
      this.#trim();
    }
  }

  #serve(viewer: Viewer, group: ViewerGroup, to: number): void {
    try {
      if (viewer.mode === 'live') {
        if (viewer.position < to) this.#deliver(viewer, group, to);
      } else if (viewer.mode === 'lagging') {
        viewer.queue.miss(to - group.position);
        this.rejoin(viewer);
      }
    } catch (error) {
      viewer.fail(error);
    }
  }

  #deliver(viewer: Viewer, group: ViewerGroup, to: number): void {
    const cohort = viewer.cohort;
    const from = viewer.position;
    if (cohort === undefined || from >= to) return;
    viewer.position = to;
    if (cohort.from !== from || cohort.to !== to) {
      cohort.bytes = this.packager.cut(this.#log, from, to, cohort.base);
      cohort.from = from;
      cohort.to = to;
    }
    const edge = this.#edgeDts;
    if (!viewer.queue.offer(cohort.bytes, Math.max(0, edge - group.dts), edge)) {
      viewer.mode = 'lagging';
      viewer.watch();
      return;
    }
    if (!viewer.queue.isEmpty) viewer.watch();
    if (edge >= viewer.endDts) viewer.finish('duration');
  }

  #schedule(nowMs: number): void {
    const { scheduler, governor } = this.#services;
    const window = governor.windowFor(this.#source.options);
    for (const group of this.#groups) {
      if (!group.scheduled) scheduler.schedule(group, window, nowMs);
    }
  }

  #markDirty(): void {
    const now = this.#services.clock.now();
    for (const group of this.#groups) {
      if (!group.scheduled) this.#services.scheduler.schedule(group, 0, now);
    }
  }

  #createPacer(): MessagePacer | undefined {
    const { sendMinIntervalMs, queueLengthMs } = this.#source.options;
    if (sendMinIntervalMs <= 0) return undefined;
    return new MessagePacer(this.#services.clock, sendMinIntervalMs, queueLengthMs, () => this.#markDirty());
  }

  #groupWithRoom(): ViewerGroup {
    for (let index = this.#groups.length - 1; index >= 0; index -= 1) {
      const group = this.#groups[index];
      if (group !== undefined && group.viewers.length < MAX_GROUP_VIEWERS) return group;
    }
    const group = new ViewerGroup(
      this.#flushGroup,
      this.#services.scheduler.nextOffset(),
      this.#log.end,
      this.#edgeDts,
    );
    this.#groups.push(group);
    return group;
  }

  /** Up to where the viewer has media, in the time of the present publisher, ms. */
  #givenDts(viewer: Viewer): number | undefined {
    const { absoluteTime, publication } = this.#source;
    return absoluteTime && viewer.publication !== publication ? undefined : viewer.queue.givenDts;
  }

  #needsKeyframe(): boolean {
    return this.format.tracks !== 'a' && this.#source.hasVideo;
  }

  /** Whether those who wait can begin now that `frame` is in the log. */
  #startWaiting(frame: Frame): void {
    if (frame.isConfig || frame.kind === 'data') return;
    const source = this.#source;
    if (this.format.declaresTracks && !source.isSettled) return;
    const keyframe = frame.kind === 'video' && frame.isKeyframe;
    const cached = this.#cached();
    if (!keyframe && this.#needsKeyframe() && cached.length === 0) return;
    const waiting = [...this.#starting];
    const only = [frame];
    for (const viewer of waiting) {
      try {
        if (cached.length > 0) this.start(viewer);
        else this.#startWith(viewer, only, false);
      } catch (error) {
        viewer.fail(error);
      }
    }
  }

  /** What a joiner of a stream without video begins with: the cached sound, or the last frame of the kind it has. */
  #lastFrames(): readonly Frame[] {
    const source = this.#source;
    if (this.format.wantsCachedSound === true && source.cachedSound.length > 0) return source.cachedSound;
    const frames: Frame[] = [];
    if (this.format.tracks !== 'v' && source.lastAudio !== undefined) frames.push(source.lastAudio);
    return frames;
  }

  /** Sends what can be known before media begins. */
  #open(viewer: Viewer): void {
    const source = this.#source;
    const catchUp = this.packager.catchUp(this.#opening(), 0);
    catchUp.add(this.#head(source.absoluteTime ? ((source.lastVideo ?? source.lastAudio)?.dts ?? 0) : 0));
    viewer.opened = true;
    viewer.headGeneration = this.#source.headGeneration;
    viewer.queue.force(catchUp.bytes(), undefined);
  }

  #opening(): Opening {
    const { tracks } = this.format;
    const { hasAudio, hasVideo } = this.#source;
    const unknown = !hasAudio && !hasVideo;
    return {
      hasAudio: tracks !== 'v' && (hasAudio || unknown),
      hasVideo: tracks !== 'a' && (hasVideo || unknown),
    };
  }

  #head(dts: number): Frame[] {
    const head: Frame[] = [];
    for (const frame of this.#source.head) if (carries(this.format.tracks, frame)) head.push(frame.at(dts));
    return head;
  }

  /** Gives a viewer `frames`, which end at the end of the log, and makes it live from there. */
  #startWith(viewer: Viewer, frames: readonly Frame[], isGop: boolean): void {
    const source = this.#source;
    const first = viewer.base === undefined;
    const fresh = first && !viewer.opened;
    let bytes: Buffer;
    if (fresh && isGop) {
      const join = this.#sharedJoin(frames);
      bytes = join.bytes(frames);
      this.#cohorts.enter(viewer, join.base);
    } else {
      const base = viewer.base ?? this.#baseOf(frames);
      const catchUp = this.packager.catchUp(viewer.opened ? undefined : this.#opening(), base);
      if (!viewer.opened || viewer.headGeneration !== source.headGeneration || viewer.base !== undefined) {
        catchUp.add(this.#head(this.#givenDts(viewer) ?? (source.absoluteTime ? earliest(frames) : base)));
      }
      catchUp.add(frames);
      bytes = catchUp.bytes();
      this.#cohorts.enter(viewer, base);
    }
    if (viewer.endDts === Infinity && viewer.request.durationMs !== undefined) {
      viewer.endDts =
        (source.absoluteTime ? earliest(frames) : (viewer.base ?? 0)) + viewer.request.durationMs;
    }
    this.#starting.delete(viewer);
    viewer.mode = 'live';
    viewer.publication = source.publication;
    viewer.opened = true;
    viewer.headGeneration = source.headGeneration;
    viewer.position = this.#log.end;
    viewer.queue.force(bytes, this.#edgeDts);
    if (!viewer.queue.isEmpty) viewer.watch();
    if (first) viewer.began();
  }

  /** The bytes of those who join first on the cached group of pictures. */
  #sharedJoin(frames: readonly Frame[]): JoinBytes {
    const { gop, headGeneration, absoluteTime } = this.#source;
    let join = this.#join;
    if (join?.isOf(gop.generation, headGeneration) !== true) {
      const base = this.#baseOf(frames);
      const catchUp = this.packager.catchUp(this.#opening(), base);
      catchUp.add(this.#head(absoluteTime ? earliest(frames) : base));
      join = new JoinBytes(catchUp, base, gop.generation, headGeneration);
      this.#join = join;
    }
    return join;
  }

  #baseOf(frames: readonly Frame[]): number {
    return this.#source.absoluteTime ? 0 : earliest(frames);
  }

  /** The cached group of pictures as this format carries it. */
  #cached(): readonly Frame[] {
    const { tracks } = this.format;
    if (tracks === 'a') return [];
    const { frames } = this.#source.gop;
    return tracks === 'av' ? frames : frames.filter((frame) => frame.kind !== 'audio');
  }

  #beginAt(dts: number): void {
    this.#hasEdge = true;
    this.#edgeDts = dts;
    for (const group of this.#groups) group.dts = dts;
  }

  /** Forgets the part of the log that every group has passed. */
  #trim(): void {
    if (this.#log.slabs < 2) return;
    let oldest = this.#log.end;
    for (const group of this.#groups) if (group.position < oldest) oldest = group.position;
    this.#log.trim(oldest);
  }
}
