import { FragmentWriter, mp4Track, Mp4Recording } from '../../containers/mp4/index.ts';
import type { Frame } from '../../media/frame.ts';
import type { Beginning, FormatWriter } from './format-writer.ts';
import type { RecordingSink } from './recording-sink.ts';

/** A fragment is cut after so much stream time, ms, or when so much waits for it. */
const FRAGMENT_MS = 500;
const FRAGMENT_BYTES = 1024 * 1024;

/** What `Mp4Recording` and `FragmentWriter` have in common. */
interface Fragments {
  readonly pendingBytes: number;
  changesInit(frame: Frame): boolean;
  configure(frame: Frame): void;
  push(frame: Frame): boolean;
}

/** A recording in MP4. It grows in fragments; `plain` makes it seekable at the end, else it stays as it is. */
export class Mp4FileWriter implements FormatWriter {
  readonly #plain: Mp4Recording | undefined;
  readonly #fragmented: FragmentWriter | undefined;
  readonly #fragments: Fragments;
  #from: number | undefined;
  #first: number | undefined;
  #last = 0;

  constructor(plain: boolean) {
    if (plain) this.#fragments = this.#plain = new Mp4Recording();
    else this.#fragments = this.#fragmented = new FragmentWriter();
  }

  get durationMs(): number {
    return this.#plain?.durationMs ?? (this.#first === undefined ? 0 : this.#last - this.#first);
  }

  get hasMedia(): boolean {
    return this.#first !== undefined;
  }

  needsNewFile(frame: Frame): boolean {
    return this.#fragments.changesInit(frame);
  }

  begin({ configs, frames, refuse }: Beginning, sink: RecordingSink): void {
    // MP3 has no record: a frame describes it.
    const sound = frames.find(({ codec }) => codec === 'mp3');
    for (const config of sound === undefined ? configs : [...configs, sound]) {
      try {
        this.#fragments.configure(config);
      } catch (error) {
        refuse(config, error);
      }
    }
    sink.write(this.#plain?.begin() ?? (this.#fragmented as FragmentWriter).init());
  }

  write(frame: Frame, sink: RecordingSink): void {
    const from = this.#from;
    const long = from !== undefined && Math.abs(frame.dts - from) >= FRAGMENT_MS;
    if (long || this.#fragments.pendingBytes >= FRAGMENT_BYTES) {
      this.#cut(sink, frame.kind === 'video' ? frame.dts : undefined);
    }
    if (!this.#fragments.push(frame)) {
      if (frame.codec !== 'mp3') mp4Track(frame); // Throws for what MP4 does not carry.
      return;
    }
    this.#from ??= frame.dts;
    this.#first ??= frame.dts;
    this.#last = Math.max(this.#last, frame.dts);
  }

  cut(sink: RecordingSink): void {
    this.#cut(sink, undefined);
  }

  #cut(sink: RecordingSink, nextVideoDts: number | undefined): void {
    this.#from = undefined;
    const bytes =
      this.#plain?.cut(nextVideoDts) ??
      this.#fragmented?.cut(nextVideoDts === undefined ? {} : { nextVideoDts });
    if (bytes !== undefined) sink.write(bytes);
  }

  finish(sink: RecordingSink): void {
    const closing = this.#plain?.close();
    if (closing === undefined) return;
    sink.write(closing.append);
    // A crash of the machine must not leave the header of a file whose index is not there.
    sink.sync();
    for (const { at, bytes } of closing.patches) sink.patch(bytes, at);
  }
}
