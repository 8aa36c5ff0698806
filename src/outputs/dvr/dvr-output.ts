import { Buffer } from 'node:buffer';
import { relative } from 'node:path';
import { describeError, ServerError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Deadline, TimerWheel } from '../../base/timer-wheel.ts';
import type { OutputObserver, OutputStart, StreamOutput } from '../../hub/output-events.ts';
import { streamKey, type SessionInfo, type StreamState } from '../../hub/ports.ts';
import { Frame } from '../../media/frame.ts';
import { isMetadata } from '../../media/script-data.ts';
import { nodeFileSystem, type FileSystem } from '../../storage/file-system.ts';
import { expandPath, safePath } from '../../storage/path-template.ts';
import type { OpenedFile } from './open-file.ts';
import { openRecording } from './open-recording.ts';
import { recordingFormat, recordingRoot, recordingTemplate, type DvrOptions } from './options.ts';
import { Recording } from './recording.ts';
import type { RecordingNames } from './recording-names.ts';

/** How often what was gathered goes to the disk, ms. */
const FLUSH_MS = 500;
/** After a failure the plan `segment` waits so long, and twice as long after each further one, ms. */
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 5 * 60_000;
/** Without pictures for so long, sound alone may end a file of the plan `segment`, stream ms. */
const NO_PICTURES_MS = 10_000;
/** A keyframe that comes so much too early ends a segment too: times are rounded, ms. */
const TOLERANCE_MS = 20;
/** Recordings of one stream that are being closed; on a disk that hangs no others begin. */
export const MAX_CLOSING_RECORDINGS = 4;

export interface DvrDeps {
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  /** Wall clock, Unix ms. */
  readonly unixTime: () => number;
  /** [utc_time] */
  readonly utc: () => boolean;
  readonly logger: Logger;
  readonly observer: OutputObserver;
  /** One per server. */
  readonly names: RecordingNames;
  readonly fileSystem?: FileSystem;
}

/** [dvr] Records one stream: begins a file with the first frames of a publish, and ends it with the publish or by its plan. */
export class DvrOutput implements StreamOutput {
  readonly name = 'dvr';
  readonly #deps: DvrDeps;
  readonly #start: OutputStart<DvrOptions>;
  readonly #logger: Logger;
  #session: SessionInfo | undefined;
  #live = false;
  #recording: Recording | undefined;
  #videoConfig: Frame | undefined;
  #audioConfig: Frame | undefined;
  /** A picture can be decoded in the file that is written. */
  #sawKeyframe = false;
  #lastVideo: number | undefined;
  /** Not before the next publish. */
  #stopped = false;
  /** Not before this time of the clock. */
  #pausedUntil = 0;
  #pauseMs = FIRST_PAUSE_MS;
  /** Told once per publish: what the container said. */
  readonly #refused = new Set<string>();
  readonly #closing = new Set<Promise<void>>();
  /** The file of the plan `append` is free when the one before is closed. */
  #before: Promise<void>;
  #tick: Deadline | undefined;

  constructor(deps: DvrDeps, start: OutputStart<DvrOptions>) {
    this.#deps = deps;
    this.#start = start;
    this.#logger = deps.logger.child({ stream: streamKey(start.name), component: 'dvr' });
    this.#before = start.after;
  }

  published(session: SessionInfo): void {
    this.#session = session;
  }

  onState(state: StreamState): void {
    // An MP4 file is one as long as its index is in memory: it stays open until nobody can come back.
    const stays = this.#recording !== undefined && this.#staysOpen;
    if (stays) this.#sawKeyframe = false;
    else this.#end();
    this.#live = state === 'live';
    this.#stopped = false;
    this.#videoConfig = undefined;
    this.#audioConfig = undefined;
    this.#lastVideo = undefined;
    this.#refused.clear();
  }

