import type { Clock } from '../../base/clock.ts';
import type { Deadline, TimerWheel } from '../../base/timer-wheel.ts';
import type { RtmpLink } from '../../protocols/rtmp/index.ts';

/** From the beginning of a role to the first question: the answer should not wait behind what a joiner gets first, ms. */
const FIRST_MS = 3_000;
/** Between two questions, ms. */
const PERIOD_MS = 60_000;

/**
 * The round trip to a peer that publishes or plays, by ping requests (RTMP 1.0, 7.1.7). The answer of a viewer comes behind what
 * is on its way to it, so its round trip has the wait in queues in it, ours and the kernel's.
 */
export class RttProbe {
  readonly #clock: Clock;
  readonly #wheel: TimerWheel;
  readonly #link: Pick<RtmpLink, 'ping'>;
  #deadline: Deadline | undefined;
  #asked: { readonly timestamp: number; readonly at: number } | undefined;
  #rttMs: number | undefined;

  constructor(clock: Clock, wheel: TimerWheel, link: Pick<RtmpLink, 'ping'>) {
    this.#clock = clock;
    this.#wheel = wheel;
    this.#link = link;
  }

  /** Of the last answer, ms; undefined before the first. While an answer is late, at least as long as it has been. */
  get rttMs(): number | undefined {
    if (this.#asked === undefined) return this.#rttMs;
    const waited = this.#clock.now() - this.#asked.at;
    return this.#rttMs === undefined ? undefined : Math.max(this.#rttMs, waited);
  }

  /** Asks from now on. */
  start(): void {
    this.stop();
    this.#deadline = this.#wheel.deadline(FIRST_MS, () => this.#ask());
  }

  /** A ping response came. */
  answered(timestamp: number): void {
    const asked = this.#asked;
    if (asked?.timestamp !== timestamp) return;
    this.#asked = undefined;
    this.#rttMs = this.#clock.now() - asked.at;
  }

  /** Asks no more. Idempotent. */
  stop(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
    this.#asked = undefined;
    this.#rttMs = undefined;
  }

  #ask(): void {
    this.#deadline = this.#wheel.deadline(PERIOD_MS, () => this.#ask());
    if (this.#asked !== undefined && this.#rttMs !== undefined) return; // It is late: its age is told.
    const at = this.#clock.now();
    const timestamp = Math.floor(at) >>> 0;
    this.#asked = { timestamp, at };
    this.#link.ping(timestamp);
  }
}
