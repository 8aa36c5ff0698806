import type { Frame } from '../../media/frame.ts';
import type { RecordingSink } from './recording-sink.ts';

/** What a file begins with. */
export interface Beginning {
  /** Config records in force. */
  readonly configs: readonly Frame[];
  /** The frames that are to be written first; more will follow. */
  readonly frames: readonly Frame[];
  /** Told of a config record that cannot be used. */
  readonly refuse: (frame: Frame, cause: unknown) => void;
}

/** Frames → the bytes of one file. */
export interface FormatWriter {
  /** Length of what was written, ms. */
  readonly durationMs: number;
  /** Whether there is anything worth to be kept. */
  readonly hasMedia: boolean;
  /** A config record that this file cannot go on with. Throws CODEC_INVALID and the like. */
  needsNewFile(frame: Frame): boolean;
  /** Writes the head of the file; the frames are written by `write`. */
  begin(beginning: Beginning, sink: RecordingSink): void;
  /** Throws what the container says of a frame that it cannot carry. */
  write(frame: Frame, sink: RecordingSink): void;
  /** Gives out what is kept back. Called at least twice a second. */
  cut(sink: RecordingSink): void;
  /** After the last `cut`: what makes it a file that is done. */
  finish(sink: RecordingSink): void;
}
