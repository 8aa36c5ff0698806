import { Buffer } from 'node:buffer';
import {
  expandTemplate,
  TimelineWindow,
  writeMpd,
  type Mpd,
  type TimelineTrack,
  type TimelineWindowOptions,
} from '../../containers/mpd/index.ts';
import type { DelayedRemovals } from '../../storage/delayed-removals.ts';
import type { ResourceBody } from '../../storage/live-resources.ts';
import type { StreamFiles } from '../../storage/stream-files.ts';
import type { WholeResult } from '../../storage/whole-files.ts';
import { ExpectedSegment } from './expected-segment.ts';
import type { ManifestDocument } from './manifest-document.ts';
import type { DashNames } from './names.ts';
import { dashTiming, presentationDelayMs, type DashOptions, type DashTiming } from './options.ts';
import type { DashSegment } from './segmenter.ts';
import type { DashPiece, DashTrack } from './track-feed.ts';

/** Bytes of segments that a slow disk may leave unwritten; further ones are left out. */
export const MAX_DASH_UNWRITTEN_BYTES = 128 * 1024 * 1024;

/** How late all of a few segments must be until a period begins at the time of day, ms. */
const LATE_MS = 1_000;
/** How early, until the zero of the presentation is moved, ms, or the length of a segment. */
const EARLY_MS = 10_000;
/** Segments that must agree: one that comes late or early is the network's. */
const JUDGED_SEGMENTS = 4;

/** The order of tracks in a period; numbers of segments go by the place, which is why both always have theirs. */
const KINDS = ['video', 'audio'] as const;
type TrackKind = (typeof KINDS)[number];

export interface PresentationDeps {
  readonly files: StreamFiles;
  readonly removals: DelayedRemovals;
  /** Wall clock, Unix ms. */
  readonly unixTime: () => number;
  /** What answers at the path of the manifest. */
  readonly document: ManifestDocument;
  /** The disk is too slow: a segment was left out. */
  readonly onTooSlow: () => void;
  /** All files of a segment are written. */
  readonly onWritten: () => void;
}

/**
 * The manifest of one stream with its files: segments first, then what tells the next start, then the manifest. Players
 * count from the wall clock, so that is what periods follow; see docs/dash.md.
 */
export class DashPresentation {
  readonly #options: DashOptions;
  readonly #timing: DashTiming;
  readonly #names: DashNames;
  readonly #deps: PresentationDeps;
  readonly #windowOptions: TimelineWindowOptions;
  #window: TimelineWindow;
  #period: number | undefined;
  /** Names of init segments that a manifest may still name. */
  readonly #inits = new Set<string>();
  /** Of the last segments: how late they were listed, ms; negative is early. */
  #lateness: number[] = [];
  /** Of the period: they make the names of its segments unique. */
  readonly #firstNumbers: Record<TrackKind, number> = { video: 1, audio: 1 };
  readonly #expected = new Map<TrackKind, { readonly file: string; readonly segment: ExpectedSegment }>();
  #unwritten = 0;
  #empty = true;

