import { Buffer } from 'node:buffer';
import { posix } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { once, type Undo } from '../../base/undo.ts';
import {
  writeMediaPlaylist,
  type EncryptionKey,
  type ExpiredUris,
  type MediaPlaylist,
  type SegmentWindow,
} from '../../containers/m3u8/index.ts';
import type { SegmentDone } from '../../hub/output-events.ts';
import type { StreamName } from '../../hub/ports.ts';
import { MemoryFile } from '../../storage/memory-file.ts';
import type { StreamFiles } from '../../storage/stream-files.ts';
import type { WholeFiles, WholeResult } from '../../storage/whole-files.ts';
import type { Tracks } from './containers.ts';
import { asOnDisk } from './disk-playlist.ts';
import { FactsMeter } from './facts.ts';
import { FloorClock } from './floor-clock.ts';
import { encryptSegment, KeyRing } from './key-ring.ts';
import type { LivePlaylist, VariantFacts } from './live-playlist.ts';
import { isPart, numbered, type HlsNames, type Moment, type Place } from './names.ts';
import type { HlsDocument, HlsOptions } from './options.ts';
import { InitFiles, type KnownInit } from './init-files.ts';
import { PartShelf } from './part-shelf.ts';
import type { WindowNumbers } from './window-loader.ts';
import { WallAnchor } from './wall-anchor.ts';

/** What a segment says of itself in an event. */
export type ShelvedSegment = Omit<SegmentDone, 'name' | 'session'>;

export interface ShelfDeps {
  readonly name: StreamName;
  readonly options: HlsOptions;
  readonly names: HlsNames;
  readonly files: StreamFiles;
  readonly keyFiles: StreamFiles;
  /** What both write through. */
  readonly whole: WholeFiles;
  readonly window: SegmentWindow;
  /** The init segment of the newest segment there. */
  readonly init: KnownInit | undefined;
  readonly clock: Clock;
  readonly unixTime: () => number;
  /** A segment and the playlist that names it are on the disk. */
  readonly segmentWritten: (segment: ShelvedSegment) => void;
}

/** Where the finished segments of one stream are: their files, the playlist that names them, and what is in memory of both. */
export class HlsShelf implements LivePlaylist {
  readonly name: StreamName;
  readonly #deps: ShelfDeps;
  readonly #window: SegmentWindow;
  readonly #facts: FactsMeter;
  readonly #floor: FloorClock | undefined;
  readonly #anchor = new WallAnchor();
  readonly #keys: KeyRing | undefined;
  readonly #inits: InitFiles;
  readonly #listeners = new Set<() => void>();
  #document: HlsDocument | undefined;
  #parts: PartShelf | undefined;
  #run: number | undefined;
  /** Of the segment in progress. */
  #moment: Moment;
  #dateMs: number | undefined;
  /** Settles when all segments so far are written, or have failed. */
  #segmentsWritten: Promise<unknown> = Promise.resolve();
  /** Names of listed segments that the disk does not have: in memory only. */
  readonly #lost = new Set<string>();
  #playlistWritten: Promise<WholeResult> = Promise.resolve('done');
  /** Settles when all segments so far were told. */
  #told: Promise<void> = Promise.resolve();
  modifiedMs: number;

  constructor(deps: ShelfDeps) {
    const { options, names, keyFiles, window, unixTime } = deps;
    this.#deps = deps;
    this.name = deps.name;
    this.#window = window;
    this.#facts = new FactsMeter(window.targetDurationSec * 1000);
    this.#floor = options.floorNames ? new FloorClock(options.fragmentMs) : undefined;
    this.#keys = options.encrypt
      ? new KeyRing(
          options.segmentsPerKey,
          (sequence) => this.#freeKey(names.key({ timeMs: unixTime(), sequence }), sequence),
          (file, bytes) => keyFiles.put(file, bytes),
        )
      : undefined;
    const initPlace = (sequence: number): Place =>
      this.#freeSegment(names.init({ timeMs: unixTime(), sequence }), sequence);
    this.#inits = new InitFiles(deps.files, window, initPlace, deps.init);
    this.modifiedMs = unixTime();
    this.#moment = { timeMs: unixTime(), sequence: window.nextSequence };
  }

  get playlist(): MediaPlaylist | undefined {
    const { nextSequence, partCount } = this.#window;
    if (nextSequence === 0 && partCount === 0) return undefined;
    const playlist = this.#window.playlist();
    return playlist.segments.length === 0 && partCount === 0 ? undefined : playlist;
  }

  get facts(): VariantFacts {
    return this.#facts.facts;
  }

