import type { Buffer } from 'node:buffer';
import type { SegmentWindow } from '../../containers/m3u8/index.ts';
import type { StreamFiles } from '../../storage/stream-files.ts';
import type { WholeResult } from '../../storage/whole-files.ts';
import type { Place } from './names.ts';

/** An init segment that is on the disk. */
export interface KnownInit {
  readonly uri: string;
  readonly bytes: Buffer;
}

/** [hls_init_file] The init segments of fragmented MP4: one for each set of tracks, each under a name of its own. */
export class InitFiles {
  readonly #files: StreamFiles;
  readonly #window: SegmentWindow;
  readonly #place: (sequence: number) => Place;
  #bytes: Buffer | undefined;
  #file = '';
  #written: Promise<WholeResult> | undefined;
  /** Name of the present one; undefined where segments need none. */
  uri: string | undefined;

  /** `known`: the one of the last run. */
  constructor(
    files: StreamFiles,
    window: SegmentWindow,
    place: (sequence: number) => Place,
    known: KnownInit | undefined,
  ) {
    this.#files = files;
    this.#window = window;
    this.#place = place;
    if (known === undefined) return;
    this.#bytes = known.bytes;
    this.uri = known.uri;
    this.#written = Promise.resolve('done');
  }

  /** What stands in front of the segments from number `sequence` on. The same bytes keep their name while it is in use. */
  begin(bytes: Buffer | undefined, sequence: number): void {
    if (bytes === undefined) return;
    if (this.uri !== undefined && this.#bytes?.equals(bytes) === true && this.#window.uses(this.uri)) return;
    const { file, uri } = this.#place(sequence);
    this.#bytes = bytes;
    this.#file = file;
    this.uri = uri;
    this.#write();
  }

  /** When the present one is written. One that failed is tried again, for each segment that needs it. */
  written(): Promise<WholeResult> | undefined {
    if (this.#bytes !== undefined && this.#written === undefined) this.#write();
    return this.#written;
  }

  /** The files are gone. */
  forget(): void {
    this.#bytes = undefined;
    this.uri = undefined;
    this.#written = undefined;
  }

  #write(): void {
    if (this.#bytes === undefined) return;
    const written = this.#files.put(this.#file, this.#bytes);
    this.#written = written;
    void written.then((result) => {
      if (result === 'failed' && this.#written === written) this.#written = undefined;
    });
  }
}
