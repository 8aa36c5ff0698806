import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { once, type Undo } from '../base/undo.ts';
import {
  streamKey,
  type LiveStream,
  type Playback,
  type SessionInfo,
  type StreamName,
  type StreamObserver,
} from '../hub/ports.ts';

export interface SessionReportOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** [pithy_print_ms] Time between two lines of one kind of session, ms. 0 = no lines. */
  readonly everyMs: number;
}

/** Writes a line now and then about the sessions that are under way. */
export interface SessionReport extends StreamObserver {
  /** [pithy_print_ms] May be set at any time (reload); the period then begins anew. */
  everyMs: number;
  /** Stops the timer and forgets the sessions. Idempotent. */
  close(): void;
}

/**
 * SRS's pithy lines: of each kind of session (`rtmp-publish`, `rtmp-play` …) one session a period has its line, in turns,
 * so that the log does not grow with the number of sessions. A frame costs nothing, a start and an end cost the same
 * however many there are, and a period costs one line for each kind.
 */
export function createSessionReport(options: SessionReportOptions): SessionReport {
  return new PithyReport(options);
}

/** One session in one role, in the ring of its kind. */
class Entry {
  readonly session: SessionInfo;
  readonly name: StreamName;
  readonly kind: Kind;
  /** The stream of a publisher, or the playback of a viewer. */
  readonly stream: LiveStream | undefined;
  readonly playback: Playback | undefined;
  readonly start: Sample;
  /** When its turn was next: what the rate of the last period is counted from. */
  turn: Sample;
  /** When it had its line before. */
  line: Sample | undefined;
  before: Entry;
  after: Entry;
  /** Another entry of the same session: one connection may play several streams. */
  sibling: Entry | undefined;

  constructor(
    who: { readonly session: SessionInfo; readonly name: StreamName; readonly kind: Kind },
    media: { readonly stream?: LiveStream; readonly playback?: Playback },
    start: Sample,
    sibling: Entry | undefined,
  ) {
    this.session = who.session;
    this.name = who.name;
    this.kind = who.kind;
    this.stream = media.stream;
    this.playback = media.playback;
    this.start = start;
    this.turn = start;
    this.line = undefined;
    this.before = this;
    this.after = this;
    this.sibling = sibling;
  }
}

interface Kind {
  readonly type: string;
  count: number;
  /** Whose turn is next. */
  next: Entry | undefined;
}

/** Bytes so far at a time of the clock, ms. */
interface Sample {
  readonly at: number;
  readonly bytes: number;
}

class PithyReport implements SessionReport {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #kinds = new Map<string, Kind>();
  readonly #entries = new Map<SessionInfo, Entry>();
  #everyMs = 0;
  #stop: Undo = () => undefined;
  #closed = false;

