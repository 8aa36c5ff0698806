import type { Clock } from '../../../base/clock.ts';
import { describeError, ServerError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/logger.ts';
import type { Undo } from '../../../base/undo.ts';
import { DEFAULT_VHOST } from '../../../base/names.ts';
import type {
  AccessPolicy,
  AccessRequest,
  SessionInfo,
  StreamName,
  StreamObserver,
} from '../../../hub/ports.ts';
import { printBans, readBans, type BanStore } from './ban-file.ts';
import { BanList } from './ban-list.ts';
import type { Ban, BanWish } from './ban.ts';

/** A publisher or viewer that is connected. */
export interface BannableSession {
  readonly info: SessionInfo;
  readonly publishes: boolean;
  readonly stream: { readonly name: StreamName };
}

/** A connection that neither publishes nor plays, yet or any more. */
export interface IdleConnection {
  readonly ip: string;
  close(reason: ServerError): void;
}

/** Who is told of bans. */
export interface BanObserver {
  banned(ban: Ban): void;
  /** It was lifted, or its time is over. */
  unbanned(ban: Ban): void;
}

export interface BansOptions {
  readonly clock: Clock;
  /** Unix ms. */
  readonly unixTime: () => number;
  readonly logger: Logger;
  /** Everybody who is connected, at the moment. */
  readonly sessions: () => Iterable<BannableSession>;
  /** Everybody else who is connected and might begin to publish or play. */
  readonly idle?: (() => Iterable<IdleConnection>) | undefined;
  /** The name of the vhost that serves a requested one. */
  readonly vhostOf: (requested: string) => string;
  /** Where bans are kept, now; undefined = nowhere, they end with the server. */
  readonly store: () => BanStore | undefined;
  readonly observer?: BanObserver | undefined;
}

/** How often it is looked whose time is over, ms. Nobody waits for that: a ban ends by itself. */
const LOOK_MS = 1_000;

/** Sessions that are ended in one turn of the event loop; the ban of a large network may end thousands. */
const KICKS_PER_TURN = 200;
/** Problems of a file that are told. */
const MAX_PROBLEMS = 3;

/**
 * Refuses who is banned, and ends their sessions when they become so. Ask it also behind policies that rename streams. It tells
 * nobody why he is banned.
 */
export class Bans implements AccessPolicy, StreamObserver {
  readonly #options: BansOptions;
  readonly #logger: Logger;
  readonly #list: BanList;
  /** What is done with the store, one after the other. Never rejects. */
  #work: Promise<void> = Promise.resolve();
  #isToWrite = false;
  #look: Undo | undefined;
  #place: string | undefined;

  constructor(options: BansOptions) {
    this.#options = options;
    this.#logger = options.logger.child({ component: 'bans' });
    this.#list = new BanList(options.unixTime);
  }

  /** In the order of coming. */
  all(): readonly Ban[] {
    return this.#list.all();
  }

  get(id: string): Ban | undefined {
    return this.#list.get(id);
  }

  /** Bans, and ends the sessions that it forbids; `kicked` = how many. Throws BAN_INVALID, BANS_FULL. */
  add(wish: BanWish): { readonly ban: Ban; readonly kicked: number } {
    this.#purge();
    const ban = this.#list.add({ ...wish, stream: this.#served(wish.stream) });
    this.#options.observer?.banned(ban);
    this.#watch();
    this.#save();
    const kicked = this.#endForbidden();
    this.#logger.info(`${describeBan(ban)}: ${kicked} sessions end`);
    return { ban, kicked };
  }

  /** The ban that was lifted; undefined = there is none. */
  lift(id: string): Ban | undefined {
    const ban = this.#list.lift(id);
    if (ban === undefined) return undefined;
    this.#save();
    this.#options.observer?.unbanned(ban);
    this.#logger.info(`lifted: ${describeBan(ban)}`);
    return ban;
  }

  check({ action, session, vhost, app, stream }: AccessRequest): Promise<undefined> {
    const name = action === 'connect' || stream === undefined ? undefined : { vhost, app, stream };
    const ban = this.#list.find({ action, ip: session.ip, name });
    return ban === undefined ? Promise.resolve(undefined) : Promise.reject(bannedError(ban));
  }

  /** Whether nobody of this address may play anything, or may not play this. */
  isBanned(ip: string, name?: StreamName): boolean {
    return this.#list.find({ action: 'play', ip, name }) !== undefined;
  }

  // Who was banned between the answer and the beginning.
  publishStarted(name: StreamName, info: SessionInfo): void {
    if (this.#forbids({ info, publishes: true, stream: { name } })) this.#kickSoon(info);
  }

  playStarted(name: StreamName, info: SessionInfo): void {
    if (this.#forbids({ info, publishes: false, stream: { name } })) this.#kickSoon(info);
  }

  /** Reads what was kept. Call it before clients come. Never rejects: a broken file is put aside, and what of it is whole counts. */
  load(): Promise<void> {
    const store = this.#options.store();
    this.#place = store?.place;
    if (store !== undefined) this.#work = this.#work.then(() => this.#read(store));
    return this.#work;
  }

  /** The store may be another one: what it has is in force too, and what is in force is written there. */
  reconfigure(): void {
    const store = this.#options.store();
    if (store?.place === this.#place) return;
    this.#place = store?.place;
    if (store === undefined) return;
    this.#work = this.#work.then(() => this.#read(store));
    this.#isToWrite = false; // What waits goes to the one before.
    this.#save();
    this.#work = this.#work.then(() => void this.#endForbidden());
  }

  /** Waits for what is being read or written. Never rejects. */
  close(): Promise<void> {
    this.#look?.();
    this.#look = undefined;
    return this.#work;
  }

  /** Tells when the time of a ban is over, as long as one has a time. */
  #watch(): void {
    if (this.#look === undefined && this.#list.isTimed)
      this.#look = this.#options.clock.every(LOOK_MS, () => this.#purge());
  }

  #purge(): void {
    for (const ban of this.#list.purge()) {
      this.#options.observer?.unbanned(ban);
      this.#logger.info(`over: ${describeBan(ban)}`);
    }
    if (this.#list.isTimed) return;
    this.#look?.();
    this.#look = undefined;
  }

  /** Ends everybody who is banned now; returns how many. */
  #endForbidden(): number {
    const { sessions, idle } = this.#options;
    const forbidden: IdleConnection[] = [];
    for (const session of sessions()) if (this.#forbids(session)) forbidden.push(session.info);
    for (const connection of idle?.() ?? [])
      if (this.#list.find({ action: 'connect', ip: connection.ip, name: undefined }) !== undefined)
        forbidden.push(connection);
    this.#kick(forbidden);
    return forbidden.length;
  }

  #forbids({ info, publishes, stream: { name } }: BannableSession): boolean {
    return this.#list.find({ action: publishes ? 'publish' : 'play', ip: info.ip, name }) !== undefined;
  }

  /** A vhost without a block of its own is another one here. */
  #served(stream: string | undefined): string | undefined {
    const parts = stream?.split('/').filter((part, index) => part !== '' || index > 0);
    if (parts === undefined || parts.length < 3) return stream;
    const [vhost = DEFAULT_VHOST, ...rest] = parts;
    return [this.#options.vhostOf(vhost), ...rest].join('/');
  }

  #kickSoon(info: SessionInfo): void {
    this.#options.clock.soon(() => this.#kick([info])); // It is in the middle of beginning.
  }

  #kick(sessions: readonly IdleConnection[]): void {
    for (const session of sessions.slice(0, KICKS_PER_TURN))
      session.close(new ServerError('BANNED', 'banned by the operator'));
    const rest = sessions.slice(KICKS_PER_TURN);
    if (rest.length > 0) this.#options.clock.soon(() => this.#kick(rest));
  }

  /** Writes the list as it is when its turn comes. */
  #save(): void {
    const store = this.#options.store();
    if (this.#isToWrite || store === undefined) return;
    this.#isToWrite = true;
    this.#work = this.#work.then(() => {
      this.#isToWrite = false;
      return store.write(printBans(this.#list.all()));
    });
  }

  async #read(store: BanStore): Promise<void> {
    let problems: readonly string[];
    try {
      const text = await store.read();
      problems = text === undefined ? [] : readBans(text, this.#list, this.#options.unixTime());
    } catch (error) {
      problems = [describeError(error)];
    }
    this.#watch();
    if (problems.length > 0) await this.#mend(store, problems);
  }

  async #mend(store: BanStore, problems: readonly string[]): Promise<void> {
    const told = problems.slice(0, MAX_PROBLEMS).join('; ');
    const more = problems.length > MAX_PROBLEMS ? `; ${problems.length - MAX_PROBLEMS} more` : '';
    const what = `${store.place} is broken (${told}${more}): ${this.#list.all().length} bans of it are in force`;
    try {
      this.#logger.error(`${what}; the file is ${await store.setAside()} now`);
      this.#save();
    } catch (error) {
      this.#logger.error(`${what}; it could not be put aside: ${describeError(error)}`);
    }
  }
}

function bannedError({ stream }: Ban): ServerError {
  return new ServerError('BANNED', stream === undefined ? 'this address is banned' : 'this stream is banned');
}

/** A ban in words, for the log. */
function describeBan({ id, range, stream, action, reason, expiresMs }: Ban): string {
  const who = [range?.toString(), stream].filter((part) => part !== undefined).join(' of ');
  const until = expiresMs === undefined ? 'until it is lifted' : `until ${new Date(expiresMs).toISOString()}`;
  return `ban ${id} of ${who} (${action}) ${until}${reason === '' ? '' : `, reason: ${reason}`}`;
}