  get newest(): LivePlaylist['newest'] {
    const { nextSequence, partCount } = this.#window;
    if (partCount > 0) return { sequence: nextSequence, parts: partCount, whole: false };
    return { sequence: nextSequence - 1, parts: this.#parts?.lastCount ?? 0, whole: true };
  }

  /** How much longer than a fragment the segment in progress should be, ms. */
  get correctionMs(): number {
    return this.#floor?.correctionMs ?? 0;
  }

  /** Files that are still to be deleted, later. */
  get hasRetired(): boolean {
    return this.#deps.options.cleanup && this.#window.hasRetired;
  }

  get targetDurationMs(): number {
    return this.#window.targetDurationSec * 1000;
  }

  /** What is left when everything is deleted. */
  get numbers(): WindowNumbers {
    const { mediaSequence, discontinuitySequence, targetDurationSec } = this.#window.playlist();
    return { nextSequence: mediaSequence, discontinuitySequence, targetDurationSec };
  }

  subscribe(listener: () => void): Undo {
    this.#listeners.add(listener);
    return once(() => void this.#listeners.delete(listener));
  }

  /** Answers for the playlist from now on. */
  serve(document: HlsDocument): void {
    const { files, names, options } = this.#deps;
    this.#document = document;
    if (options.lowLatency) {
      const place = (moment: Moment, index: number): Place => names.part(moment, index);
      this.#parts = new PartShelf({ files, window: this.#window, document, place });
    }
    files.serveOpen(names.playlist, document);
  }

  segmentBegan(startMs: number, run: number, tracks: Tracks, init: Buffer | undefined): void {
    const { options, unixTime } = this.#deps;
    const sequence = this.#window.nextSequence;
    // With low latency the name is known already: its first part was announced.
    if (this.#parts?.announcedMoment?.sequence !== sequence) this.#moment = this.#nextMoment();
    else this.#moment = this.#parts.announcedMoment;
    if (run !== this.#run) {
      if (this.#run !== undefined) this.#window.markDiscontinuity();
      this.#run = run;
      this.#anchor.reset();
      this.#facts.begin(tracks);
      this.#inits.begin(init, sequence);
    }
    this.#dateMs =
      options.programDateTime || options.lowLatency ? this.#anchor.at(startMs, unixTime()) : undefined;
    if (this.#parts === undefined) return;
    this.#window.begin({ ...this.#mapOf(), ...this.#dateOf() });
    this.#parts.begin(this.#moment);
  }

  partDone(bytes: Buffer, durationMs: number, independent: boolean): void {
    this.#parts?.add(new MemoryFile(bytes, this.#deps.unixTime()), durationMs, independent);
    this.#changed();
  }

  segmentDone(bytes: Buffer, durationMs: number, videoFrames: number): void {
    const { names, unixTime, clock, files } = this.#deps;
    const sequence = this.#window.nextSequence;
    const place = this.#freeSegment(
      names.segment({ ...this.#moment, sequence, durationMs: Math.round(durationMs) }),
      sequence,
    );
    const key = this.#keys?.next(sequence);
    const body = key === undefined ? bytes : encryptSegment(bytes, key.bytes, sequence);
    this.#facts.segment(body.length, durationMs, videoFrames);
    const memory = new MemoryFile(body, unixTime());
    const needed = Promise.all([key?.written, this.#inits.written()]);
    const put = files.put(place.file, body, { resource: memory, after: needed });
    const written = this.#settle(place.uri, needed, put);
    // Without its results, of which each would hold all before it.
    this.#segmentsWritten = Promise.all([this.#segmentsWritten, written]).then(() => undefined);
    const listedKey: EncryptionKey | undefined =
      key === undefined ? undefined : { method: 'AES-128', uri: key.uri };
    const now = clock.now();
    this.#window.add(
      {
        uri: place.uri,
        durationMs,
        ...(listedKey === undefined ? {} : { key: listedKey }),
        ...this.#mapOf(),
        ...this.#dateOf(),
      },
      now,
    );
    this.#parts?.end(memory, this.#nextMoment(), now);
    this.#sweep();
    this.#save();
    this.#changed();
    this.#told = this.#tell(this.#told, written, { place, sequence, durationMs });
  }

  segmentDropped(): void {
    this.#window.abandon();
    this.#parts?.end(undefined, this.#nextMoment(), this.#deps.clock.now());
    this.#changed();
  }

  dependent(): void {
    this.#window.withdrawIndependence();
  }

  /** The stream is over and says so. */
  end(): void {
    this.#window.end();
    if (this.playlist === undefined) return;
    this.#save();
    this.#changed();
  }

  /** Deletes what nobody can ask for any more. */
  sweep(): void {
    if (this.#sweep()) this.#save();
  }

  /** Deletes what nobody can ask for any more, or leaves it to the disk. */
  remove(uris: ExpiredUris): void {
    const { files, keyFiles, names } = this.#deps;
    for (const uri of [...uris.segments, ...uris.maps]) {
      if (!isPart(uri)) void this.#removeFile(files, names.fileOfSegment(uri));
    }
    for (const uri of uris.keys) void this.#removeFile(keyFiles, names.fileOfKey(uri));
  }

  /** [hls_dispose] Deletes all that is there. Numbers go on. Resolves when it is gone. */
  async dispose(): Promise<void> {
    const { files, keyFiles, names, whole } = this.#deps;
    const uris = this.#window.clear();
    this.#keys?.forget();
    this.#inits.forget();
    this.#run = undefined;
    this.#parts?.clear();
    const gone: Promise<unknown>[] = [];
    for (const uri of [...uris.segments, ...uris.maps]) {
      if (!isPart(uri)) gone.push(this.#removeFile(files, names.fileOfSegment(uri), true));
    }
    for (const uri of uris.keys) gone.push(this.#removeFile(keyFiles, names.fileOfKey(uri), true));
    gone.push(whole.remove(files.path(names.playlist)));
    gone.push(whole.remove(files.path(names.journal)));
    this.#changed();
    await Promise.all(gone);
    // Nothing has this name: what goes is the folder, if it is empty.
    files.remove(`${names.journal}.gone`, 0);
  }

  /** Serves nothing from memory any more. */
  close(): void {
    this.#document?.close();
    this.#document = undefined;
    this.#parts?.clear();
    this.#changed();
    this.#listeners.clear();
    this.#deps.files.unserveAll();
    this.#deps.keyFiles.unserveAll();
  }

  /** When all that was put so far is written, or has failed. */
  async settled(): Promise<void> {
    await this.#deps.files.settled();
    await this.#deps.keyFiles.settled();
    await this.#told;
  }

  #mapOf(): { map?: { uri: string } } {
    const { uri } = this.#inits;
    return uri === undefined ? {} : { map: { uri } };
  }

  #dateOf(): { programDateTimeMs?: number } {
    return this.#dateMs === undefined ? {} : { programDateTimeMs: this.#dateMs };
  }

  #nextMoment(): Moment {
    const sequence = this.#window.nextSequence;
    const timeMs = this.#deps.unixTime();
    const floors = this.#floor;
    if (floors === undefined) return { timeMs, sequence };
    const floor = floors.next(timeMs);
    return { timeMs: floors.timeOf(floor), sequence, floor };
  }

  /** A name that nothing has which can still be asked for. */
  #freeSegment(place: Place, sequence: number): Place {
    if (!this.#window.uses(place.uri)) return place;
    return this.#deps.names.segmentPlace(numbered(place.file, sequence));
  }

  #freeKey(place: Place, sequence: number): Place {
    if (!this.#window.uses(place.uri)) return place;
    return this.#deps.names.keyPlace(numbered(place.file, sequence));
  }

  async #removeFile(
    from: StreamFiles,
    file: string | undefined,
    all = this.#deps.options.cleanup,
  ): Promise<void> {
    if (file === undefined) return;
    let path: string;
    try {
      path = from.path(file);
    } catch {
      return; // A playlist of another program had this name: nothing of ours.
    }
    from.unserve(file);
    if (!all) return;
    // In its turn: a write that is under way does not bring it back.
    await this.#deps.whole.remove(path);
    // Nothing has this name: what goes are the folders, if they are empty. The file may be there again, and new.
    from.remove(posix.join(posix.dirname(file), '.gone'), 0);
  }

  #sweep(): boolean {
    const expired = this.#window.takeExpired(this.#deps.clock.now());
    const any = expired.segments.length + expired.maps.length + expired.keys.length > 0;
    if (any) this.remove(expired);
    return any;
  }

  /** Whether a segment is on the disk with what it needs. If not, the playlist there must say so before it names it. */
  async #settle(
    uri: string,
    needed: Promise<readonly (WholeResult | undefined)[]>,
    written: Promise<WholeResult>,
  ): Promise<WholeResult> {
    const results = [await written, ...(await needed)];
    if (!results.includes('failed')) return 'done';
    if (this.#window.uses(uri)) {
      this.#lost.add(uri);
      this.#save();
    }
    return 'failed';
  }

  /** The state and the playlist, after the segments that they name. */
  #save(): void {
    const { files, names, clock } = this.#deps;
    const after = this.#segmentsWritten;
    const journal = Buffer.from(this.#window.journal(clock.now()));
    const listed = this.#window.playlist();
    for (const uri of this.#lost) {
      if (!listed.segments.some((segment) => segment.uri === uri)) this.#lost.delete(uri);
    }
    const text = Buffer.from(writeMediaPlaylist(asOnDisk(listed, this.#lost)));
    void files.put(names.journal, journal, { resource: 'none', after });
    this.#playlistWritten = files.put(names.playlist, text, { resource: 'none', after });
  }

  #changed(): void {
    this.modifiedMs = this.#deps.unixTime();
    for (const listener of [...this.#listeners]) listener();
  }

  async #tell(
    before: Promise<void>,
    written: Promise<WholeResult>,
    segment: { readonly place: Place; readonly sequence: number; readonly durationMs: number },
  ): Promise<void> {
    const { files, names, segmentWritten } = this.#deps;
    const first = this.#playlistWritten;
    await before; // In the order of the segments.
    if ((await written) === 'failed') return;
    // One that was overtaken is in the next one.
    for (let at = first; ; at = this.#playlistWritten) {
      const result = await at;
      if (result === 'failed') return;
      if (result === 'done' || at === this.#playlistWritten) break;
    }
    const { place, sequence, durationMs } = segment;
    segmentWritten({
      file: files.path(place.file),
      url: place.uri,
      playlist: files.path(names.playlist),
      playlistUrl: names.playlistUrl,
      sequence,
      durationMs: Math.round(durationMs),
    });
  }
}
