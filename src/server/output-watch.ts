import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { Tally } from '../base/tally.ts';
import type {
  OutputFailed,
  OutputObserver,
  RecordingDone,
  SegmentDone,
  SegmentWritten,
} from '../hub/output-events.ts';
import { streamKey } from '../hub/ports.ts';

/** A disk that stays full fails every segment of every stream: the log hears of each stream once in so long, ms. */
const REPEAT_MS = 60_000;
/** Failures that are remembered for that; beyond it the oldest is told again. */
const MAX_TOLD_FAILURES = 10_000;

interface Told {
  at: number;
  /** How many of the same came since. */
  since: number;
}

/** Counts and logs what outputs that make files could not do, and tells all observers what they did. */
export class OutputWatch implements Required<OutputObserver> {
  /** What outputs could not do. */
  readonly failures = new Tally();
  /** Errors that observers threw. */
  readonly observerErrors = new Tally();
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #observers: readonly OutputObserver[];
  /** By output, stream and code; the one that was told last is the last. */
  readonly #told = new Map<string, Told>();

  constructor(clock: Clock, logger: Logger, observers: readonly OutputObserver[]) {
    this.#clock = clock;
    this.#logger = logger;
    this.#observers = observers;
  }

  segmentDone(event: SegmentDone): void {
    this.#tell((observer) => observer.segmentDone?.(event));
  }

  segmentWritten(event: SegmentWritten): void {
    this.#tell((observer) => observer.segmentWritten?.(event));
  }

  recordingDone(event: RecordingDone): void {
    this.#tell((observer) => observer.recordingDone?.(event));
  }

  outputFailed(event: OutputFailed): void {
    const what = `${event.output} of ${streamKey(event.name)}`;
    this.failures.add(`${what}: ${event.error.code}`);
    const more = this.#isDue(event);
    if (more !== undefined) {
      const { session, error, then } = event;
      const logger = session === undefined ? this.#logger : this.#logger.child({ session: session.id });
      const outlook = then === 'stops' ? 'stops until the next publish' : 'goes on';
      const before = more === 0 ? '' : ` (${more} more like it since the last line)`;
      logger.error(`${what} failed and ${outlook}: ${describeError(error)}${before}`);
    }
    this.#tell((observer) => observer.outputFailed?.(event));
  }

  /** How many of the same were kept quiet when it is time for a line; else undefined. Who stops is always told. */
  #isDue({ output, name, error, then }: OutputFailed): number | undefined {
    const key = `${output} ${error.code} ${streamKey(name)}`;
    const now = this.#clock.now();
    const told = this.#told.get(key);
    if (told !== undefined && then === 'continues' && now - told.at < REPEAT_MS) {
      told.since += 1;
      return undefined;
    }
    this.#told.delete(key);
    this.#told.set(key, { at: now, since: 0 });
    for (const oldest of this.#told.keys()) {
      if (this.#told.size <= MAX_TOLD_FAILURES) break;
      this.#told.delete(oldest);
    }
    return told?.since ?? 0;
  }

  #tell(call: (observer: OutputObserver) => void): void {
    for (const observer of this.#observers) {
      try {
        call(observer);
      } catch (error) {
        this.observerErrors.add(describeError(error));
        this.#logger.warn(`an observer of outputs failed: ${describeError(error)}`);
      }
    }
  }
}
