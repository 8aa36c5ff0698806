import { describeError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { Tally } from '../base/tally.ts';
import type { OutputFailed, OutputObserver, RecordingDone, SegmentDone } from '../hub/output-events.ts';
import { streamKey } from '../hub/ports.ts';

/** Counts and logs what outputs that make files could not do, and tells all observers what they did. */
export class OutputWatch implements Required<OutputObserver> {
  /** What outputs could not do. */
  readonly failures = new Tally();
  /** Errors that observers threw. */
  readonly observerErrors = new Tally();
  readonly #logger: Logger;
  readonly #observers: readonly OutputObserver[];

  constructor(logger: Logger, observers: readonly OutputObserver[]) {
    this.#logger = logger;
    this.#observers = observers;
  }

  segmentDone(event: SegmentDone): void {
    this.#tell((observer) => observer.segmentDone?.(event));
  }

  recordingDone(event: RecordingDone): void {
    this.#tell((observer) => observer.recordingDone?.(event));
  }

  outputFailed(event: OutputFailed): void {
    const { output, name, session, error, then } = event;
    this.failures.add(`${output} of ${streamKey(name)}: ${error.code}`);
    const logger = session === undefined ? this.#logger : this.#logger.child({ session: session.id });
    const outlook = then === 'stops' ? 'stops until the next publish' : 'goes on';
    logger.error(`${output} of ${streamKey(name)} failed and ${outlook}: ${describeError(error)}`);
    this.#tell((observer) => observer.outputFailed?.(event));
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
