import type { Clock } from '../../base/clock.ts';
import { describeError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Undo } from '../../base/undo.ts';
import type { HealthObserver, StreamProblem, StreamWarning } from '../../hub/health-events.ts';
import {
  streamKey,
  type LiveStream,
  type SessionInfo,
  type StreamName,
  type StreamObserver,
} from '../../hub/ports.ts';
import { Detectors, type HealthOptions } from './detectors.ts';

export interface StreamHealthDeps {
  readonly clock: Clock;
  /** Unix ms. */
  readonly unixTime: () => number;
  readonly logger: Logger;
  /** What a vhost says now; undefined = nothing is warned of. */
  options(vhost: string): HealthOptions | undefined;
  readonly observers: readonly HealthObserver[];
}

/** How often each stream is looked at, ms. */
const LOOK_MS = 2_000;
/** A problem is over when it was not seen for so long, and may then be told again: one that comes and goes is one problem. */
const OVER_MS = 10_000;

/** A problem of a stream, and when it was seen last. */
interface Seen {
  warning: StreamWarning;
  seenAt: number;
}

interface Watched {
  readonly name: StreamName;
  readonly session: SessionInfo;
  readonly stream: LiveStream;
  readonly detectors: Detectors;
  readonly problems: Map<StreamProblem, Seen>;
}

/** Looks at what publishers send and warns of what viewers would notice: as log lines, to observers, and for the API. */
export class StreamHealth implements StreamObserver {
  readonly #deps: StreamHealthDeps;
  readonly #watched = new Map<string, Watched>();
  readonly #stop: Undo;

  constructor(deps: StreamHealthDeps) {
    this.#deps = deps;
    this.#stop = deps.clock.every(LOOK_MS, () => this.#look());
  }

  /** What is wrong with a stream now. */
  warnings(name: StreamName): readonly StreamWarning[] {
    const watched = this.#watched.get(streamKey(name));
    return watched === undefined ? [] : [...watched.problems.values()].map(({ warning }) => warning);
  }

  /** What is wrong with all streams. */
  get active(): readonly StreamWarning[] {
    return [...this.#watched.values()].flatMap(({ problems }) =>
      [...problems.values()].map(({ warning }) => warning),
    );
  }

  publishStarted(name: StreamName, session: SessionInfo, stream: LiveStream): void {
    const detectors = new Detectors(this.#deps.clock.now(), stream.snapshot().timelineRepairs);
    this.#watched.set(streamKey(name), { name, session, stream, detectors, problems: new Map() });
  }

  publishEnded(name: StreamName, session: SessionInfo): void {
    const watched = this.#watched.get(streamKey(name));
    if (watched?.session !== session) return;
    this.#watched.delete(streamKey(name));
    for (const seen of watched.problems.values()) this.#tell({ ...seen.warning, active: false });
  }

  /** Stops looking. Idempotent. */
  close(): void {
    this.#stop();
    this.#watched.clear();
  }

  #look(): void {
    const now = this.#deps.clock.now();
    for (const watched of this.#watched.values()) this.#lookAt(watched, now);
  }

  #lookAt(watched: Watched, now: number): void {
    const { name, session, stream, detectors, problems } = watched;
    const options = this.#deps.options(name.vhost);
    const findings = options === undefined ? [] : detectors.look(stream.snapshot(), options, now);
    for (const [problem, message] of findings) {
      const seen = problems.get(problem);
      if (seen !== undefined) {
        seen.warning = { ...seen.warning, message };
        seen.seenAt = now;
        continue;
      }
      const sinceMs = this.#deps.unixTime();
      const warning = { name, publisherId: session.id, problem, active: true, message, sinceMs };
      problems.set(problem, { warning, seenAt: now });
      this.#tell(warning);
    }
    for (const [problem, { warning, seenAt }] of problems) {
      if (options !== undefined && now - seenAt < OVER_MS) continue;
      problems.delete(problem);
      this.#tell({ ...warning, active: false });
    }
  }

  #tell(warning: StreamWarning): void {
    const { logger, observers } = this.#deps;
    const { name, publisherId, problem, active, message } = warning;
    const log = logger.child({ session: publisherId, stream: streamKey(name), component: 'health' });
    if (active) log.warn(`${problem}: ${message}`);
    else log.info(`${problem} is over`);
    for (const observer of observers) {
      try {
        observer.streamWarned?.(warning);
      } catch (error) {
        log.warn(`an observer of warnings failed: ${describeError(error)}`);
      }
    }
  }
}
