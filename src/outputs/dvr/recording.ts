import { basename, dirname } from 'node:path';
import { describeError, ServerError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { OutputObserver } from '../../hub/output-events.ts';
import type { SessionInfo, StreamName } from '../../hub/ports.ts';
import type { Frame } from '../../media/frame.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { SafeFile } from '../../storage/safe-file.ts';
import type { FormatWriter } from './format-writer.ts';
import { mendRecording } from './mend.ts';
import type { OpenedFile } from './open-file.ts';
import { RecordingSink } from './recording-sink.ts';

/** Media that wait until it is known which tracks there are, stream ms, frames and bytes. */
const MAX_HELD_MS = 1_000;
const MAX_HELD_FRAMES = 2_000;
/** Frames that wait for a file that does not open, bytes. */
export const MAX_HELD_BYTES = 16 * 1024 * 1024;
const BEGIN_AT_BYTES = 4 * 1024 * 1024;

export interface RecordingDeps {
  readonly fileSystem: FileSystem;
  readonly observer: OutputObserver;
  readonly logger: Logger;
}

export interface RecordingOptions {
  readonly name: StreamName;
  readonly session: SessionInfo | undefined;
  /** Opens the file. May take its time; rejects with a ServerError. */
  readonly open: () => Promise<OpenedFile>;
  /** Called once, outside of the media path, when nothing more can be recorded. What there is is kept and mended. */
  readonly onFailed: (error: ServerError) => void;
  /** Told of a frame or config record that the container does not take. */
  readonly onRefused: (frame: Frame, cause: unknown) => void;
  /** The file takes no more: its index is full. */
  readonly onFull: () => void;
}

/** Which kinds of tracks there are. */
export interface Kinds {
  readonly audio: boolean;
  readonly video: boolean;
}

/**
 * One recording: held back until its file is open and its tracks are known, then written as it comes, then closed. Its file is
 * called `.name.recording` until it is whole.
 */
export class Recording {
  readonly #deps: RecordingDeps;
  readonly #options: RecordingOptions;
  readonly #expected: Kinds | undefined;
  #held: Frame[] = [];
  #heldBytes = 0;
  #configs: readonly Frame[];
  #sawAudio = false;
  #sawVideo = false;
  #first: number | undefined;
  #last = 0;
  #opened: OpenedFile | undefined;
  #writer: FormatWriter | undefined;
  #file: SafeFile | undefined;
  #sink: RecordingSink | undefined;
  #failed: ServerError | undefined;
  #ending = false;
  readonly #ready: Promise<void>;
  #done: Promise<void> | undefined;

  /** `configs`: the config records in force. `expected`: tracks that came before; undefined = not known yet. */
  constructor(
    deps: RecordingDeps,
    options: RecordingOptions,
    configs: readonly Frame[],
    expected: Kinds | undefined,
  ) {
    this.#deps = deps;
    this.#options = options;
    this.#configs = configs;
    this.#expected = expected;
    this.#ready = this.#open();
  }

  /** Tracks that there are. */
  get kinds(): Kinds {
    return { audio: this.#sawAudio, video: this.#sawVideo };
  }

  /** From its first frame to a time, stream ms. */
  spanTo(dts: number): number {
    return this.#first === undefined ? 0 : dts - this.#first;
  }

  /** A config record that it cannot go on with. Throws CODEC_INVALID and the like. */
  needsNewFile(frame: Frame): boolean {
    if (this.#failed !== undefined) return false;
    if (this.#writer !== undefined) return this.#writer.needsNewFile(frame);
    // Before its begin: one record per track, that of its first frames.
    const config = this.#configs.find(({ kind }) => kind === frame.kind);
    const used = this.#held.some(({ kind }) => kind === frame.kind);
    return used && config !== undefined && !config.payload.equals(frame.payload);
  }

  /** Takes a frame or a config record. */
  write(frame: Frame): void {
    if (this.#failed !== undefined || this.#ending) return;
    if (frame.isConfig && this.#writer === undefined) {
      this.#configs = [...this.#configs.filter(({ kind }) => kind !== frame.kind), frame];
      return;
    }
    if (!frame.isConfig && frame.kind !== 'data') {
      if (frame.kind === 'audio') this.#sawAudio = true;
      else this.#sawVideo = true;
      this.#first ??= frame.dts;
      this.#last = Math.max(this.#last, frame.dts);
    }
    if (this.#writer !== undefined && this.#sink !== undefined) {
      this.#give(frame, this.#writer, this.#sink);
      return;
    }
    this.#held.push(frame);
    this.#heldBytes += frame.flvBody.length;
    if (this.#heldBytes > MAX_HELD_BYTES) {
      this.#failLater(
        new ServerError('FILE_TOO_SLOW', `${this.#heldBytes} bytes wait for a file that does not open`),
      );
      return;
    }
    this.#tryBegin();
  }

  /** To be called about twice a second: what was gathered goes to the disk. */
  tick(): void {
    if (this.#failed !== undefined || this.#ending) return;
    if (this.#sink === undefined) return;
    this.#writer?.cut(this.#sink);
    this.#sink.flush();
    // Without it a publisher that hangs would make the file look left over.
    this.#file?.touch();
  }

  /** Ends it. Resolves when its file is closed, mended or given up; never rejects; idempotent. */
  finish(problem?: ServerError): Promise<void> {
    this.#ending = true;
    this.#done ??= this.#finish(problem);
    return this.#done;
  }

  async #open(): Promise<void> {
    try {
      this.#opened = await this.#options.open();
      if (this.#failed === undefined && !this.#ending) this.#tryBegin();
    } catch (error) {
      this.#fail(
        error instanceof ServerError
          ? error
          : new ServerError('FILE_WRITE_FAILED', 'a recording cannot be opened', { cause: error }),
      );
    }
  }

  #tryBegin(): void {
    if (this.#opened === undefined || this.#first === undefined || !this.#tracksKnown()) return;
    this.#begin(this.#opened);
  }

  #tracksKnown(): boolean {
    const audio = this.#isKnown('audio') || this.#expected?.audio === false;
    const video = this.#isKnown('video') || this.#expected?.video === false;
    if (audio && video) return true;
    const long = this.spanTo(this.#last) >= MAX_HELD_MS || this.#held.length >= MAX_HELD_FRAMES;
    return long || this.#heldBytes >= BEGIN_AT_BYTES;
  }

  #isKnown(kind: 'audio' | 'video'): boolean {
    if (this.#configs.some((config) => config.kind === kind)) return true;
    return this.#held.some((frame) => frame.kind === kind && !needsConfig(frame));
  }

  #begin(opened: OpenedFile): void {
    const { path, continueAt, writer } = opened;
    const file = new SafeFile({
      path,
      kind: 'recording',
      sync: 'close',
      onFailure: 'keep',
      fileSystem: this.#deps.fileSystem,
      onError: (error) => this.#fail(error),
      ...(continueAt === undefined ? {} : { continueAt }),
    });
    const sink = new RecordingSink(file, continueAt ?? 0);
    this.#file = file;
    this.#sink = sink;
    this.#writer = writer;
    const frames = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    const media = frames.filter(({ kind }) => kind !== 'data');
    writer.begin({ configs: this.#configs, frames: media, refuse: this.#options.onRefused }, sink);
    this.#configs = [];
    for (const frame of frames) this.#give(frame, writer, sink);
  }

  #give(frame: Frame, writer: FormatWriter, sink: RecordingSink): void {
    try {
      writer.write(frame, sink);
    } catch (error) {
      if (error instanceof ServerError && error.code === 'MP4_TOO_LARGE') this.#options.onFull();
      else this.#options.onRefused(frame, error);
    }
  }

  async #finish(problem: ServerError | undefined): Promise<void> {
    await this.#ready;
    const opened = this.#opened;
    try {
      if (
        this.#failed === undefined &&
        opened !== undefined &&
        this.#writer === undefined &&
        this.#first !== undefined
      ) {
        this.#begin(opened);
      }
      await this.#close(problem);
    } catch (error) {
      this.#deps.logger.error(`a recording could not be closed: ${describeError(error)}`);
      await this.#file?.abort('keep');
      if (this.#file !== undefined) await this.#mend(this.#file, problem);
    } finally {
      opened?.release();
    }
  }

  async #close(problem: ServerError | undefined): Promise<void> {
    const file = this.#file;
    const writer = this.#writer;
    const sink = this.#sink;
    if (file === undefined || writer === undefined || sink === undefined) {
      await this.#opened?.giveUp();
      return;
    }
    if (this.#failed === undefined) {
      writer.cut(sink);
      if (!writer.hasMedia) {
        this.#deps.logger.warn(
          'nothing was recorded: no frames came that could be played, or no codec config record',
        );
        await file.abort();
        return;
      }
      writer.finish(sink);
      sink.flush();
    }
    if (await file.close()) {
      this.#tell(file.path, file.stats.bytes, writer.durationMs, problem);
      return;
    }
    await this.#mend(file, this.#failed ?? problem);
  }

  /** The disk failed: what it took is made playable, if it lets us. */
  async #mend(file: SafeFile, problem: ServerError | undefined): Promise<void> {
    const { fileSystem, logger } = this.#deps;
    try {
      const mended = await mendRecording(fileSystem, file.temporary);
      if (!mended.hasMedia) {
        await fileSystem.unlink(file.temporary);
        return;
      }
      await fileSystem.rename(file.temporary, file.path);
      this.#tell(file.path, mended.bytes, mended.durationMs, problem);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (['ENOENT', 'ENOTDIR'].includes(code)) return; // It never was, or somebody removed it.
      logger.warn(`${file.temporary} is left for the next start: ${describeError(error)}`);
    }
  }

  #tell(file: string, bytes: number, durationMs: number, problem: ServerError | undefined): void {
    const { name, session } = this.#options;
    const seconds = (durationMs / 1000).toFixed(1);
    const how = problem === undefined ? '' : `, ended by ${problem.code}`;
    this.#deps.logger.info(
      `recorded ${basename(file)} in ${dirname(file)}: ${seconds} s, ${bytes} bytes${how}`,
    );
    this.#deps.observer.recordingDone?.({
      name,
      session,
      file,
      bytes,
      durationMs,
      ...(problem === undefined ? {} : { problem }),
    });
  }

  #failLater(error: ServerError): void {
    if (this.#failed !== undefined) return;
    queueMicrotask(() => this.#fail(error));
  }

  #fail(error: ServerError): void {
    if (this.#failed !== undefined) return;
    this.#failed = error;
    this.#held = [];
    this.#heldBytes = 0;
    this.#options.onFailed(error);
  }
}

/** Codecs whose frames mean nothing without a config record. */
function needsConfig(frame: Frame): boolean {
  return ['h264', 'h265', 'av1', 'aac', 'opus'].includes(frame.codec);
}
