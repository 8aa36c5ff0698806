import type { ServerError } from '../base/errors.ts';
import type { FrameTap, SessionInfo, StreamName } from './ports.ts';

/**
 * An output that makes files of one stream: a tap from the first publish on until the stream is gone or the output is switched
 * off. `onEnd` is the end of the stream, which the output may tell its viewers (an end of list); `close` is not.
 */
export interface StreamOutput extends FrameTap {
  /** Who publishes from now on; called after the `onState` of each publication. */
  published(session: SessionInfo): void;
  /**
   * What is begun is finished, as far as the disk lets it. Called in the end in any case, also after `onEnd`. Resolves when
   * all files are written; never rejects; idempotent.
   */
  close(): Promise<void>;
}

/** How one output of a stream begins. */
export interface OutputStart<Options> {
  readonly name: StreamName;
  readonly options: Options;
  /** The files of the stream may be touched once this has resolved: the output before is done with them. Never rejects. */
  readonly after: Promise<void>;
}

/** [on_hls, on_hls_notify] A segment was written, and the playlist that names it. */
export interface SegmentDone {
  readonly name: StreamName;
  readonly session: SessionInfo | undefined;
  /** Path of the segment. */
  readonly file: string;
  /** Its URL as the playlist has it, without the id of a viewer. */
  readonly url: string;
  /** Path of the playlist, and its URL relative to the root of the files. */
  readonly playlist: string;
  readonly playlistUrl: string;
  readonly sequence: number;
  readonly durationMs: number;
}

/** A segment of a format that has no callback was written, with the files of all its tracks. */
export interface SegmentWritten {
  /** `dash`, `hds`. */
  readonly output: string;
  readonly name: StreamName;
}

/** [on_dvr] A recording is closed and has its name. */
export interface RecordingDone {
  readonly name: StreamName;
  /** Who published it; undefined after a restart of the server. */
  readonly session: SessionInfo | undefined;
  readonly file: string;
  readonly bytes: number;
  readonly durationMs: number;
  /** Why it ended before its time, or was mended after a crash; undefined = as planned. */
  readonly problem?: ServerError;
}

/** An output could not do its work; what was written before stays. */
export interface OutputFailed {
  /** `hls`, `dash`, `dvr`, `hds`. */
  readonly output: string;
  readonly name: StreamName;
  readonly session: SessionInfo | undefined;
  readonly error: ServerError;
  /** What becomes of it: it goes on with the next segment or file, or is over for this publication. */
  readonly then: 'continues' | 'stops';
}

/** Told what outputs did: callbacks, counters, the API. Errors of an observer are caught by whoever calls it. */
export interface OutputObserver {
  /** Of HLS alone: callbacks follow from it. */
  segmentDone?(event: SegmentDone): void;
  /** Of all other formats. */
  segmentWritten?(event: SegmentWritten): void;
  recordingDone?(event: RecordingDone): void;
  outputFailed?(event: OutputFailed): void;
}
