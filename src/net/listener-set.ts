import { isIP } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { ServerError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import { TallyReport } from './tally-report.ts';
import { listenTcp, type ListenAddress, type TcpListener, type TcpListenerOptions } from './tcp-listener.ts';

export interface ListenerSetOptions extends Omit<TcpListenerOptions, 'address' | 'onEmptyIp'> {
  readonly clock: Clock;
  /**
   * [empty_ip_ok] Asked when the peer of a connection is gone before it was accepted (the health check of a load balancer):
   * true = say nothing, false = tell in the log, at most once a second. Default: true.
   */
  readonly emptyIpOk?: () => boolean;
}

/** A flood of connections must not keep a listener open: so many turns of the event loop, the length of its backlog. */
const MAX_ACCEPT_TURNS = 4_096;

/** A listener, the address that it was asked for, and the port that it got. */
interface Member {
  readonly asked: ListenAddress;
  readonly port: number;
  readonly listener: TcpListener;
}

/**
 * The listeners of one directive, which may be given other addresses while connections are open. A listener that goes stops
 * accepting; its connections stay, and `close` still knows them.
 */
export class ListenerSet {
  readonly #options: Omit<TcpListenerOptions, 'address'>;
  readonly #emptyIps: TallyReport;
  #members: readonly Member[] = [];
  /** They accept no more, but have open connections. */
  readonly #retired = new Set<TcpListener>();
  /** Calls run one after the other: two changes at once would open the same port twice. */
  #last: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: ListenerSetOptions) {
    const { clock, emptyIpOk, ...listening } = options;
    const { directive, logger = silentLogger } = listening;
    const emptyIps = new TallyReport({
      clock,
      logger,
      line: (count) => `${directive}: the peers of ${count} connections were gone before they were accepted`,
    });
    this.#emptyIps = emptyIps;
    this.#options = {
      ...listening,
      onEmptyIp: () => {
        if (emptyIpOk?.() === false) emptyIps.add('');
      },
    };
  }

  /** The bound addresses in the order asked for; ports are real also where 0 was asked for. */
  get addresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.#members.map(({ listener }) => listener.address);
  }

  /** Connections that are open, those of listeners that are gone included. */
  get openSockets(): number {
    let open = 0;
    for (const { listener } of this.#members) open += listener.openSockets;
    for (const listener of this.#retired) open += listener.openSockets;
    return open;
  }

  /** Listeners that accept no more but have open connections. */
  get retired(): number {
    return this.#retired.size;
  }

  /** Connections whose peer was gone before they were accepted, since the start, as far as they were told [empty_ip_ok off]. */
  get emptyIpTotal(): number {
    return this.#emptyIps.total;
  }

  /**
   * Listens on exactly these addresses, or throws LISTEN_FAILED and nothing has changed. An address that is listened on
   * already (same host and port; port 0: one whose port the system chose) stays untouched. New ones are opened before old ones
   * stop accepting, so that there is no moment without a port.
   *
   * One exception: where an old listener covers a new one of the same port (all addresses → one of them, or back), the system
   * does not open the new one while the old one accepts. So the old one stops first, and is opened again if the new one fails.
   * In between (as long as it takes to open a port; with a host name, to look that up too) the port refuses connections. If
   * another program takes it in just that time, it is lost, and the error says so.
   */
  relisten(addresses: readonly ListenAddress[]): Promise<void> {
    if (this.#stopped) {
      return Promise.reject(
        new ServerError('LISTEN_FAILED', `${this.#options.directive}: the server is stopping`),
      );
    }
    return this.#inTurn(() => this.#relisten(addresses));
  }

  /** Accepts no more; open connections stay. Resolves when the ports are free. Idempotent. */
  stopAccepting(): Promise<void> {
    this.#stopped = true;
    return this.#inTurn(async () => {
      await Promise.all(this.#members.map(({ listener }) => listener.stopAccepting()));
    });
  }

  /** Accepts no more, destroys all connections, resolves when all are closed. Idempotent. */
  async close(): Promise<void> {
    await this.stopAccepting();
    const all = [...this.#members.map(({ listener }) => listener), ...this.#retired];
    await Promise.all(all.map((listener) => listener.close()));
    this.#emptyIps.close();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #relisten(addresses: readonly ListenAddress[]): Promise<void> {
    const { next, gone } = this.#compare(addresses);
    const opened: Member[] = [];
    /** Old ones that stopped before the new ones were open. */
    const displaced: Member[] = [];
    const open = async (index: number, asked: ListenAddress): Promise<void> => {
      const member = await this.#open(asked, asked.port);
      opened.push(member);
      next[index] = member;
    };
    try {
      const blocked: number[] = [];
      for (const [index, asked] of addresses.entries()) {
        if (next[index] !== undefined) continue;
        try {
          await open(index, asked);
        } catch (error) {
          if (!isInUse(error) || !gone.some((member) => covers(member, asked))) throw error;
          blocked.push(index);
        }
      }
      // Last of all: everything else is open.
      const inTheWay = gone.filter((member) => blocked.some((index) => covers(member, addresses[index])));
      if (inTheWay.length > 0) await acceptWaiting(inTheWay);
      for (const index of blocked) {
        const asked = addresses[index] as ListenAddress;
        for (const member of inTheWay) {
          if (displaced.includes(member) || !covers(member, asked)) continue;
          displaced.push(member);
          void member.listener.stopAccepting(); // Frees the port at once; waiting would only widen the gap.
        }
        await open(index, asked);
      }
    } catch (error) {
      for (const member of opened) this.#retire(member);
      await this.#restore(displaced, error);
      throw error;
    }
    this.#members = next as Member[];
    if (gone.length > 0) await acceptWaiting(gone);
    for (const member of gone) this.#retire(member);
  }

  /** Which members serve which of `addresses`, by index, and which serve none. */
  #compare(addresses: readonly ListenAddress[]): { next: (Member | undefined)[]; gone: readonly Member[] } {
    const left = [...this.#members];
    const next = addresses.map((asked) => {
      // As it was asked for, or where port 0 had led to.
      let at = left.findIndex((one) => one.asked.host === asked.host && one.asked.port === asked.port);
      if (at < 0) at = left.findIndex((one) => one.asked.host === asked.host && one.port === asked.port);
      return at < 0 ? undefined : left.splice(at, 1)[0];
    });
    return { next, gone: left };
  }

  async #open(asked: ListenAddress, port: number): Promise<Member> {
    const listener = await listenTcp({ ...this.#options, address: { ...asked, port } });
    return { asked, port: listener.address.port, listener };
  }

  /** Opens again what had made room; throws when one cannot be. */
  async #restore(displaced: readonly Member[], cause: unknown): Promise<void> {
    const lost: string[] = [];
    let why: unknown;
    for (const member of displaced) {
      const { asked, port } = member;
      try {
        const again = await this.#open(asked, port);
        this.#members = this.#members.map((one) => (one === member ? again : one));
      } catch (error) {
        this.#members = this.#members.filter((one) => one !== member);
        lost.push(asked.host === undefined ? String(port) : `${asked.host}:${port}`);
        why = error;
      }
      this.#retire(member);
    }
    if (lost.length === 0) return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ServerError(
      'LISTEN_FAILED',
      `${reason}; ${lost.join(' and ')} had made room for it and cannot be opened again`,
      { cause: why },
    );
  }

  #retire(member: Member): void {
    const { listener } = member;
    void listener.stopAccepting();
    if (listener.openSockets === 0) return;
    this.#retired.add(listener);
    void listener.drained.then(() => this.#retired.delete(listener));
  }
}

/**
 * Lets listeners that are about to stop accept what waits in the kernel: closing them resets it. Node accepts one connection
 * a turn of the event loop, so this takes turns until two in a row brought none.
 */
async function acceptWaiting(members: readonly Member[]): Promise<void> {
  let before = -1;
  for (let turn = 0, quiet = 0; turn < MAX_ACCEPT_TURNS && quiet < 2; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    let accepted = 0;
    for (const { listener } of members) accepted += listener.accepted;
    quiet = accepted === before ? quiet + 1 : 0;
    before = accepted;
  }
}

function isInUse(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
}

/** Whether the old listener may be what keeps `asked` from being opened. */
function covers(member: Member, asked: ListenAddress | undefined): boolean {
  if (member.port !== asked?.port) return false;
  const old = member.asked.host ?? '::';
  const now = asked.host ?? '::';
  // Two different addresses of the machine do not get in each other's way; a name may stand for any.
  return isAny(old) || isAny(now) || isIP(old) === 0 || isIP(now) === 0;
}

function isAny(host: string): boolean {
  return host === '::' || host === '0.0.0.0';
}
