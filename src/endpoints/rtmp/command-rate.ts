import type { Clock } from '../../base/clock.ts';
import { ServerError } from '../../base/errors.ts';

/** Commands that one connection may send within COMMAND_WINDOW_MS. Players that switch streams send some ten a second. */
export const MAX_COMMANDS_PER_WINDOW = 2_000;
const COMMAND_WINDOW_MS = 10_000;

/** A peer that also reads its answers costs no memory, but each command costs time that belongs to others. */
export class CommandRate {
  readonly #clock: Clock;
  #commands = 0;
  #countedFrom = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One more command. Throws RTMP_FLOOD above the limit. */
  count(): void {
    const now = this.#clock.now();
    if (now - this.#countedFrom > COMMAND_WINDOW_MS) {
      this.#countedFrom = now;
      this.#commands = 0;
    }
    this.#commands += 1;
    if (this.#commands > MAX_COMMANDS_PER_WINDOW) {
      throw new ServerError(
        'RTMP_FLOOD',
        `more than ${MAX_COMMANDS_PER_WINDOW} commands in ${COMMAND_WINDOW_MS} ms`,
      );
    }
  }
}
