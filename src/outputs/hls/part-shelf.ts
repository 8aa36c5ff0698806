import type { SegmentWindow } from '../../containers/m3u8/index.ts';
import type { KeptBytes, LiveResource, ResourceAnswer } from '../../storage/live-resources.ts';
import type { MemoryFile } from '../../storage/memory-file.ts';
import type { StreamFiles } from '../../storage/stream-files.ts';
import type { Moment, Place } from './names.ts';
import type { AnnouncedPart, HlsDocument } from './options.ts';

/** Target durations that the parts of a segment stay, after it is whole: they are listed for three, and asked for a little longer. */
const KEPT_TARGETS = 5;

export interface PartShelfDeps {
  readonly files: StreamFiles;
  readonly window: SegmentWindow;
  readonly document: HlsDocument;
  readonly place: (moment: Moment, index: number) => Place;
}

interface Part {
  readonly file: string;
  readonly bytes: number;
}

/** [hls_ll] The parts of segments: in memory only, each one announced before it is there. */
export class PartShelf {
  readonly #deps: PartShelfDeps;
  #moment: Moment | undefined;
  #parts: Part[] = [];
  #announced: { readonly file: string; readonly part: AnnouncedPart } | undefined;
  #old: { readonly files: readonly string[]; readonly untilMs: number }[] = [];
  /** Parts of the last whole segment. */
  lastCount = 0;

  constructor(deps: PartShelfDeps) {
    this.#deps = deps;
  }

  /** How the segment is named whose first part is announced. */
  get announcedMoment(): Moment | undefined {
    return this.#moment;
  }

  /** A segment begins. */
  begin(moment: Moment): void {
    this.#moment = moment;
    if (this.#announced === undefined) this.#announce(moment, 0);
  }

  add(memory: MemoryFile, durationMs: number, independent: boolean): void {
    const { window, files, place } = this.#deps;
    const moment = this.#moment;
    if (moment === undefined) return;
    const index = window.partCount;
    const { file, uri } = place(moment, index);
    this.#parts.push({ file, bytes: memory.bytes });
    window.addPart({ uri, durationMs, ...(independent ? { independent } : {}) });
    const announced = this.#announced;
    this.#announced = undefined;
    files.serve(file, memory, memory);
    if (announced !== undefined) announced.part.settle(announced.file === file ? memory : undefined);
    this.#announce(moment, index + 1);
  }

  /** The segment is whole, or nothing (undefined); the one that comes next is named so. */
  end(whole: MemoryFile | undefined, next: Moment, nowMs: number): void {
    const { files, window } = this.#deps;
    const names = this.#parts.map(({ file }) => file);
    if (whole === undefined) {
      for (const file of names) files.unserve(file);
    } else {
      // The segment has the same bytes: not twice in memory.
      let from = 0;
      for (const { file, bytes } of this.#parts) {
        const view = new PartView(whole, from, from + bytes);
        files.serve(file, view, view);
        from += bytes;
      }
      this.lastCount = names.length;
      this.#old.push({ files: names, untilMs: nowMs + KEPT_TARGETS * window.targetDurationSec * 1000 });
    }
    this.#parts = [];
    this.#forget(nowMs);
    this.#withdraw();
    this.#moment = next;
    this.#announce(next, 0);
  }

  /** Nothing is served any more, nothing will come. */
  clear(): void {
    const { files, window } = this.#deps;
    for (const { file } of this.#parts) files.unserve(file);
    for (const { files: old } of this.#old) for (const file of old) files.unserve(file);
    this.#parts = [];
    this.#old = [];
    this.#withdraw();
    this.#moment = undefined;
    window.setHints([]);
  }

  /** By the clock, and none that is listed: a publisher may be slower than time. */
  #forget(nowMs: number): void {
    const { files, window } = this.#deps;
    const listed = window.playlist().segments.filter(({ parts }) => parts !== undefined).length;
    while (this.#old.length > listed && (this.#old[0]?.untilMs ?? Number.POSITIVE_INFINITY) <= nowMs) {
      for (const file of this.#old.shift()?.files ?? []) files.unserve(file);
    }
  }

  #announce(moment: Moment, index: number): void {
    const { document, files, window, place } = this.#deps;
    const { file, uri } = place(moment, index);
    const part = document.announced();
    this.#announced = { file, part };
    files.serve(file, part, part);
    window.setHints([{ type: 'PART', uri }]);
  }

  #withdraw(): void {
    const announced = this.#announced;
    this.#announced = undefined;
    if (announced === undefined) return;
    this.#deps.files.unserve(announced.file);
    announced.part.settle(undefined);
  }
}

/** A part as a piece of its segment. */
class PartView implements LiveResource, KeptBytes {
  readonly bytes = 0;
  readonly #whole: MemoryFile;
  readonly #from: number;
  readonly #to: number;

  constructor(whole: MemoryFile, from: number, to: number) {
    this.#whole = whole;
    this.#from = from;
    this.#to = to;
  }

  respond(): ResourceAnswer | undefined {
    const body = this.#whole.respond();
    return body === undefined ? undefined : { ...body, bytes: body.bytes.subarray(this.#from, this.#to) };
  }

  release(): void {}
}
