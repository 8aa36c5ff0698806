import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Clock } from '../../base/clock.ts';
import { ServerError } from '../../base/errors.ts';
import type { OutputFailed, OutputObserver, RecordingDone, SegmentWritten } from '../../hub/output-events.ts';
import type { AccessPolicy, SessionInfo, StreamName, StreamObserver } from '../../hub/ports.ts';

/** Bounds of a time that is told to people who wait, seconds. */
const WAITS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Bounds of how much media waits in the queue of a viewer, seconds. */
const QUEUES = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60];

/** Ends of sessions that are nobody's fault. */
const NORMAL_ENDS: ReadonlySet<string> = new Set([
  'SESSION_CLOSED',
  'SERVER_STOPPING',
  'SESSION_EXPIRED',
  'ACCESS_REDIRECTED',
]);

/** Viewers without a feed. */
const FETCHES = /^(?:hls|dash)-play$/;

/** Counts what happens, when it happens. Nothing is done per frame. */
export class EventMetrics implements StreamObserver, OutputObserver {
  readonly #clock: Clock;
  readonly #isLive: (name: StreamName) => boolean;
  /** When the viewers came who have got nothing yet, clock ms. */
  readonly #waiting = new Map<SessionInfo, number>();
  readonly #sessions: Counter<'type'>;
  readonly #refusals: Counter<'action' | 'code'>;
  readonly #segments: Counter<'output'>;
  readonly #recordings: Counter;
  readonly #recordedBytes: Counter;
  readonly #failures: Counter<'output' | 'code'>;
  readonly #calls: Counter<'event' | 'outcome'>;
  readonly #reloads: Counter<'outcome'>;
  readonly #reloadedAt: Gauge<'outcome'>;
  readonly #firstMedia: Histogram<'type'>;
  readonly #decisions: Histogram<'action'>;
  readonly #callTimes: Histogram<'event'>;
  readonly #queues: Histogram;
  /** Sessions that were let in, those that were refused, and those that did not end by themselves, since the start. */
  started = 0;
  refused = 0;
  failed = 0;

  /** `isLive`: somebody publishes the stream now. All metrics go into `registry`. */
  constructor(registry: Registry, clock: Clock, isLive: (name: StreamName) => boolean) {
    this.#clock = clock;
    this.#isLive = isLive;
    const registers = [registry];
    const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
      new Counter({ name, help, labelNames: [...labelNames], registers });
    const histogram = <L extends string>(
      name: string,
      help: string,
      labelNames: readonly L[],
      buckets: number[],
    ): Histogram<L> => new Histogram({ name, help, labelNames: [...labelNames], buckets, registers });
    this.#sessions = counter('srs_sessions_total', 'Sessions that began, by their type.', ['type']);
    this.#refusals = counter('srs_refusals_total', 'Clients that were refused, by the code of the error.', [
      'action',
      'code',
    ]);
    this.#segments = counter('srs_segments_total', 'Segments that were finished.', ['output']);
    this.#recordings = counter('srs_recordings_total', 'Recordings that were finished.', []);
    this.#recordedBytes = counter('srs_recorded_bytes_total', 'Bytes of finished recordings.', []);
    this.#failures = counter('srs_output_failures_total', 'Outputs that could not do their work.', [
      'output',
      'code',
    ]);
    this.#calls = counter('srs_callbacks_total', 'Calls of HTTP callbacks, by what came of them.', [
      'event',
      'outcome',
    ]);
    this.#reloads = counter('srs_reloads_total', 'Reloads of the configuration.', ['outcome']);
    this.#reloadedAt = new Gauge({
      name: 'srs_last_reload_timestamp_seconds',
      help: 'When the configuration was reloaded last, Unix time.',
      labelNames: ['outcome'],
      registers,
    });
    this.#firstMedia = histogram(
      'srs_first_media_seconds',
      'From the begin of a play to its first media, of streams that were live.',
      ['type'],
      WAITS,
    );
    this.#decisions = histogram(
      'srs_access_seconds',
      'How long a client waited for the decision whether it may.',
      ['action'],
      WAITS,
    );
    this.#callTimes = histogram('srs_callback_seconds', 'How long a call took.', ['event'], WAITS);
    this.#queues = histogram(
      'srs_viewer_queue_seconds',
      'Media in the queues of viewers, looked at every 5 s.',
      [],
      QUEUES,
    );
  }

  publishStarted(_name: StreamName, { type }: SessionInfo): void {
    this.#begin(type);
  }

  playStarted(name: StreamName, session: SessionInfo): void {
    this.#begin(session.type);
    // Who waits for a publisher does not wait for us; and of who fetches files the first media is never told.
    if (this.#isLive(name) && !FETCHES.test(session.type)) this.#waiting.set(session, this.#clock.now());
  }

  playBegan(_name: StreamName, session: SessionInfo): void {
    const since = this.#waiting.get(session);
    if (since === undefined) return;
    this.#waiting.delete(session);
    this.#firstMedia.observe({ type: session.type }, (this.#clock.now() - since) / 1_000);
  }

  publishEnded(_name: StreamName, session: SessionInfo): void {
    this.#end(session);
  }

  playEnded(_name: StreamName, session: SessionInfo): void {
    this.#waiting.delete(session);
    this.#end(session);
  }

  segmentDone(): void {
    this.#segments.inc({ output: 'hls' });
  }

  segmentWritten({ output }: SegmentWritten): void {
    this.#segments.inc({ output });
  }

  recordingDone({ bytes }: RecordingDone): void {
    this.#recordings.inc();
    this.#recordedBytes.inc(bytes);
  }

  outputFailed({ output, error }: OutputFailed): void {
    this.#failures.inc({ output, code: error.code });
  }

  /** A call of a callback: `outcome` is `accepted`, `refused`, `failed` or `invalid`. */
  called(event: string, outcome: string, ms: number): void {
    this.#calls.inc({ event, outcome });
    this.#callTimes.observe({ event }, ms / 1_000);
  }

  /** A reload is over; `atMs`: Unix ms. */
  reloaded(isOk: boolean, atMs: number): void {
    const outcome = isOk ? 'ok' : 'failed';
    this.#reloads.inc({ outcome });
    this.#reloadedAt.set({ outcome }, Math.round(atMs / 1_000));
  }

  /** Media in the queue of one viewer, ms. */
  queueSeen(ms: number): void {
    this.#queues.observe(ms / 1_000);
  }

  /** The same policy; how long it took and whom it refused is counted. */
  over(policy: AccessPolicy): AccessPolicy {
    return {
      check: async (request) => {
        const { action } = request;
        const began = this.#clock.now();
        try {
          return await policy.check(request);
        } catch (error) {
          this.refused += 1;
          this.#refusals.inc({ action, code: error instanceof ServerError ? error.code : 'INTERNAL' });
          throw error;
        } finally {
          this.#decisions.observe({ action }, (this.#clock.now() - began) / 1_000);
        }
      },
      protects: (vhost) => policy.protects?.(vhost) === true,
      settled: (session) => policy.settled?.(session),
    };
  }

  #end({ endReason }: SessionInfo): void {
    if (endReason !== undefined && !NORMAL_ENDS.has(endReason.code)) this.failed += 1;
  }

  #begin(type: string): void {
    this.started += 1;
    this.#sessions.inc({ type });
  }
}
