import { ServerError } from '../../base/errors.ts';
import type { RtmpEnd } from './options.ts';

/**
 * The one end of a session, as a promise and a callback. The callback waits for `arm`: a session that ends while it is being
 * set up is told by the rejection of `publish` or `play`.
 */
export class Ending {
  readonly promise: Promise<RtmpEnd>;
  readonly #onEnd: ((end: RtmpEnd) => void) | undefined;
  #resolve: (end: RtmpEnd) => void = () => undefined;
  #end: RtmpEnd | undefined;
  #armed = false;

  constructor(onEnd: ((end: RtmpEnd) => void) | undefined) {
    this.#onEnd = onEnd;
    this.promise = new Promise((resolve) => (this.#resolve = resolve));
  }

  get end(): RtmpEnd | undefined {
    return this.#end;
  }

  /** What a call on an ended session gets. */
  get error(): ServerError {
    return this.#end?.error ?? new ServerError('SESSION_CLOSED', 'the session is closed');
  }

  set(end: RtmpEnd): void {
    this.#end = end;
    this.#resolve(end);
    if (this.#armed) this.#onEnd?.(end);
  }

  /** The caller has the session now. */
  arm(): void {
    this.#armed = true;
    if (this.#end !== undefined) this.#onEnd?.(this.#end);
  }
}