  onFrame(frame: Frame): void {
    if (!this.#live) return;
    if (frame.isConfig) {
      this.#onConfig(frame);
      return;
    }
    if (this.#stopped) return;
    if (frame.kind === 'data') {
      // The file has metadata of its own, which are true.
      if (!isMetadata(frame.flvBody)) this.#recording?.write(frame);
      return;
    }
    const running = this.#recording;
    // MP3 has no config record: each frame tells its rate.
    const isOther = frame.codec === 'mp3' && running !== undefined && this.#needsNewFile(running, frame);
    if (isOther || this.#isDue(frame)) this.#end();
    if (this.#recording === undefined && !this.#begin()) return;
    if (frame.kind === 'video') {
      if (this.#start.options.waitKeyframe && !this.#sawKeyframe && frame.codec !== 'other') {
        if (!frame.isKeyframe) return;
      }
      this.#sawKeyframe ||= frame.isKeyframe;
      this.#lastVideo = frame.dts;
    }
    this.#recording?.write(frame);
  }

  get #staysOpen(): boolean {
    const { plan, path, fragmented } = this.#start.options;
    return plan === 'append' && ['mp4', 'fmp4'].includes(recordingFormat(path, fragmented));
  }

  onEnd(): void {
    this.#end();
  }

  async close(): Promise<void> {
    this.#end();
    this.#live = false;
    while (this.#closing.size > 0) await Promise.all(this.#closing);
  }

  #onConfig(frame: Frame): void {
    // Its own memory: it may be the last of a large read, and stays for hours.
    const config = copyOf(frame);
    if (frame.kind === 'video') this.#videoConfig = config;
    else this.#audioConfig = config;
    const recording = this.#recording;
    if (recording === undefined) return;
    if (this.#needsNewFile(recording, config)) this.#end();
    else recording.write(config);
  }

  /** The plan `segment` ends the file before this frame. */
  #isDue(frame: Frame): boolean {
    const { plan, segmentMs, waitKeyframe } = this.#start.options;
    const recording = this.#recording;
    if (
      plan !== 'segment' ||
      recording === undefined ||
      recording.spanTo(frame.dts) + TOLERANCE_MS < segmentMs
    )
      return false;
    if (!waitKeyframe) return frame.kind === 'video' || !recording.kinds.video;
    if (frame.kind === 'video') return frame.isKeyframe;
    return this.#lastVideo === undefined || frame.dts - this.#lastVideo >= NO_PICTURES_MS;
  }

  #needsNewFile(recording: Recording, frame: Frame): boolean {
    try {
      return recording.needsNewFile(frame);
    } catch {
      return false; // What is wrong with it is told when it is written.
    }
  }

  /** The container cannot carry it: the rest is recorded without it. */
  #refuse(frame: Frame, cause: unknown): void {
    const what = `${frame.kind} ${frame.codec}`;
    if (this.#refused.has(what) || this.#refused.size > 8) return;
    this.#refused.add(what);
    this.#logger.warn(`recorded without its ${what}: ${describeError(cause)}`);
  }

  #begin(): boolean {
    if (this.#stopped || this.#deps.clock.now() < this.#pausedUntil) return false;
    if (this.#closing.size >= MAX_CLOSING_RECORDINGS) {
      const error = new ServerError(
        'FILE_TOO_SLOW',
        `${this.#closing.size} recordings wait for the disk to close them`,
      );
      this.#failed(undefined, error);
      return false;
    }
    const configs = [this.#videoConfig, this.#audioConfig].filter((config) => config !== undefined);
    const { fileSystem = nodeFileSystem, observer } = this.#deps;
    const before = this.#before;
    const session = this.#session;
    const path = this.#path();
    const recording: Recording = new Recording(
      { fileSystem, observer, logger: this.#logger },
      {
        name: this.#start.name,
        session,
        open: async (): Promise<OpenedFile> => {
          await before;
          return openRecording({ fileSystem, names: this.#deps.names, options: this.#start.options, path });
        },
        onFailed: (error) => this.#failed(recording, error),
        onRefused: (frame, cause) => this.#refuse(frame, cause),
        onFull: () => this.#end(),
      },
      configs,
      undefined,
    );
    this.#recording = recording;
    this.#sawKeyframe = false;
    this.#tick ??= this.#deps.wheel.deadline(FLUSH_MS, () => this.#onTick());
    return true;
  }

  #path(): string {
    const { name, options } = this.#start;
    const template = recordingTemplate(options.path);
    const root = recordingRoot(options.path);
    const values = { ...name, timeMs: this.#deps.unixTime(), utc: this.#deps.utc() };
    return safePath(root, relative(root, expandPath(template, values)));
  }

  #onTick(): void {
    this.#tick = undefined;
    if (this.#recording === undefined) return;
    this.#recording.tick();
    this.#tick = this.#deps.wheel.deadline(FLUSH_MS, () => this.#onTick());
  }

  /** Ends the file that is written. */
  #end(problem?: ServerError): void {
    const recording = this.#recording;
    this.#recording = undefined;
    this.#tick?.cancel();
    this.#tick = undefined;
    if (recording === undefined) return;
    const done: Promise<void> = recording.finish(problem).finally(() => this.#closing.delete(done));
    this.#closing.add(done);
    if (this.#start.options.plan === 'append') this.#before = done;
  }

  /** The recording is lost from here on; others are not touched. */
  #failed(recording: Recording | undefined, error: ServerError): void {
    const { options, name } = this.#start;
    const goesOn = options.plan === 'segment';
    if (recording === this.#recording || recording === undefined) {
      this.#end(error);
      if (goesOn) {
        this.#pausedUntil = this.#deps.clock.now() + this.#pauseMs;
        this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
      } else {
        this.#stopped = true;
      }
    }
    this.#deps.observer.outputFailed?.({
      output: this.name,
      name,
      session: this.#session,
      error,
      then: goesOn ? 'continues' : 'stops',
    });
  }
}

function copyOf(frame: Frame): Frame {
  const { kind, codec, dts, cts, isKeyframe, isConfig, payloadOffset } = frame;
  return new Frame(kind, codec, dts, cts, isKeyframe, isConfig, Buffer.from(frame.flvBody), payloadOffset);
}
