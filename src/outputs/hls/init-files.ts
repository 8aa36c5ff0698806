import type { Buffer } from 'node:buffer';
import type { SegmentWindow } from '../../containers/m3u8/index.ts';
import type { StreamFiles } from '../../storage/stream-files.ts';
import type { Place } from './names.ts';

/** [hls_init_file] The init segments of fragmented MP4: one for each set of tracks, each under a name of its own. */
export class InitFiles {
  readonly #files: StreamFiles;
  readonly #window: SegmentWindow;
  readonly #place: (sequence: number) => Place;
  #bytes: Buffer | undefined;
  /** Name of the present one; undefined where segments need none. */
  uri: string | undefined;
  /** When it is written, or has failed. */
  written: Promise<unknown> | undefined;

  constructor(files: StreamFiles, window: SegmentWindow, place: (sequence: number) => Place) {
    this.#files = files;
    this.#window = window;
    this.#place = place;
  }

  /** What stands in front of the segments from number `sequence` on. The same bytes keep their name while it is in use. */
  begin(bytes: Buffer | undefined, sequence: number): void {
    if (bytes === undefined) return;
    if (this.uri !== undefined && this.#bytes?.equals(bytes) === true && this.#window.uses(this.uri)) return;
    const { file, uri } = this.#place(sequence);
    this.#bytes = bytes;
    this.uri = uri;
    this.written = this.#files.put(file, bytes);
  }

  /** The files are gone. */
  forget(): void {
    this.#bytes = undefined;
    this.uri = undefined;
    this.written = undefined;
  }
}
