import type { Buffer } from 'node:buffer';
import { resolve } from 'node:path';
import type { Deadline } from '../../base/timer-wheel.ts';
import { ServerError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { SegmentWindowOptions } from '../../containers/m3u8/index.ts';
import type { StreamOutput } from '../../hub/output-events.ts';
import { streamKey, type SessionInfo, type StreamName, type StreamState } from '../../hub/ports.ts';
import type { Frame } from '../../media/frame.ts';
import type { ResourceGate } from '../../storage/live-resources.ts';
import { safePath } from '../../storage/path-template.ts';
import { StreamFiles } from '../../storage/stream-files.ts';
import { WholeFiles } from '../../storage/whole-files.ts';
import { Mp4Segments, TsSegments, type Tracks } from './containers.ts';
import { HlsNames } from './names.ts';
import { OpeningQueue } from './opening-queue.ts';
import type { HlsDeps, HlsDocument, HlsOptions } from './options.ts';
import { PlainDocument } from './plain-document.ts';
import { Segmenter, type SegmentSink } from './segmenter.ts';
import { HlsShelf, type ShelvedSegment } from './shelf.ts';
import { loadWindow, type WindowNumbers } from './window-loader.ts';

/** How one output begins and ends. */
export interface HlsOutputStart {
  readonly name: StreamName;
  readonly options: HlsOptions;
  /** The files of the playlist at `path` may be touched once this has resolved. Never rejects. */
  readonly ready: (path: string) => Promise<void>;
  /** Numbers of a stream of this name that was disposed in this run of the server. */
  readonly numbers: (path: string) => WindowNumbers | undefined;
  /** The output is closed; what its files still need is the caller's. `lastFrameAt`: by the clock, ms. */
  readonly closed: (path: string, shelf: HlsShelf, lastFrameAt: number) => void;
}

/** HLS of one stream: frames → segments → files, playlist and memory. */
export class HlsOutput implements StreamOutput, SegmentSink {
  readonly name = 'hls';
  readonly #playlistPath: string;
  readonly #start: HlsOutputStart;
  readonly #deps: HlsDeps;
  readonly #logger: Logger;
  readonly #names: HlsNames;
  readonly #whole: WholeFiles;
  readonly #files: StreamFiles;
  readonly #keyFiles: StreamFiles;
  readonly #segmenter: Segmenter;
  /** What came before the files could be touched; undefined afterwards. */
  #queue: OpeningQueue | undefined = new OpeningQueue();
  #shelf: HlsShelf | undefined;
  #document: HlsDocument | undefined;
  readonly #opened: Promise<void>;
  #session: SessionInfo | undefined;
  #publication = 0;
  /** Nothing more of this publication. */
  #stopped = false;
  #gone = false;
  #closed: Promise<void> | undefined;
  #lastFrameAt: number;
  #dispose: Deadline | undefined;
  /** Segment whose failure was told already. */
  #failedAt: number | undefined;
  /** Publication of which it was told that the disk is too slow for it. */
  #slowIn: number | undefined;
  #toldDependent = false;

  constructor(start: HlsOutputStart, deps: HlsDeps) {
    const { name, options } = start;
    if (options.lowLatency && options.encrypt) {
      throw new ServerError('CONFIG_INVALID', 'hls_ll cannot be had with hls_keys: parts are not encrypted');
    }
    this.#start = start;
    this.#deps = deps;
    this.#logger = deps.logger.child({ stream: streamKey(name), component: 'hls' });
    this.#names = new HlsNames(name, options, deps.unixTime());
    this.#playlistPath = resolve(safePath(options.root, this.#names.playlist));
    const after = start.ready(this.#playlistPath);
    this.#whole = new WholeFiles((error) => this.#diskFailed(error), deps.fileSystem, deps.maxUnwrittenBytes);
    const common = {
      resources: deps.resources,
      removals: deps.removals,
      whole: this.#whole,
      unixTime: deps.unixTime,
      after,
      gate: this.#gate(),
    };
    this.#files = new StreamFiles({ ...common, root: options.root });
    this.#keyFiles = new StreamFiles({
      ...common,
      root: options.keyRoot === '' ? options.root : options.keyRoot,
    });
    this.#segmenter = new Segmenter(
      { ...options, partMs: options.lowLatency ? options.partMs : undefined },
      options.fmp4 || options.lowLatency ? new Mp4Segments() : new TsSegments(),
      this,
    );
    this.#lastFrameAt = deps.clock.now();
    this.#opened = this.#open(after).catch((error: unknown) => {
      this.#queue = undefined;
      this.#fail(
        error instanceof ServerError
          ? error
          : new ServerError('INTERNAL', 'HLS could not begin', { cause: error }),
      );
      this.#stopped = true;
    });
  }

  published(session: SessionInfo): void {
    this.#session = session;
  }

  onState(state: StreamState, publication: number): void {
    if (this.#queue !== undefined) {
      this.#queue.addState(state, publication);
      return;
    }
    if (state === 'waiting') this.#guarded(() => this.#segmenter.finish());
    if (state !== 'live' || publication === this.#publication) return;
    this.#guarded(() => this.#segmenter.newPublication());
    this.#publication = publication;
    this.#stopped = false;
  }

  onFrame(frame: Frame): void {
    if (this.#queue !== undefined) {
      this.#queue.addFrame(frame);
      return;
    }
    if (this.#stopped) return;
    this.#stayAlive();
    try {
      this.#segmenter.take(frame);
    } catch (error) {
      this.#caught(error);
    }
  }

  onEnd(reason: 'gone' | 'failed'): void {
    this.#gone = reason === 'gone';
  }

  close(): Promise<void> {
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  // What the segmenter makes; it is fed only when there is a shelf.

  get correctionMs(): number {
    return this.#shelf?.correctionMs ?? 0;
  }

  segmentBegan(startMs: number, run: number, tracks: Tracks, init: Buffer | undefined): void {
    this.#shelf?.segmentBegan(startMs, run, tracks, init);
  }

  partDone(bytes: Buffer, durationMs: number, independent: boolean): void {
    this.#shelf?.partDone(bytes, durationMs, independent);
  }

  segmentDone(bytes: Buffer, durationMs: number, videoFrames: number): void {
    this.#shelf?.segmentDone(bytes, durationMs, videoFrames);
    if (!this.#whole.isSlow) this.#slowIn = undefined;
    else if (this.#slowIn !== this.#publication) {
      // Not from within the segmenter, which it may stop.
      const error = new ServerError('FILE_TOO_SLOW', 'segments are not written: the disk is far behind');
      queueMicrotask(() => this.#diskFailed(error));
    }
  }

  segmentDropped(): void {
    this.#shelf?.segmentDropped();
  }

  dependent(): void {
    this.#shelf?.dependent();
    if (this.#toldDependent || !this.#start.options.waitKeyframe) return;
    this.#toldDependent = true;
    this.#logger.warn('a segment begins without a keyframe: keyframes are missing or too far apart');
  }

  problem(error: ServerError): void {
    this.#fail(error);
  }

  async #open(after: Promise<void>): Promise<void> {
    const { name, options, numbers } = this.#start;
    const { clock, unixTime } = this.#deps;
    await after;
    const names = this.#names;
    const path = (files: StreamFiles, file: string | undefined): string | undefined => {
      try {
        return file === undefined ? undefined : files.path(file);
      } catch {
        return undefined;
      }
    };
    const { window, stale, init } = await loadWindow(
      {
        journal: this.#files.path(names.journal),
        playlist: this.#files.path(names.playlist),
        segmentPath: (uri) => path(this.#files, names.fileOfSegment(uri)),
        keyPath: (uri) => path(this.#keyFiles, names.fileOfKey(uri)),
      },
      windowOptions(options),
      options.recover,
      numbers(this.#playlistPath),
      clock.now(),
      (text) => this.#logger.warn(text),
    );
    const shelf = new HlsShelf({
      name,
      options,
      names,
      files: this.#files,
      keyFiles: this.#keyFiles,
      whole: this.#whole,
      window,
      init,
      clock,
      unixTime,
      segmentWritten: (segment) => this.#segmentWritten(segment),
    });
    this.#shelf = shelf;
    this.#document = this.#deps.document?.(shelf, options) ?? new PlainDocument(shelf);
    shelf.serve(this.#document);
    if (stale !== undefined) shelf.remove(stale);
    this.#drain();
  }

  /** Who may have what is not the playlist. */
  #gate(): ResourceGate {
    const document = (): HlsDocument | undefined => this.#document;
    return {
      kind: 'hls',
      name: this.#start.name,
      admit: (request) => document()?.admit(request),
      get isPrivate() {
        return document()?.isPrivate === true;
      },
    };
  }

  /** What waited is taken in its order. */
  #drain(): void {
    const queue = this.#queue;
    this.#queue = undefined;
    if (queue === undefined) return;
    for (const item of queue.items) {
      if ('state' in item) this.onState(item.state, item.publication);
      else this.onFrame(item);
    }
    if (!queue.overflowed) return;
    const text = 'more frames came than may wait while the disk was not ready: some are missing';
    this.#fail(new ServerError('FILE_TOO_SLOW', text));
  }

  async #finish(): Promise<void> {
    await this.#opened;
    this.#dispose?.cancel();
    const shelf = this.#shelf;
    if (shelf === undefined) return;
    if (!this.#stopped) this.#guarded(() => this.#segmenter.finish());
    this.#stopped = true;
    if (this.#gone && this.#start.options.endList) this.#guarded(() => shelf.end());
    const { skipped } = this.#segmenter;
    // Encoders end a stream by one that is empty (end of sequence).
    if (skipped > 1) this.#logger.info(`${skipped} frames were empty, or came before their config record`);
    await shelf.settled();
    shelf.close();
    this.#start.closed(this.#playlistPath, shelf, this.#lastFrameAt);
  }

  /** [hls_dispose] Each frame puts off the day. */
  #stayAlive(): void {
    const { wheel } = this.#deps;
    const { disposeMs } = this.#start.options;
    if (disposeMs === 0) return;
    this.#lastFrameAt = wheel.coarseNow;
    if (this.#dispose === undefined) this.#dispose = wheel.deadline(disposeMs, () => this.#silent());
    else this.#dispose.at = Math.max(this.#dispose.at, wheel.coarseNow + disposeMs);
  }

  #silent(): void {
    this.#dispose = undefined;
    this.#segmenter.discard();
    this.#logger.info(`no frame for ${this.#start.options.disposeMs} ms: the files are deleted`);
    void this.#shelf?.dispose();
  }

  #segmentWritten(segment: ShelvedSegment): void {
    this.#deps.observer.segmentDone?.({ name: this.#start.name, session: this.#session, ...segment });
  }

  #guarded(what: () => void): void {
    try {
      what();
    } catch (error) {
      this.#caught(error);
    }
  }

  #caught(error: unknown): void {
    if (!(error instanceof ServerError)) throw error;
    this.#segmenter.discard();
    this.#fail(error);
  }

  /** One report for a segment: its file, the playlist and the journal fail together. */
  #diskFailed(error: ServerError): void {
    if (error.code === 'FILE_TOO_SLOW') {
      if (this.#slowIn === this.#publication) return;
      this.#slowIn = this.#publication;
    }
    const sequence = this.#shelf?.newest.sequence ?? 0;
    if (this.#failedAt === sequence) return;
    this.#failedAt = sequence;
    this.#fail(error);
  }

  /** [hls_on_error] */
  #fail(error: ServerError): void {
    if (this.#stopped) return;
    const { onError } = this.#start.options;
    const then = onError === 'continue' ? 'continues' : 'stops';
    this.#deps.observer.outputFailed?.({
      output: 'hls',
      name: this.#start.name,
      session: this.#session,
      error,
      then,
    });
    if (onError === 'continue') return;
    this.#stopped = true;
    this.#segmenter.discard();
    if (onError === 'disconnect') this.#session?.close(error);
  }
}

function windowOptions(options: HlsOptions): SegmentWindowOptions {
  return {
    fragmentMs: options.fragmentMs,
    targetRatio: options.targetRatio,
    windowMs: options.windowMs,
    independentSegments: options.waitKeyframe,
    ...(options.lowLatency ? { partTargetMs: options.partMs } : {}),
  };
}
