import type { Clock } from '../../base/clock.ts';
import type { HealthObserver, StreamWarning } from '../../hub/health-events.ts';
import type { OutputFailed, OutputObserver, RecordingDone, SegmentDone } from '../../hub/output-events.ts';
import {
  streamKey,
  type LiveStream,
  type PlaybackStats,
  type SessionInfo,
  type StreamName,
  type StreamObserver,
} from '../../hub/ports.ts';
import type { Ban } from '../access/index.ts';
import { RoleMap, type Role } from '../sessions/index.ts';
import { EventLog } from './event-log.ts';
import type { EventOf, ServerEvent } from './event-schemas.ts';

export interface ServerEventsOptions {
  readonly clock: Clock;
  /** Unix ms. */
  readonly unixTime: () => number;
  /** What the hub knows of a stream. */
  readonly find: (name: StreamName) => Pick<LiveStream, 'state'> | undefined;
}

/** What a reload did; directives by their dotted paths. */
export interface ReloadOutcome {
  /** False: the file cannot be used, and nothing has changed. */
  readonly ok: boolean;
  /** `SIGHUP`, `file`, `api`. */
  readonly trigger: string;
  readonly applied: readonly string[];
  readonly restart: readonly string[];
  readonly refused: readonly string[];
}

/** When an open session began: time of the clock, ms. */
interface Began extends Role {
  readonly at: number;
}

type Names = Pick<EventOf<'stream_gone'>, 'vhost' | 'app' | 'stream'>;

/** Characters of a message that are told. */
const MAX_MESSAGE_CHARS = 1_024;

/** Turns what happens in the server into events. Nothing is done per frame. */
export class ServerEvents implements StreamObserver, OutputObserver, HealthObserver {
  readonly log = new EventLog();
  readonly #options: ServerEventsOptions;
  readonly #began = new RoleMap<Began>();
  /** Streams that were published since the hub has them. */
  readonly #published = new Set<string>();
  readonly #onClose = new Set<() => void>();
  #closed = false;

  constructor(options: ServerEventsOptions) {
    this.#options = options;
  }

  publishStarted(name: StreamName, session: SessionInfo): void {
    this.#begin(true, name, session);
    this.#published.add(streamKey(name));
    this.add({ type: 'stream_published', at_ms: this.#now(), ...sessionOf(name, session) });
  }

  publishEnded(name: StreamName, session: SessionInfo): void {
    const lasted_ms = this.#lasted(true, name, session);
    this.add({ type: 'stream_unpublished', at_ms: this.#now(), ...sessionOf(name, session), lasted_ms });
    if (this.#options.find(name)?.state === 'waiting')
      this.add({ type: 'stream_waiting', at_ms: this.#now(), ...nameOf(name) });
  }

  streamGone(name: StreamName): void {
    if (!this.#published.delete(streamKey(name))) return; // It was only waited for.
    // Without a hold time the hub forgets a stream before it tells of the end of its publisher.
    queueMicrotask(() => this.add({ type: 'stream_gone', at_ms: this.#now(), ...nameOf(name) }));
  }

  playStarted(name: StreamName, session: SessionInfo): void {
    this.#begin(false, name, session);
    this.add({ type: 'session_started', at_ms: this.#now(), ...sessionOf(name, session) });
  }

  playEnded(name: StreamName, session: SessionInfo, stats: PlaybackStats): void {
    this.add({
      type: 'session_ended',
      at_ms: this.#now(),
      ...sessionOf(name, session),
      lasted_ms: this.#lasted(false, name, session),
      send_bytes: stats.sentBytes,
      drops: stats.drops,
    });
  }

  segmentDone({ name, file, url, sequence, durationMs }: SegmentDone): void {
    this.add({
      type: 'segment_done',
      at_ms: this.#now(),
      ...nameOf(name),
      file,
      url,
      sequence,
      duration_ms: Math.round(durationMs),
    });
  }

  recordingDone({ name, file, bytes, durationMs, problem }: RecordingDone): void {
    this.add({
      type: 'recording_done',
      at_ms: this.#now(),
      ...nameOf(name),
      file,
      bytes,
      duration_ms: Math.round(durationMs),
      problem: problem?.code ?? '',
    });
  }

  outputFailed({ name, output, error, then }: OutputFailed): void {
    this.add({
      type: 'output_failed',
      at_ms: this.#now(),
      ...nameOf(name),
      output,
      error: error.code,
      message: error.message.slice(0, MAX_MESSAGE_CHARS),
      then,
    });
  }

  streamWarned({ name, problem, publisherId, active, message, sinceMs }: StreamWarning): void {
    this.add({
      type: active ? 'warning_began' : 'warning_over',
      at_ms: this.#now(),
      ...nameOf(name),
      problem,
      client_id: publisherId,
      message: message.slice(0, MAX_MESSAGE_CHARS),
      since_ms: Math.round(sinceMs),
    });
  }

  reloaded({ ok, trigger, applied, restart, refused }: ReloadOutcome): void {
    const named = { applied: [...applied], restart: [...restart], refused: [...refused] };
    this.add({ type: 'server_reloaded', at_ms: this.#now(), ok, trigger, ...named });
  }

  banned({ id, range, stream, action, expiresMs = 0 }: Ban): void {
    const what = [action, range?.toString(), stream].filter((part) => part !== undefined).join(' ');
    this.add({ type: 'ban_added', at_ms: this.#now(), id, what, until_ms: Math.round(expiresMs) });
  }

  unbanned({ id }: Pick<Ban, 'id'>): void {
    this.add({ type: 'ban_removed', at_ms: this.#now(), id });
  }

  add(event: ServerEvent): void {
    if (!this.#closed) this.log.add(event);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Called once at the end; returns how to take it back. */
  onClose(work: () => void): () => void {
    this.#onClose.add(work);
    return () => void this.#onClose.delete(work);
  }

  /** Ends all who listen. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const work of [...this.#onClose]) work();
    this.#onClose.clear();
  }

  #now(): number {
    return Math.round(this.#options.unixTime());
  }

  #begin(publishes: boolean, name: StreamName, { id }: SessionInfo): void {
    this.#began.add(id, { name, publishes, at: this.#options.clock.now() });
  }

  #lasted(publishes: boolean, name: StreamName, { id }: SessionInfo): number {
    const now = this.#options.clock.now();
    const began = this.#began.take(id, { name, publishes })?.at ?? now;
    return Math.max(0, Math.round(now - began));
  }
}

function nameOf({ vhost, app, stream }: StreamName): Names {
  return { vhost, app, stream };
}

function sessionOf(
  name: StreamName,
  { id, ip, type }: SessionInfo,
): Names & Pick<EventOf<'session_started'>, 'client_id' | 'ip' | 'kind'> {
  return { ...nameOf(name), client_id: id, ip, kind: type };
}
