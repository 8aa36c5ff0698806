import { ServerError } from '../../../base/errors.ts';
import { streamKey, type AccessAction, type StreamName } from '../../../hub/ports.ts';
import { ipBytes } from '../../../net/index.ts';
import { stableId } from '../../sessions/index.ts';
import { readWish, type Ban, type BanWish } from './ban.ts';
import { IpRangeMap } from './ip-range-map.ts';

/** Bans that are in force at the same time. */
export const MAX_BANS = 10_000;

/** What somebody is about to do. */
export interface BanQuestion {
  readonly action: AccessAction;
  readonly ip: string;
  /** What is to be published or played. */
  readonly name: StreamName | undefined;
}

/** Bans in force. Those whose time is over never count. */
export class BanList {
  readonly #unixTime: () => number;
  /** In the order of coming. */
  readonly #bans = new Map<string, Ban>();
  readonly #byIp = new IpRangeMap<Ban>();
  /** Those without an address. */
  readonly #byStream = new Map<string, Set<Ban>>();

  constructor(unixTime: () => number) {
    this.#unixTime = unixTime;
  }

  /** In the order of coming. */
  all(): readonly Ban[] {
    return [...this.#bans.values()].filter((ban) => !this.#isOver(ban));
  }

  /** Whether one of them will be over by itself. */
  get isTimed(): boolean {
    for (const { expiresMs } of this.#bans.values()) if (expiresMs !== undefined) return true;
    return false;
  }

  /** Forgets those whose time is over, and returns them. */
  purge(): readonly Ban[] {
    const over = [...this.#bans.values()].filter((ban) => this.#isOver(ban));
    for (const ban of over) this.#remove(ban);
    return over;
  }

  get(id: string): Ban | undefined {
    const ban = this.#bans.get(id);
    return ban !== undefined && this.#isOver(ban) ? undefined : ban;
  }

  /** A ban of the same address, stream and action is replaced. Throws BAN_INVALID, BANS_FULL: `purge` first. */
  add(wish: BanWish, createdMs = this.#unixTime()): Ban {
    const { range, stream, action, reason, seconds } = readWish(wish);
    const id = stableId('ban', `${action} ${range?.toString() ?? ''} ${stream ?? ''}`);
    const old = this.#bans.get(id);
    if (old !== undefined) this.#remove(old);
    if (this.#bans.size >= MAX_BANS)
      throw new ServerError('BANS_FULL', `there are ${MAX_BANS} bans already: lift some of them`);
    const expiresMs = seconds === 0 ? undefined : createdMs + seconds * 1_000;
    const ban: Ban = { id, range, stream, action, reason, createdMs, expiresMs };
    this.#bans.set(id, ban);
    if (range !== undefined) this.#byIp.add(range, ban);
    else if (stream !== undefined)
      this.#byStream.set(stream, (this.#byStream.get(stream) ?? new Set()).add(ban));
    return ban;
  }

  /** The ban that was lifted; undefined = there is none. */
  lift(id: string): Ban | undefined {
    const ban = this.get(id);
    if (ban !== undefined) this.#remove(ban);
    return ban;
  }

  /** The first ban that forbids it. */
  find({ action, ip, name }: BanQuestion): Ban | undefined {
    if (this.#bans.size === 0) return undefined;
    const stream = name === undefined ? undefined : streamKey(name);
    const forbids = (ban: Ban): boolean => {
      if (ban.action !== 'all' && ban.action !== action) return false;
      return (ban.stream === undefined || ban.stream === stream) && !this.#isOver(ban);
    };
    for (const ban of (stream === undefined ? undefined : this.#byStream.get(stream)) ?? [])
      if (forbids(ban)) return ban;
    const bytes = ipBytes(ip);
    return bytes === undefined ? undefined : this.#byIp.at(bytes).find(forbids);
  }

  #isOver({ expiresMs }: Ban): boolean {
    return expiresMs !== undefined && expiresMs <= this.#unixTime();
  }

  #remove(ban: Ban): void {
    this.#bans.delete(ban.id);
    if (ban.range !== undefined) this.#byIp.delete(ban.range, ban);
    else if (ban.stream !== undefined) {
      const others = this.#byStream.get(ban.stream);
      others?.delete(ban);
      if (others?.size === 0) this.#byStream.delete(ban.stream);
    }
  }
}
