import type { Clock } from '../../base/clock.ts';
import { describeError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { TallyReport } from '../../net/index.ts';
import type { HookCall } from './hook-caller.ts';
import { HOOK_EVENTS, type HookEvent } from './hook-options.ts';

/** Where a record stands in its file. */
export interface RecordPlace {
  readonly offset: number;
  readonly length: number;
}

/** A file of lines, kept by the storage. Calls do not overlap. */
export interface RecordStore {
  /** False: what is there is none. Throws when it cannot be had. */
  load(onLine: (line: Buffer, place: RecordPlace) => void): Promise<boolean>;
  /** Renames it; returns the new name. */
  setAside(): Promise<string>;
  /** All of the lines or, when it throws, none. */
  append(lines: Buffer): Promise<RecordPlace>;
  read(place: RecordPlace): Promise<Buffer>;
  /** Keeps only these lines; returns where they are now. */
  rewrite(places: readonly RecordPlace[]): Promise<RecordPlace[]>;
  close(remove: boolean): Promise<void>;
}

export interface HookJournalOptions {
  readonly store: RecordStore;
  readonly clock: Clock;
  /** Wall clock, Unix ms. */
  readonly unixTime: () => number;
  readonly logger: Logger;
  /** [http_hooks_spool_size] What may count in the file at a time, bytes. */
  readonly maxBytes: () => number;
  /** [http_hooks_spool_age] Older events are not told any more after a restart, ms. */
  readonly maxAgeMs: () => number;
}

/** An event as it is kept. */
export interface KeptEvent {
  /** Of those with one key the order counts. */
  readonly key: string;
  readonly vhost: string;
  readonly call: HookCall;
}

interface Entry extends RecordPlace {
  readonly id: string;
  readonly key: string;
  /** `owed`: it is told when the session ends. `waiting`: it is on its way in memory too. `away`: it is in the file alone. */
  state: 'owed' | 'waiting' | 'away';
  /** Where it is once it has been written; -1 before. */
  offset: number;
  length: number;
}

/** A line of the file. */
interface Line {
  readonly i: string;
  readonly k: string;
  readonly v: string;
  readonly e: HookEvent;
  readonly n: number;
  /** Unix ms. */
  readonly t: number;
  readonly owed?: boolean;
  readonly b: Readonly<Record<string, string | number>>;
}

/** The file is written anew when it has so many bytes, and as many that do not count as do. */
const COMPACT_BYTES = 1024 * 1024;
/** What an end says that is told after the server has died. */
export const CRASH_REASON = 'server_crash';

/**
 * What back ends are still to be told, on the disk: the ends that are owed to sessions that were let in, and events that they did not
 * take yet. After a restart they are told, with the ids that they would have had: who was told already knows them by those.
 */
export class HookJournal {
  readonly #options: HookJournalOptions;
  readonly #entries = new Map<string, Entry>();
  /** How many events of a key are in the file alone. */
  readonly #away = new Map<string, number>();
  readonly #troubles: TallyReport;
  #lines: { readonly entry: Entry | undefined; readonly text: string }[] = [];
  #liveBytes = 0;
  #fileBytes = 0;
  #compactFrom = COMPACT_BYTES;
  #awayCount = 0;
  #working: Promise<void> | undefined;
  #isUsable = true;

  constructor(options: HookJournalOptions) {
    this.#options = options;
    this.#troubles = new TallyReport({
      clock: options.clock,
      logger: options.logger,
      line: (count, last) => `http_hooks_spool: ${count} events are not kept on the disk, the last: ${last}`,
    });
  }

  /** Entries: what is owed, and what waits. */
  get size(): number {
    return this.#entries.size;
  }

  /** Events that are in the file alone: `next` brings them. */
  get away(): number {
    return this.#awayCount;
  }

  /** Whether events with this key are in the file alone: later ones have to stand behind them. */
  isAway(key: string): boolean {
    return this.#away.has(key);
  }

  /** Reads what the server before left. What is broken is set aside; without the file nothing is kept, and that is told. */
  async load(): Promise<void> {
    const { store, logger, unixTime, maxAgeMs } = this.#options;
    const lines = new Map<string, Line>();
    const oldest = unixTime() - maxAgeMs();
    let broken = 0;
    try {
      const isOurs = await store.load((bytes) => {
        const line = readLine(bytes);
        if (line === undefined) broken += 1;
        else {
          lines.delete(line.i); // Later ones stand in for those before.
          if (isEvent(line)) lines.set(line.i, line);
        }
      });
      if (!isOurs || broken > 0) {
        const why = isOurs ? `${broken} of its lines cannot be read` : 'it is no file of callbacks';
        logger.warn(`http_hooks_spool: ${why}; it is kept as ${await store.setAside()}`);
      }
    } catch (error) {
      this.#isUsable = false;
      logger.warn(`http_hooks_spool: events are not kept on the disk: ${describeError(error)}`);
      return;
    }
    const fresh = [...lines.values()].filter(({ t }) => t >= oldest);
    if (fresh.length < lines.size)
      logger.warn(`http_hooks_spool: ${lines.size - fresh.length} callbacks are too old to be told`);
    for (const line of inOrder(fresh)) this.#add(entryOf(line, 'away'), textOf(line));
    if (fresh.length > 0) logger.info(`http_hooks_spool: ${fresh.length} callbacks are left to be told`);
    // First they are in the file twice, so that nothing is lost if this process dies too.
    this.#compactFrom = 0;
    await this.#working;
    this.#compactFrom = COMPACT_BYTES;
  }

  /** A session was let in: the end that it will have. */
  owe(event: KeptEvent): void {
    if (this.#isUsable) this.#put(event, 'owed');
  }

  /** An event is still on its way: it is to survive. */
  keep(event: KeptEvent): void {
    const known = this.#entries.get(event.call.id);
    if (this.#isUsable && known?.state !== 'waiting') this.#put(event, 'waiting');
  }

  /** An event for which there is no room in memory. False: nor is there on the disk. */
  putAway(event: KeptEvent): boolean {
    // After the end: what is in the file stays there.
    return this.#isUsable ? this.#put(event, 'away') : this.#entries.has(event.call.id);
  }

  /** It was told, or given up, or is not owed any more. */
  done(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || !this.#isUsable) return;
    this.#drop(entry);
    this.#write(undefined, `{"i":${JSON.stringify(id)}}\n`);
  }

  /** Brings the oldest events that are in the file alone; they are `waiting` from now on. */
  async next(count: number): Promise<KeptEvent[]> {
    const chosen: Entry[] = [];
    for (const entry of this.#entries.values()) {
      if (chosen.length >= count) break;
      if (entry.state === 'away') chosen.push(entry);
    }
    const found: KeptEvent[] = [];
    await this.#afterWork(async () => {
      for (const entry of chosen) {
        if (this.#entries.get(entry.id) !== entry) continue;
        const line = await this.#read(entry);
        if (line === undefined) {
          this.#drop(entry);
          this.#troubles.add('it could not be read again');
          continue;
        }
        this.#leaveAway(entry);
        entry.state = 'waiting';
        found.push(eventOf(line));
      }
    });
    return found;
  }

  /** All that was said is on the disk; what is left there is told after the next start. Idempotent. */
  async close(): Promise<void> {
    for (;;) {
      await this.#working;
      if (this.#working === undefined) break;
    }
    this.#troubles.close();
    if (!this.#isUsable) return;
    this.#isUsable = false; // First: what came now would be written into a file that is closed.
    await this.#options.store.close(this.#entries.size === 0).catch((error: unknown) => {
      this.#options.logger.warn(`http_hooks_spool: ${describeError(error)}`);
    });
  }

  async #read(entry: Entry): Promise<Line | undefined> {
    try {
      const line = entry.offset < 0 ? undefined : readLine(await this.#options.store.read(entry));
      return line !== undefined && isEvent(line) ? line : undefined;
    } catch {
      return undefined;
    }
  }

  #put({ key, vhost, call }: KeptEvent, state: Entry['state']): boolean {
    const { unixTime, maxBytes } = this.#options;
    const head = { i: call.id, k: key, v: vhost, e: call.event, n: call.sequence, t: unixTime() };
    const owed = state === 'owed' ? ',"owed":true' : '';
    const text = `${JSON.stringify(head).slice(0, -1)}${owed},"b":${call.body.toString()}}\n`;
    const before = this.#entries.get(call.id);
    if (this.#liveBytes - (before?.length ?? 0) + Buffer.byteLength(text) > maxBytes()) {
      if (state !== 'away') this.#troubles.add('http_hooks_spool_size is reached');
      return false;
    }
    if (before !== undefined) this.#drop(before);
    this.#add({ id: call.id, key, state, offset: -1, length: Buffer.byteLength(text) }, text);
    return true;
  }

  #add(entry: Entry, text: string): void {
    this.#entries.set(entry.id, entry);
    this.#liveBytes += entry.length;
    if (entry.state === 'away') {
      this.#awayCount += 1;
      this.#away.set(entry.key, (this.#away.get(entry.key) ?? 0) + 1);
    }
    this.#write(entry, text);
  }

  #drop(entry: Entry): void {
    if (entry.state === 'away') this.#leaveAway(entry);
    this.#entries.delete(entry.id);
    this.#liveBytes -= entry.length;
  }

  #leaveAway({ key }: Entry): void {
    this.#awayCount -= 1;
    const left = (this.#away.get(key) ?? 1) - 1;
    if (left === 0) this.#away.delete(key);
    else this.#away.set(key, left);
  }

  /** One append at a time; what comes meanwhile is the next one. */
  #write(entry: Entry | undefined, text: string): void {
    this.#lines.push({ entry, text });
    this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    await Promise.resolve(); // What belongs to one event goes together.
    while (this.#lines.length > 0) {
      const batch = this.#lines;
      this.#lines = [];
      const bytes = Buffer.from(batch.map(({ text }) => text).join(''));
      try {
        let { offset } = await this.#options.store.append(bytes);
        this.#fileBytes = offset + bytes.length;
        for (const { entry, text } of batch) {
          if (entry !== undefined) entry.offset = offset;
          offset += Buffer.byteLength(text);
        }
        await this.#compact();
      } catch (error) {
        for (const { entry } of batch) {
          if (entry === undefined || this.#entries.get(entry.id) !== entry) continue;
          this.#drop(entry);
          this.#troubles.add(describeError(error));
        }
      }
    }
    this.#working = undefined;
  }

  async #compact(): Promise<void> {
    const waste = this.#fileBytes - this.#liveBytes;
    if (this.#fileBytes < this.#compactFrom || (waste < this.#liveBytes && this.#compactFrom > 0)) return;
    const written = [...this.#entries.values()].filter(({ offset }) => offset >= 0);
    try {
      const moved = await this.#options.store.rewrite(written);
      for (const [index, { offset }] of moved.entries()) (written[index] as Entry).offset = offset;
      const last = moved.at(-1);
      this.#fileBytes = last === undefined ? 0 : last.offset + last.length;
    } catch (error) {
      this.#options.logger.warn(`http_hooks_spool: it was not made smaller: ${describeError(error)}`);
      this.#compactFrom = 2 * this.#fileBytes; // Not again before it has grown.
    }
  }

  /** Runs when nothing is being written; what is to be written meanwhile comes after it. */
  async #afterWork(task: () => Promise<void>): Promise<void> {
    while (this.#working !== undefined) await this.#working;
    const running = task();
    this.#working = running.then(() => this.#work());
    await running;
  }
}

