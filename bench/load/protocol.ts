import type { FetchTarget } from './http-viewer.ts';
import type { PlayDepth, PlayTarget } from './player.ts';

/** Many publishers of `{prefix}0`, `{prefix}1`, …. */
export interface PublishOrder {
  readonly host: string;
  readonly port: number;
  readonly app: string;
  readonly streams: readonly string[];
  /** Multiplies the size of the pictures; 1 = 237 kbps. */
  readonly scale: number;
  /** New connections per second. */
  readonly rate: number;
}

/** Many players of one stream. */
export interface PlayOrder {
  readonly target: PlayTarget;
  readonly count: number;
  readonly rate: number;
  readonly depth: PlayDepth;
}

/** Many HLS viewers of one stream. */
export interface FetchOrder {
  readonly target: FetchTarget;
  readonly count: number;
  readonly rate: number;
}

/** What a load process has seen since the last mark. Times in µs. */
export interface LoadSnapshot {
  readonly receivedBytes: number;
  readonly reads: number;
  readonly players: number;
  readonly alive: number;
  /** Living players that got no byte since the mark. */
  readonly starved: number;
  readonly latencies: readonly number[];
  readonly lostPictures: number;
  /** Responses other than 200. */
  readonly refused: number;
  /** From request to last byte. */
  readonly playlistMicros: readonly number[];
  readonly segmentMicros: readonly number[];
  readonly firstAfterStart: readonly number[];
  readonly firstAfterDial: readonly number[];
  readonly failures: readonly string[];
  readonly publishersClosed: number;
  readonly sentBytes: number;
  readonly sentMessages: number;
  readonly blockedWrites: number;
  readonly worstLateMs: number;
  readonly cpuUserMicros: number;
  readonly cpuSystemMicros: number;
}

/** What a load process can be told. */
export interface LoadCalls {
  publish(order: PublishOrder): Promise<void>;
  play(order: PlayOrder): Promise<void>;
  fetch(order: FetchOrder): Promise<void>;
  /** Lets the last `count` players stop reading. */
  stall(count: number): Promise<void>;
  /** Begins a window. */
  mark(): Promise<void>;
  snapshot(): Promise<LoadSnapshot>;
  /** Closes all players; publishers stay. */
  leave(): Promise<void>;
}

export interface LoadRequest {
  readonly id: number;
  readonly call: keyof LoadCalls;
  readonly argument: unknown;
}

export interface LoadReply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}