  constructor(options: DashOptions, names: DashNames, deps: PresentationDeps) {
    this.#options = options;
    this.#names = names;
    this.#deps = deps;
    this.#timing = dashTiming(options);
    this.#windowOptions = {
      ...this.#timing,
      // The server's own clock by the Date of an answer: needs no address that a proxy in front would hide.
      utcTiming: { schemeIdUri: 'urn:mpeg:dash:utc:http-head:2014', value: names.mpdUrl },
    };
    this.#window = new TimelineWindow(this.#windowOptions);
  }

  /** Goes on where the journal stopped. Throws MPD_INVALID. Called before the first segment, if at all. */
  restore(journal: string): void {
    this.#window = TimelineWindow.restore(journal, this.#windowOptions, this.#deps.unixTime());
    this.#empty = false;
    for (const period of this.#window.mpd().periods) {
      for (const { template } of period.adaptationSets) {
        if (template.initialization !== undefined)
          this.#inits.add(this.#names.fileOf(template.initialization));
      }
    }
    // A removal that an end of the stream asked for is off: it is published again.
    for (const file of [...this.#listed(), ...this.#inits])
      this.#deps.removals.keep(this.#deps.files.path(file));
  }

  add(segment: DashSegment): void {
    const { files, unixTime, onTooSlow } = this.#deps;
    const bytes = segment.pieces.reduce((sum, piece) => sum + piece.bytes.length, 0);
    if (this.#unwritten + bytes > MAX_DASH_UNWRITTEN_BYTES) {
      onTooSlow();
      return;
    }
    const now = unixTime();
    const writes: Promise<WholeResult>[] = [];
    let isListed = false;
    if (segment.period !== this.#period || this.#isLate()) this.#beginPeriod(segment, writes);
    for (const piece of segment.pieces) {
      if (!this.#list(segment, piece, now, writes)) continue;
      isListed = true;
      const { kind, span } = piece;
      const first = this.#firstNumbers[kind];
      const file = this.#names.segment(kind, first, span.presentationTime);
      this.#unwritten += piece.bytes.length;
      const written = files.put(file, piece.bytes).then((result) => {
        this.#unwritten -= piece.bytes.length;
        return result;
      });
      writes.push(written);
      this.#arrived(kind, file, { bytes: piece.bytes, modifiedMs: now });
      this.#expect(kind, this.#names.segment(kind, first, span.presentationTime + span.duration));
    }
    this.#empty = false;
    this.#judge(now);
    const all = Promise.all(writes);
    void all.then((results) => {
      if (isListed && !results.includes('failed')) this.#deps.onWritten();
    });
    this.#publish(now, all);
    this.#removeExpired(now);
  }

  /** The publisher left: who waits for the next segment waits in vain. */
  pause(): void {
    for (const kind of KINDS) this.#arrived(kind, undefined, undefined);
  }

  /** No segment will follow: the manifest becomes static. */
  end(): void {
    this.pause();
    if (this.#empty) return;
    this.#window.end();
    this.#publish(this.#deps.unixTime(), undefined);
  }

  /** Removes everything in so many ms. What is published later begins a presentation of its own, unless it comes before. */
  dispose(afterMs: number): void {
    this.pause();
    if (this.#empty) return;
    const { files } = this.#deps;
    const rest = this.#window.takeExpired(Number.MAX_SAFE_INTEGER).map((url) => this.#names.fileOf(url));
    const all = [...this.#listed(), ...rest, ...this.#inits, this.#names.mpd, this.#names.journal];
    for (const file of all) files.remove(file, afterMs);
    this.#window = new TimelineWindow(this.#windowOptions);
    this.#inits.clear();
    this.#period = undefined;
    this.#lateness = [];
    this.#empty = true;
  }

  /** Answers those who wait for a segment: with it, if it is the one they expect. */
  #arrived(kind: TrackKind, file: string | undefined, body: ResourceBody | undefined): void {
    const expected = this.#expected.get(kind);
    if (expected === undefined) return;
    this.#expected.delete(kind);
    if (expected.file !== file) this.#deps.files.unserve(expected.file);
    expected.segment.settle(expected.file === file ? body : undefined);
  }

  #expect(kind: TrackKind, file: string): void {
    const segment = new ExpectedSegment();
    this.#expected.set(kind, { file, segment });
    this.#deps.files.serve(file, segment);
  }

  #beginPeriod(segment: DashSegment, writes: Promise<WholeResult>[]): void {
    const { pieces, tracks } = segment;
    const starts = pieces.map(({ span }) => (span.presentationTime * 1000) / span.timescale);
    this.#window.beginPeriod(
      KINDS.map((kind, index) => {
        const track = tracks.find((one) => one.kind === kind);
        const piece = pieces.find((one) => one.kind === kind);
        this.#firstNumbers[kind] = this.#window.nextNumber(index);
        return this.#timelineTrack(kind, track, piece, writes);
      }),
      Math.min(...starts),
    );
    this.#period = segment.period;
    this.#lateness = [];
  }

  #timelineTrack(
    kind: TrackKind,
    track: DashTrack | undefined,
    piece: DashPiece | undefined,
    writes: Promise<WholeResult>[],
  ): TimelineTrack {
    const media = this.#names.media(this.#firstNumbers[kind]);
    if (track === undefined) {
      const representation = { id: kind, bandwidth: 1, mimeType: `${kind}/mp4`, codecs: '' };
      return { contentType: kind, timescale: 1, initialization: '', media, representation };
    }
    const { init, timescale, mimeType, codecs, width, height, frameRate, audioSamplingRate, channels } =
      track;
    const name = this.#names.initName(kind, init);
    const file = this.#names.fileOf(name);
    this.#inits.add(file);
    writes.push(this.#deps.files.put(file, init));
    const bandwidth = piece === undefined ? 1 : bitRate(piece);
    return {
      contentType: kind,
      timescale,
      initialization: this.#names.initUrl(name),
      media,
      representation: {
        id: kind,
        bandwidth,
        mimeType,
        codecs,
        ...(width === undefined ? {} : { width }),
        ...(height === undefined ? {} : { height }),
        ...(frameRate === undefined ? {} : { frameRate }),
        ...(audioSamplingRate === undefined ? {} : { audioSamplingRate }),
        ...(channels === undefined ? {} : { channels }),
      },
    };
  }

  /** Lists a piece; where its time goes back, in a period of its own. */
  #list(segment: DashSegment, piece: DashPiece, now: number, writes: Promise<WholeResult>[]): boolean {
    const index = KINDS.indexOf(piece.kind);
    const { presentationTime, duration } = piece.span;
    if (this.#window.add(index, presentationTime, duration, now) !== undefined) return true;
    this.#beginPeriod(segment, writes);
    return this.#window.add(index, presentationTime, duration, now) !== undefined;
  }

  #judge(now: number): void {
    this.#lateness.push(this.#window.latenessMs(now));
    if (this.#lateness.length > JUDGED_SEGMENTS) this.#lateness.shift();
    if (this.#lateness.length < JUDGED_SEGMENTS) return;
    const latest = Math.max(...this.#lateness);
    if (latest > -Math.max(EARLY_MS, this.#options.fragmentMs)) return;
    this.#window.moveStart(latest);
    this.#lateness = [];
  }

  /** The publisher's clock is slow, or it paused, or ours was set: the live edge by the manifest is where no media is. */
  #isLate(): boolean {
    return this.#lateness.length === JUDGED_SEGMENTS && Math.min(...this.#lateness) > LATE_MS;
  }

  #publish(now: number, after: Promise<unknown> | undefined): void {
    const { files, document } = this.#deps;
    const journal = Buffer.from(this.#window.journal(now));
    const journalled = files.put(this.#names.journal, journal, { after, resource: 'none' });
    const mpd = this.#window.mpd();
    const shown: Mpd =
      mpd.type === 'static'
        ? mpd
        : {
            ...mpd,
            suggestedPresentationDelayMs: presentationDelayMs(
              Math.max(this.#options.fragmentMs, mpd.maxSegmentDurationMs ?? 0),
              this.#timing,
            ),
          };
    const written = Promise.all([after, journalled]);
    const text = Buffer.from(writeMpd(shown));
    document.show(shown, this.#names.mpdUrl, text, now);
    files.serveOpen(this.#names.mpd, document);
    void files.put(this.#names.mpd, text, { after: written, resource: 'none' });
  }

  #removeExpired(now: number): void {
    for (const url of this.#window.takeExpired(now)) this.#remove(this.#names.fileOf(url), 0);
    const named = new Set<string>();
    for (const period of this.#window.mpd().periods) {
      for (const { template } of period.adaptationSets)
        named.add(this.#names.fileOf(template.initialization ?? ''));
    }
    for (const file of this.#inits) {
      if (named.has(file)) continue;
      this.#inits.delete(file);
      // Players that have the manifest of before may still want it.
      this.#remove(file, 2 * this.#timing.minimumUpdatePeriodMs + this.#options.fragmentMs);
    }
  }

  #remove(file: string, afterMs: number): void {
    if (this.#options.cleanup) this.#deps.files.remove(file, afterMs);
    else this.#deps.files.unserve(file);
  }

  /** Files of the segments that the manifest lists. */
  #listed(): string[] {
    const files: string[] = [];
    for (const period of this.#window.mpd().periods) {
      for (const { template, representations } of period.adaptationSets) {
        const representationId = representations[0]?.id ?? '';
        for (const run of template.timeline) {
          for (let i = 0; i < run.count; i++) {
            const url = expandTemplate(template.media, {
              representationId,
              time: run.time + i * run.duration,
            });
            files.push(this.#names.fileOf(url));
          }
        }
      }
    }
    return files;
  }
}

/** Bits per second of a segment. */
function bitRate({ bytes, span }: DashPiece): number {
  return Math.max(1, Math.ceil((bytes.length * 8 * span.timescale) / Math.max(1, span.duration)));
}
