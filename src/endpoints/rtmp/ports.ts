import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { TimerWheel } from '../../base/timer-wheel.ts';
import type { ServerError } from '../../base/errors.ts';
import type { AccessPolicy, ConnectionObserver, Hub } from '../../hub/ports.ts';
import type { Inlet, Socket } from '../../net/index.ts';
import type { RtmpLink } from '../../protocols/rtmp/index.ts';
import type { RttProbe } from './rtt-probe.ts';

/** What a vhost decides about RTMP sessions. SRS's directive names are in brackets. */
export interface RtmpVhostOptions {
  /** The configured name, which may differ from what the client asked for (`__defaultVhost__`). */
  readonly name: string;
  /** [chunk_size] Chunk size that we announce, bytes. */
  readonly chunkSizeBytes: number;
  /** [tcp_nodelay] for players. */
  readonly tcpNoDelay: boolean;
  /** [min_latency] */
  readonly minLatency: boolean;
  /** [in_ack_size] Window that a publisher's bytes are acknowledged by, 0 = not set. */
  readonly inAckSizeBytes: number;
  /** [out_ack_size] Window after which a player should acknowledge, 0 = not set. */
  readonly outAckSizeBytes: number;
  /** [publish.mr, publish.mr_latency] The longest that a publisher's bytes may wait for a merged read, ms; 0 = never merge. */
  readonly mergedReadMs: number;
  /** [publish.firstpkt_timeout] */
  readonly firstPacketTimeoutMs: number;
  /** [publish.normal_timeout] */
  readonly silenceTimeoutMs: number;
}

/**
 * Finds the vhost that serves a requested name (falling back to the default one), or undefined to refuse. Asked by the configured
 * name, it gives that vhost while it is there. Answers may change: see `RtmpEndpoint.vhostsChanged`.
 */
export interface RtmpVhosts {
  find(requested: string): RtmpVhostOptions | undefined;
}

/** What every RTMP session needs from the process. */
export interface RtmpServices {
  readonly hub: Hub;
  readonly policy: AccessPolicy;
  /** Hears of the end of each connection. */
  readonly observer?: ConnectionObserver;
  readonly vhosts: RtmpVhosts;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly logger: Logger;
  newSessionId(): string;
  readonly server: { readonly name: string; readonly version: string };
  /** From accept to the end of the handshake, ms. Read at each accept: it may be a getter. */
  readonly handshakeTimeoutMs: number;
  /** [empty_ip_ok] See `ListenerSetOptions`. Read on use: it may be a getter. @default true */
  readonly emptyIpOk?: boolean;
}

/** What the dialogue and the roles see of their connection. */
export interface RtmpPeer {
  readonly id: string;
  readonly ip: string;
  readonly logger: Logger;
  readonly services: RtmpServices;
  readonly link: RtmpLink;
  readonly socket: Socket;
  /** How the socket is read. */
  readonly inlet: Inlet;
  /** Asks while the session publishes or plays. */
  readonly rtt: RttProbe;
  /** False once the connection is closed or being closed. Not constant over a call: what is called may close it. */
  isOpen(): boolean;
  /** Why it ends; see `SessionInfo`. */
  readonly endReason: ServerError | undefined;
  /** Sends a command or data message on a message stream. */
  reply(streamId: number, payload: Buffer, typeId?: number): void;
  /** Closes the session unless it is told otherwise within `ms`. Replaces what was expected before. */
  expectWithin(ms: number, what: string): void;
  /** The peer showed life: whatever was expected may take `ms` from now. */
  postpone(ms: number): void;
  expectNothing(): void;
  /** Ends the session: at once, or (`flush`) after what was written has left. The first reason is the one told. Idempotent. */
  close(reason: ServerError, flush?: boolean): void;
  /** Runs what peer input triggers; an error ends this session and no other. */
  guard(work: () => void): void;
  fail(error: unknown): void;
  /** What to tell the peer of an error: itself, or, where the fault is ours, INTERNAL; then its stack is in the log. */
  explain(error: unknown): ServerError;
}
