// A load process: publishes and plays over raw sockets as its parent tells it.
import type net from 'node:net';
import { HttpGroup, HttpViewer } from './http-viewer.ts';
import { Player, PlayerGroup } from './player.ts';
import type {
  FetchOrder,
  LoadCalls,
  LoadReply,
  LoadRequest,
  LoadSnapshot,
  PlayOrder,
  PublishOrder,
} from './protocol.ts';
import { PublisherPool, openPublisher } from './publisher.ts';
import { createSource } from './source.ts';

const TICK_MS = 10;
const LOCAL_ADDRESSES = 16;
const SETTLE_TIMEOUT_MS = 20_000;
const PUBLISHER_GROUPS = 25;
const MAX_FAILURES_TOLD = 5;

/** Several source addresses, so that connections that are still closing do not use up the ports. */
function localAddress(index: number): string {
  return `127.0.0.${2 + (index % LOCAL_ADDRESSES)}`;
}

/** Calls `dial(0 … count-1)` at `rate` a second. */
async function ramp(count: number, rate: number, dial: (index: number) => void): Promise<void> {
  const startMs = performance.now();
  let next = 0;
  while (next < count) {
    const due = Math.min(count, Math.ceil(((performance.now() - startMs + TICK_MS) / 1000) * rate));
    while (next < due) dial(next++);
    if (next < count) await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
}

class LoadWorker implements LoadCalls {
  readonly #groups: PlayerGroup[] = [];
  readonly #httpGroups: HttpGroup[] = [];
  readonly #pools: PublisherPool[] = [];
  #cpuAtMark = process.cpuUsage();

  async publish(order: PublishOrder): Promise<void> {
    const { host, port, app, streams } = order;
    const opening: Promise<net.Socket>[] = [];
    await ramp(streams.length, order.rate, (i) => {
      const opened = openPublisher({
        host,
        port,
        app,
        stream: streams[i] ?? '',
        localAddress: localAddress(i),
      });
      opened.catch(() => undefined);
      opening.push(opened);
    });
    const sockets = await Promise.all(opening);
    const pool = new PublisherPool(createSource(order.scale));
    pool.start(sockets, PUBLISHER_GROUPS);
    this.#pools.push(pool);
  }

  async play(order: PlayOrder): Promise<void> {
    const group = new PlayerGroup(order.target);
    this.#groups.push(group);
    await settleAll(order.count, order.rate, (i, onSettled) => {
      group.players.push(new Player(group, localAddress(i), order.depth, onSettled));
    });
  }

  async fetch(order: FetchOrder): Promise<void> {
    const group = new HttpGroup(order.target);
    this.#httpGroups.push(group);
    await settleAll(order.count, order.rate, (i, onSettled) => {
      group.viewers.push(new HttpViewer(group, localAddress(i), onSettled));
    });
  }

  stall(count: number): Promise<void> {
    const players = this.#groups.flatMap((group) => group.players);
    for (const player of players.slice(-count)) player.stall();
    return Promise.resolve();
  }

  mark(): Promise<void> {
    for (const group of this.#groups) group.mark();
    for (const group of this.#httpGroups) group.mark();
    for (const pool of this.#pools) {
      pool.sentBytes = 0;
      pool.sentMessages = 0;
      pool.blockedWrites = 0;
      pool.worstLateMs = 0;
    }
    this.#cpuAtMark = process.cpuUsage();
    return Promise.resolve();
  }

  snapshot(): Promise<LoadSnapshot> {
    const cpu = process.cpuUsage(this.#cpuAtMark);
    const groups = [...this.#groups, ...this.#httpGroups];
    const players = [
      ...this.#groups.flatMap((group) => group.players),
      ...this.#httpGroups.flatMap((group) => group.viewers),
    ];
    const watching = this.#groups.flatMap((group) => group.players);
    const alive = players.filter((player) => player.asked && !player.closed);
    return Promise.resolve({
      receivedBytes: sum(groups, (group) => group.bytes),
      reads: sum(groups, (group) => group.reads),
      players: players.length,
      alive: alive.length,
      starved: alive.filter((player) => player.bytes === 0).length,
      latencies: this.#groups.flatMap((group) => group.latencies),
      lostPictures: sum(this.#groups, (group) => group.lostPictures),
      refused: sum(this.#httpGroups, (group) => group.refused),
      playlistMicros: this.#httpGroups.flatMap((group) => group.playlistMicros),
      segmentMicros: this.#httpGroups.flatMap((group) => group.segmentMicros),
      firstAfterStart: watching.map((player) => player.firstAfterStart).filter((micros) => micros >= 0),
      firstAfterDial: watching.map((player) => player.firstAfterDial).filter((micros) => micros >= 0),
      failures: [...new Set(players.flatMap((player) => player.failure ?? []))].slice(0, MAX_FAILURES_TOLD),
      publishersClosed: sum(this.#pools, (pool) => pool.closed),
      sentBytes: sum(this.#pools, (pool) => pool.sentBytes),
      sentMessages: sum(this.#pools, (pool) => pool.sentMessages),
      blockedWrites: sum(this.#pools, (pool) => pool.blockedWrites),
      worstLateMs: Math.max(0, ...this.#pools.map((pool) => pool.worstLateMs)),
      cpuUserMicros: cpu.user,
      cpuSystemMicros: cpu.system,
    });
  }

  leave(): Promise<void> {
    for (const group of this.#groups) for (const player of group.players) player.close();
    for (const group of this.#httpGroups) for (const viewer of group.viewers) viewer.close();
    this.#groups.length = 0;
    this.#httpGroups.length = 0;
    return Promise.resolve();
  }
}

/** Dials `count` clients at `rate` a second and waits until each has settled, as long as that is worth it. */
async function settleAll(
  count: number,
  rate: number,
  dial: (index: number, onSettled: () => void) => void,
): Promise<void> {
  let settled = 0;
  const all = deferred();
  await ramp(count, rate, (i) => {
    let mine = false;
    dial(i, () => {
      if (mine) return;
      mine = true;
      settled++;
      if (settled === count) all.resolve(undefined);
    });
  });
  const timer = setTimeout(() => all.resolve(undefined), SETTLE_TIMEOUT_MS);
  await all.promise;
  clearTimeout(timer);
}

function deferred(): { promise: Promise<undefined>; resolve: (value: undefined) => void } {
  let resolve: (value: undefined) => void = () => undefined;
  const promise = new Promise<undefined>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

async function answer(worker: LoadWorker, request: LoadRequest): Promise<LoadReply> {
  try {
    // The parent's side of this channel is typed (see client.ts); IPC itself is not.
    const call = worker[request.call].bind(worker) as (argument: unknown) => Promise<unknown>;
    return { id: request.id, result: await call(request.argument) };
  } catch (error) {
    return { id: request.id, error: error instanceof Error ? error.message : String(error) };
  }
}

const worker = new LoadWorker();
process.on('message', (request: LoadRequest) => {
  void answer(worker, request).then((reply) => process.send?.(reply));
});
process.on('disconnect', () => process.exit(0));
