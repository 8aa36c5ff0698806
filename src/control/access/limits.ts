import { ServerError } from '../../base/errors.ts';
import {
  streamKey,
  type AccessPolicy,
  type AccessRequest,
  type SessionInfo,
  type StreamName,
  type StreamObserver,
} from '../../hub/ports.ts';
import { clientOfIp } from '../../net/index.ts';
import { RoleMap, type Role } from '../sessions/index.ts';

/** How many of a vhost there may be at the same time; 0 = any number. */
export interface LimitOptions {
  /** [max_clients] Publishers and viewers of all protocols. */
  readonly maxClients: number;
  /** [max_publishers] */
  readonly maxPublishers: number;
  /** [max_viewers] */
  readonly maxViewers: number;
  /** [max_streams] Names of streams that are published, played or waited for. */
  readonly maxStreams: number;
  /** [max_clients_per_ip] */
  readonly maxClientsPerIp: number;
  /** [max_viewers_per_stream] */
  readonly maxViewersPerStream: number;
}

export interface ClientLimitsOptions {
  /** What is in force for a vhost; undefined = it is not served any more. */
  options(vhost: string): LimitOptions | undefined;
}

/** One publisher or viewer, as it is counted. */
interface Counted extends Role {
  /** Its address, or its network where that counts as one client. */
  readonly ip: string;
}

/** Who is in a vhost. */
interface VhostCount {
  publishers: number;
  viewers: number;
  /** Clients by address. */
  readonly ips: Map<string, number>;
  /** Clients and viewers by stream. */
  readonly streams: Map<string, { clients: number; viewers: number }>;
}

const NOBODY: VhostCount = { publishers: 0, viewers: 0, ips: new Map(), streams: new Map() };

/**
 * [limits] How many clients a vhost, a stream and an address may have. Who was granted a place has it from then on: until its
 * session ends, or until it is settled that none begins. Everybody is counted also where nothing is limited, since a reload may
 * change that.
 */
export class ClientLimits implements AccessPolicy, StreamObserver {
  readonly #options: ClientLimitsOptions;
  readonly #vhosts = new Map<string, VhostCount>();
  /** Places of those who have not begun, by session. */
  readonly #granted = new Map<string, Counted>();
  /** Those who have begun, by session and role. */
  readonly #begun = new RoleMap<Counted>();

  constructor(options: ClientLimitsOptions) {
    this.#options = options;
  }

  /** Places that are taken. */
  get size(): number {
    return this.#granted.size + this.#begun.size;
  }

  /** Asked again about the same session, e.g. by another name of its stream, its place moves. */
  check({ action, session, vhost, app, stream = '' }: AccessRequest): Promise<undefined> {
    if (action === 'connect') return Promise.resolve(undefined);
    this.settled(session);
    const wanted: Counted = {
      name: { vhost, app, stream },
      ip: clientOfIp(session.ip),
      publishes: action === 'publish',
    };
    const why = this.#excess(wanted);
    if (why !== undefined) return Promise.reject(new ServerError('LIMIT_EXCEEDED', why));
    this.#granted.set(session.id, wanted);
    this.#count(wanted, 1);
    return Promise.resolve(undefined);
  }

  settled({ id }: SessionInfo): void {
    const granted = this.#granted.get(id);
    if (granted === undefined) return;
    this.#granted.delete(id);
    this.#count(granted, -1);
  }

  publishStarted(name: StreamName, session: SessionInfo): void {
    this.#begin({ name, ip: clientOfIp(session.ip), publishes: true }, session);
  }

  publishEnded(name: StreamName, session: SessionInfo): void {
    this.#end(session, { name, publishes: true });
  }

  playStarted(name: StreamName, session: SessionInfo): void {
    this.#begin({ name, ip: clientOfIp(session.ip), publishes: false }, session);
  }

  playEnded(name: StreamName, session: SessionInfo): void {
    this.#end(session, { name, publishes: false });
  }

  /** Which limit one more would pass. */
  #excess({ name, ip, publishes }: Counted): string | undefined {
    const limits = this.#options.options(name.vhost);
    if (limits === undefined) return undefined;
    const { publishers, viewers, ips, streams } = this.#vhosts.get(name.vhost) ?? NOBODY;
    const stream = streams.get(streamKey(name));
    const reached = (limit: number, count: number): boolean => limit > 0 && count >= limit;
    const told = (directive: string, limit: number): string =>
      `${directive} ${limit} of ${name.vhost} is reached`;
    if (reached(limits.maxClients, publishers + viewers)) return told('max_clients', limits.maxClients);
    if (publishes && reached(limits.maxPublishers, publishers))
      return told('max_publishers', limits.maxPublishers);
    if (!publishes && reached(limits.maxViewers, viewers)) return told('max_viewers', limits.maxViewers);
    if (stream === undefined && reached(limits.maxStreams, streams.size))
      return told('max_streams', limits.maxStreams);
    if (reached(limits.maxClientsPerIp, ips.get(ip) ?? 0))
      return `${told('max_clients_per_ip', limits.maxClientsPerIp)} by ${ip}`;
    if (!publishes && reached(limits.maxViewersPerStream, stream?.viewers ?? 0))
      return told('max_viewers_per_stream', limits.maxViewersPerStream);
    return undefined;
  }

  #begin(counted: Counted, session: SessionInfo): void {
    this.settled(session); // Its place goes over, whatever its stream is called by now.
    if (this.#begun.add(session.id, counted)) this.#count(counted, 1);
  }

  #end({ id }: SessionInfo, role: Role): void {
    const counted = this.#begun.take(id, role);
    if (counted !== undefined) this.#count(counted, -1);
  }

  #count({ name, ip, publishes }: Counted, change: 1 | -1): void {
    const vhost = this.#vhosts.get(name.vhost) ?? {
      publishers: 0,
      viewers: 0,
      ips: new Map<string, number>(),
      streams: new Map<string, { clients: number; viewers: number }>(),
    };
    const key = streamKey(name);
    const stream = vhost.streams.get(key) ?? { clients: 0, viewers: 0 };
    if (publishes) vhost.publishers += change;
    else {
      vhost.viewers += change;
      stream.viewers += change;
    }
    stream.clients += change;
    if (stream.clients > 0) vhost.streams.set(key, stream);
    else vhost.streams.delete(key);
    const ofIp = (vhost.ips.get(ip) ?? 0) + change;
    if (ofIp > 0) vhost.ips.set(ip, ofIp);
    else vhost.ips.delete(ip);
    if (vhost.publishers + vhost.viewers > 0) this.#vhosts.set(name.vhost, vhost);
    else this.#vhosts.delete(name.vhost);
  }
}
