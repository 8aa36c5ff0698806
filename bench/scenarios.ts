import type { PlayProtocol } from './load/player.ts';

/** One kind of load. Every server under it gets the same. */
export interface Scenario {
  readonly id: string;
  readonly title: string;
  readonly protocol: PlayProtocol;
  /** Viewers of the one stream that is measured, probes included. */
  readonly players: number;
  /** Publishers, the measured stream included. */
  readonly publishers: number;
  /** Viewers among `players` that stop reading after they joined. */
  readonly stalled: number;
  /** Multiplies the size of the pictures; 1 = 237 kbps. */
  readonly scale: number;
  /** New connections per second while the load is built up. */
  readonly rate: number;
  /** The joining itself is what is measured: every run is a new burst of joins. */
  readonly joins: boolean;
  /** How long after the viewers left memory is read, seconds; undefined = not read. */
  readonly leaveSeconds: number | undefined;
  /** Also with the merge window pinned to 350 ms. */
  readonly pinned: boolean;
}

/** Viewers that look into what they get, to measure latency and loss. They belong to the process of the publisher. */
export const PROBES = 8;

const DEFAULTS = {
  protocol: 'rtmp',
  players: PROBES,
  publishers: 1,
  stalled: 0,
  scale: 1,
  rate: 400,
  joins: false,
  leaveSeconds: undefined,
  pinned: false,
} satisfies Partial<Scenario>;

function rtmpPlayers(players: number): Scenario {
  const leaveSeconds = players >= 5000 ? 60 : 5;
  const title = `${players} RTMP players`;
  return { ...DEFAULTS, id: `rtmp-players-${players}`, title, players, pinned: true, leaveSeconds };
}

function flvPlayers(players: number): Scenario {
  const leaveSeconds = players >= 5000 ? 60 : 5;
  const title = `${players} HTTP-FLV players`;
  return {
    ...DEFAULTS,
    id: `flv-players-${players}`,
    title,
    protocol: 'flv',
    players,
    pinned: true,
    leaveSeconds,
  };
}

function publishers(count: number): Scenario {
  return {
    ...DEFAULTS,
    id: `publishers-${count}`,
    title: `${count} publishers, one of them watched by 2`,
    players: 2,
    publishers: count,
  };
}

/** All scenarios, in the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  rtmpPlayers(100),
  rtmpPlayers(1000),
  rtmpPlayers(5000),
  rtmpPlayers(8000),
  flvPlayers(1000),
  flvPlayers(5000),
  publishers(500),
  publishers(1000),
  { ...DEFAULTS, id: 'latency-rtmp', title: '100 RTMP viewers, latency', players: 100 },
  { ...DEFAULTS, id: 'latency-flv', title: '100 HTTP-FLV viewers, latency', players: 100, protocol: 'flv' },
  {
    ...DEFAULTS,
    id: 'slow-readers',
    title: '900 RTMP players beside 100 that stop reading, 1.8 Mbps',
    players: 1000,
    stalled: 100,
    // Big pictures, so that the kernel's own buffers are full soon and the server must hold or drop the rest.
    scale: 10,
    leaveSeconds: 5,
  },
  {
    ...DEFAULTS,
    id: 'join-storm',
    title: '1000 RTMP joins within a quarter of a second',
    players: 1000,
    rate: 4000,
    joins: true,
    leaveSeconds: 5,
  },
];

/** What containers add: computed, no server and no load. */
export const HLS_OVERHEAD = 'hls-overhead';

/** Viewers of `HLS_DELIVERY`. */
export const HLS_VIEWERS = 1000;
/** HLS from this server's memory beside nginx with the same files. */
export const HLS_DELIVERY = `hls-delivery-${HLS_VIEWERS}`;

const ALL_IDS: readonly string[] = [...SCENARIOS.map(({ id }) => id), HLS_DELIVERY, HLS_OVERHEAD];

/** The scenarios whose id is one of `wanted` or begins with it and a dash; all when `wanted` is empty. */
export function selectScenarios(wanted: readonly string[]): Scenario[] {
  for (const name of wanted) {
    if (!ALL_IDS.some((id) => matches(id, name))) {
      throw new Error(`no scenario ${name}; there are: ${ALL_IDS.join(', ')}`);
    }
  }
  return SCENARIOS.filter(({ id }) => isSelected(id, wanted));
}

/** Whether an id is one of `wanted` or begins with it and a dash; all are when `wanted` is empty. */
export function isSelected(id: string, wanted: readonly string[]): boolean {
  return wanted.length === 0 || wanted.some((name) => matches(id, name));
}

function matches(id: string, name: string): boolean {
  return id === name || id.startsWith(`${name}-`);
}