function isEvent(line: Line | { readonly i: string }): line is Line {
  return 'b' in line;
}

function readLine(bytes: Buffer): Line | { readonly i: string } | undefined {
  try {
    const line = JSON.parse(bytes.toString()) as Partial<Line> | null;
    if (typeof line?.i !== 'string') return undefined;
    if (line.b === undefined) return Object.keys(line).length === 1 ? { i: line.i } : undefined;
    const { k, v, e, n, t, b } = line;
    const texts = typeof k === 'string' && typeof v === 'string' && HOOK_EVENTS.some((event) => event === e);
    return texts && typeof n === 'number' && typeof t === 'number' && typeof b === 'object'
      ? (line as Line)
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What was left, each session's events in the order of their numbers. What was owed happens now: the server died before it could say
 * so. The end of a connection is its last event.
 */
function inOrder(lines: readonly Line[]): Line[] {
  const place = ({ owed, e, n }: Line): number => (owed !== true ? n : e === 'on_close' ? Infinity : n + 0.5);
  const sessions = new Map<string, Line[]>();
  for (const line of lines) {
    const own = sessions.get(line.k);
    if (own === undefined) sessions.set(line.k, [line]);
    else own.push(line);
  }
  return [...sessions.values()].flatMap((own) => {
    let last = 0;
    return own
      .sort((a, b) => place(a) - place(b))
      .map(({ owed, ...line }) => {
        const n = owed === true ? Math.max(last, line.n) + 1 : line.n;
        last = Math.max(last, n);
        return { ...line, n, b: owed === true ? { ...line.b, reason: CRASH_REASON } : line.b };
      });
  });
}

function entryOf(line: Line, state: Entry['state']): Entry {
  return { id: line.i, key: line.k, state, offset: -1, length: Buffer.byteLength(textOf(line)) };
}

function textOf(line: Line): string {
  return `${JSON.stringify(line)}\n`;
}

function eventOf({ i, k, v, e, n, b }: Line): KeptEvent {
  return { key: k, vhost: v, call: { event: e, id: i, sequence: n, body: Buffer.from(JSON.stringify(b)) } };
}