  constructor(options: SessionReportOptions) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.everyMs = options.everyMs;
  }

  get everyMs(): number {
    return this.#everyMs;
  }

  set everyMs(ms: number) {
    if (ms === this.#everyMs || this.#closed) return;
    this.#everyMs = ms;
    this.#stop();
    this.#stop = ms > 0 ? once(this.#clock.every(ms, () => this.#print())) : () => undefined;
  }

  publishStarted(name: StreamName, session: SessionInfo, stream: LiveStream): void {
    this.#add(name, session, { stream });
  }

  publishEnded(name: StreamName, session: SessionInfo): void {
    this.#remove(name, session, true);
  }

  playStarted(name: StreamName, session: SessionInfo, playback: Playback): void {
    this.#add(name, session, { playback });
  }

  playEnded(name: StreamName, session: SessionInfo): void {
    this.#remove(name, session, false);
  }

  close(): void {
    this.#closed = true;
    this.#stop();
    this.#kinds.clear();
    this.#entries.clear();
  }

  #add(
    name: StreamName,
    session: SessionInfo,
    media: { readonly stream?: LiveStream; readonly playback?: Playback },
  ): void {
    if (this.#closed) return;
    let kind = this.#kinds.get(session.type);
    if (kind === undefined) {
      kind = { type: session.type, count: 0, next: undefined };
      this.#kinds.set(session.type, kind);
    }
    const start = { at: this.#clock.now(), bytes: bytesOf(media.stream, media.playback) };
    const sibling = this.#entries.get(session);
    const entry = new Entry({ session, name, kind }, media, start, sibling);
    this.#entries.set(session, entry);
    link(kind, entry);
  }

  #remove(name: StreamName, session: SessionInfo, publishing: boolean): void {
    const first = this.#entries.get(session);
    let above: Entry | undefined;
    for (let entry = first; entry !== undefined; above = entry, entry = entry.sibling) {
      if ((entry.stream !== undefined) !== publishing || !sameName(entry.name, name)) continue;
      if (above !== undefined) above.sibling = entry.sibling;
      else if (entry.sibling !== undefined) this.#entries.set(session, entry.sibling);
      else this.#entries.delete(session);
      this.#unlink(entry);
      return;
    }
  }

  #unlink(entry: Entry): void {
    const { kind } = entry;
    kind.count -= 1;
    if (kind.count === 0) {
      this.#kinds.delete(kind.type);
      return;
    }
    entry.before.after = entry.after;
    entry.after.before = entry.before;
    if (kind.next === entry) this.#giveTurn(kind, entry.after, this.#clock.now());
  }

  #giveTurn(kind: Kind, entry: Entry, now: number): void {
    kind.next = entry;
    entry.turn = { at: now, bytes: bytesOf(entry.stream, entry.playback) };
  }

  #print(): void {
    const now = this.#clock.now();
    for (const kind of this.#kinds.values()) {
      const entry = kind.next;
      if (entry === undefined) continue;
      const sample = { at: now, bytes: bytesOf(entry.stream, entry.playback) };
      this.#logger.child({ session: entry.session.id }).info(describe(entry, sample));
      entry.line = sample;
      this.#giveTurn(kind, entry.after, now);
    }
  }
}

/** Puts the entry at the end of the queue: behind everybody who waits for a turn. */
function link(kind: Kind, entry: Entry): void {
  kind.count += 1;
  const { next } = kind;
  if (next === undefined) {
    kind.next = entry;
    return;
  }
  entry.before = next.before;
  entry.after = next;
  next.before.after = entry;
  next.before = entry;
}

function bytesOf(stream: LiveStream | undefined, playback: Playback | undefined): number {
  return stream?.snapshot().receivedBytes ?? playback?.stats.sentBytes ?? 0;
}

function describe(entry: Entry, now: Sample): string {
  const { session, stream, playback, start, turn, line } = entry;
  const rates = `${kbps(start, now)},${kbps(turn, now)},${line === undefined ? 0 : kbps(line, now)}`;
  const who = `type=${session.type}, sessions=${entry.kind.count}, ip=${session.ip}, stream=${streamKey(entry.name)}`;
  const time = `time=${Math.round(now.at - start.at)}`;
  if (stream !== undefined) {
    const { viewers } = stream.snapshot();
    return `<- CPB ${time}, okbps=0,0,0, ikbps=${rates}, viewers=${viewers}, ${who}`;
  }
  const stats = playback?.stats;
  const queue = `queue=${Math.round(stats?.queuedMs ?? 0)}ms/${stats?.queuedBytes ?? 0}B`;
  const drops = `drops=${stats?.drops ?? 0}/${stats?.droppedBytes ?? 0}B`;
  const tag = session.type.includes('flv') ? 'HTS' : 'PLA';
  return `-> ${tag} ${time}, okbps=${rates}, ikbps=0,0,0, ${queue}, ${drops}, ${who}`;
}

/** Bytes per ms times 8 are kbit/s. */
function kbps(since: Sample, now: Sample): number {
  const ms = now.at - since.at;
  return ms > 0 ? Math.round(((now.bytes - since.bytes) * 8) / ms) : 0;
}

function sameName(a: StreamName, b: StreamName): boolean {
  return a === b || (a.stream === b.stream && a.app === b.app && a.vhost === b.vhost);
}
