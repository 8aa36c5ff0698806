import { describeError, type ServerError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Undo } from '../base/undo.ts';
import type { AttendRequest, Playback, PlaybackStats } from './ports.ts';

/** One viewer without a feed, as the observers see it: there is nothing to move but its end. */
class Attendance implements Playback {
  readonly request: AttendRequest;
  readonly #left: (attendance: Attendance) => void;
  #open = true;

  constructor(request: AttendRequest, left: (attendance: Attendance) => void) {
    this.request = request;
    this.#left = left;
  }

  get stats(): PlaybackStats {
    return this.request.stats;
  }

  drained(): void {}

  pause(): void {}

  resume(): void {}

  switchFormat(): void {}

  finish(): void {
    this.close();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#left(this);
  }
}

export type { Attendance };

export interface AttendancesOptions {
  readonly logger: Logger;
  started(attendance: Attendance): void;
  ended(attendance: Attendance): void;
}

/**
 * The viewers of one stream who fetch files that an output makes of it (HLS): counted, found by their session and told to the
 * observers like the others, but no reason for the stream to stay.
 */
export class Attendances {
  readonly #options: AttendancesOptions;
  readonly #all = new Set<Attendance>();

  constructor(options: AttendancesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Counts a viewer until the undo or the end. */
  add(request: AttendRequest): Undo {
    const attendance = new Attendance(request, (left) => {
      this.#all.delete(left);
      this.#options.ended(left);
    });
    this.#all.add(attendance);
    this.#options.started(attendance);
    return () => attendance.close();
  }

  /** The stream is over: each one's end. */
  end(): void {
    for (const attendance of [...this.#all]) {
      attendance.close();
      this.#guard(attendance, () => attendance.request.onEnd());
    }
  }

  /** Closes the sessions, and counts them no more even where that takes its time. Returns how many there were. */
  shut(reason: ServerError): number {
    const all = [...this.#all];
    for (const attendance of all) {
      this.#guard(attendance, () => attendance.request.session.close(reason));
      attendance.close();
    }
    return all.length;
  }

  #guard(attendance: Attendance, action: () => void): void {
    try {
      action();
    } catch (error) {
      const { id } = attendance.request.session;
      this.#options.logger.warn(`viewer ${id} could not be ended: ${describeError(error)}`);
    }
  }
}
