import { systemClock } from '../../base/clock.ts';
import { describeError, ServerError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Deadline, TimerWheel } from '../../base/timer-wheel.ts';
import type { OutputObserver, OutputStart, StreamOutput } from '../../hub/output-events.ts';
import { streamKey, type SessionInfo, type StreamState } from '../../hub/ports.ts';
import type { Frame } from '../../media/frame.ts';
import type { DelayedRemovals } from '../../storage/delayed-removals.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import type { LiveResources, ResourceGate } from '../../storage/live-resources.ts';
import { StreamFiles } from '../../storage/stream-files.ts';
import { WholeFiles } from '../../storage/whole-files.ts';
import { readJournal } from './journal-file.ts';
import { DashNames } from './names.ts';
import { ManifestDocument, type DashViewerDeps } from './manifest-document.ts';
import { dashTiming, type DashOptions } from './options.ts';
import { DashPresentation } from './presentation.ts';
import { DashSegmenter, type DashSegment } from './segmenter.ts';

/** Bytes of segments that wait until the files of before are closed and the journal is read. */
export const MAX_DASH_BACKLOG_BYTES = 64 * 1024 * 1024;

export interface DashDeps {
  readonly wheel: TimerWheel;
  /** Wall clock, Unix ms. */
  readonly unixTime: () => number;
  readonly logger: Logger;
  readonly observer: OutputObserver;
  readonly resources: LiveResources;
  readonly removals: DelayedRemovals;
  /** Default: viewers are neither counted nor asked. */
  readonly viewers?: DashViewerDeps;
  /** Default: that of the system. */
  readonly fileSystem?: FileSystem;
  /** The text of a journal, undefined when there is none. Never rejects. Default: from the disk. */
  readonly readJournal?: (path: string) => Promise<string | undefined>;
}

/** A viewer who left out so many updates of the manifest has left. */
const SILENT_UPDATES = 3;

/** [dash] MPEG-DASH of one stream: fMP4 segments of each track and a manifest, on the disk and in memory. */
export class DashOutput implements StreamOutput {
  readonly name = 'dash';
  readonly from = 'now'; // After a reload a cached group would be shown twice.
  readonly #start: OutputStart<DashOptions>;
  readonly #deps: DashDeps;
  readonly #files: StreamFiles;
  readonly #document: ManifestDocument;
  readonly #presentation: DashPresentation;
  readonly #segmenter: DashSegmenter;
  readonly #ready: Promise<void>;
  #isReady = false;
  #backlog: (() => void)[] = [];
  #backlogBytes = 0;
  #session: SessionInfo | undefined;
  #publication: number | undefined;
  #silence: Deadline | undefined;
  #silentSinceMs: number | undefined;
  #troubled = false;
  #closing: Promise<void> | undefined;

  /** Throws STREAM_NAME_INVALID. */
  constructor(start: OutputStart<DashOptions>, deps: DashDeps) {
    this.#start = start;
    this.#deps = deps;
    const { options, name, after } = start;
    const { resources, removals, unixTime, fileSystem } = deps;
    const names = new DashNames(options, name, unixTime());
    const whole = new WholeFiles((error) => this.#trouble(error), fileSystem);
    this.#document = new ManifestDocument(
      {
        name,
        viewerSessions: options.viewerSessions && deps.viewers !== undefined,
        timeoutMs: SILENT_UPDATES * dashTiming(options).minimumUpdatePeriodMs + options.fragmentMs,
      },
      { ...(deps.viewers ?? nobody()), wheel: deps.wheel, logger: deps.logger },
    );
    const document = this.#document;
    const gate: ResourceGate = {
      kind: 'dash',
      name,
      admit: document.admit,
      get isPrivate() {
        return document.isPrivate;
      },
    };
    this.#files = new StreamFiles({ root: options.path, resources, removals, whole, unixTime, after, gate });
    const journal = this.#files.path(names.journal);
    this.#files.path(names.mpd);
    this.#presentation = new DashPresentation(options, names, {
      files: this.#files,
      removals,
      unixTime,
      document: this.#document,
      onTooSlow: () => this.#trouble(new ServerError('FILE_TOO_SLOW', 'segments wait for the disk')),
      onWritten: () => deps.observer.segmentWritten?.({ output: this.name, name }),
    });
    this.#segmenter = new DashSegmenter({
      fragmentMs: options.fragmentMs,
      onSegment: (segment) => this.#onSegment(segment),
      onProblem: (error) => this.#report(error, 'continues'),
    });
    this.#ready = this.#prepare(journal);
  }

  published(session: SessionInfo): void {
    this.#session = session;
    this.#troubled = false;
  }

  onState(state: StreamState, publication: number): void {
    if (state === 'live') {
      this.#silence?.cancel();
      this.#silence = undefined;
      this.#silentSinceMs = undefined;
      if (this.#publication !== undefined && this.#publication !== publication) {
        this.#segmenter.beginPublication();
      }
      this.#publication = publication;
    } else if (state === 'waiting') {
      this.#segmenter.end();
      this.#when(0, () => this.#presentation.pause());
      const { disposeMs } = this.#start.options;
      this.#silentSinceMs = this.#deps.unixTime();
      if (disposeMs === 0) return;
      this.#silence = this.#deps.wheel.deadline(disposeMs, () =>
        this.#when(0, () => this.#presentation.dispose(0)),
      );
    }
  }

  onFrame(frame: Frame): void {
    this.#segmenter.push(frame);
  }

  onEnd(reason: 'gone' | 'failed'): void {
    if (reason === 'failed') return;
    this.#segmenter.end();
    this.#when(0, () => this.#presentation.end());
    const { disposeMs } = this.#start.options;
    if (disposeMs === 0) return;
    const now = this.#deps.unixTime();
    const passedMs = Math.max(0, now - (this.#silentSinceMs ?? now));
    this.#when(0, () => this.#presentation.dispose(Math.max(0, disposeMs - passedMs)));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#silence?.cancel();
    this.#segmenter.end();
    await this.#ready;
    this.#presentation.pause();
    await this.#files.settled();
    this.#document.close();
    this.#files.unserveAll();
  }

  /** Reads what an earlier output left. Never rejects. */
  async #prepare(journalFile: string): Promise<void> {
    await this.#start.after;
    const journal = await (this.#deps.readJournal ?? readJournal)(journalFile);
    if (journal !== undefined) {
      try {
        this.#presentation.restore(journal);
      } catch (error) {
        const { logger } = this.#deps;
        logger.warn(`dash of ${streamKey(this.#start.name)} begins anew: ${describeError(error)}`);
      }
    }
    this.#isReady = true;
    const backlog = this.#backlog;
    this.#backlog = [];
    this.#backlogBytes = 0;
    for (const call of backlog) call();
  }

  #onSegment(segment: DashSegment): void {
    const bytes = segment.pieces.reduce((sum, piece) => sum + piece.bytes.length, 0);
    this.#when(bytes, () => this.#presentation.add(segment));
  }

  /** Calls in order, once the journal was read. */
  #when(bytes: number, call: () => void): void {
    if (this.#isReady) {
      call();
    } else if (this.#backlogBytes + bytes > MAX_DASH_BACKLOG_BYTES) {
      this.#trouble(new ServerError('FILE_TOO_SLOW', 'the files of before are not closed yet'));
    } else {
      this.#backlogBytes += bytes;
      this.#backlog.push(call);
    }
  }

  /** The disk fails: told once for a publisher, what comes is served from memory at least. */
  #trouble(error: ServerError): void {
    if (this.#troubled) return;
    this.#troubled = true;
    this.#report(error, 'continues');
  }

  #report(error: ServerError, then: 'continues' | 'stops'): void {
    const { name } = this.#start;
    this.#deps.observer.outputFailed?.({ output: this.name, name, session: this.#session, error, then });
  }
}

/** Viewers are not told from each other. */
function nobody(): DashViewerDeps {
  return {
    clock: systemClock,
    access: { check: () => Promise.resolve(undefined) },
    attend: () => undefined,
  };
}
