import type { Clock } from '../../base/clock.ts';
import { ServerError } from '../../base/errors.ts';
import type { Undo } from '../../base/undo.ts';
import type {
  AccessGrant,
  AccessPolicy,
  LiveStream,
  Playback,
  SessionInfo,
  StreamName,
  StreamObserver,
} from '../../hub/ports.ts';

/** How often sessions with a limit are looked at, ms. */
const LOOK_MS = 1_000;
/** A rate is that of so long, ms. */
const RATE_MS = 5_000;
/**
 * So many rates in a row must be too high: what a joiner gets at once (a whole group of pictures), and what an encoder sends after
 * a pause, is over in one.
 */
const RATES = 2;

/** A session that goes on for a time, or with a rate. */
interface Limited {
  readonly session: SessionInfo;
  readonly bytes: () => number;
  /** Clock ms. */
  readonly endsAt: number;
  readonly maxKbps: number;
  rateSince: number;
  rateBytes: number;
  /** Rates in a row that were too high. */
  tooHigh: number;
}

/**
 * Ends sessions whose granted time is over, or that carry more than was granted. It reads counters that are there anyway, once a
 * second, of the sessions with a limit alone.
 */
export class GrantedLimits implements StreamObserver {
  readonly #clock: Clock;
  /** Granted, and not begun. By session id. */
  readonly #granted = new Map<string, AccessGrant>();
  readonly #limited = new Map<SessionInfo, Limited>();
  #stop: Undo | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sessions that have a limit. */
  get size(): number {
    return this.#limited.size + this.#granted.size;
  }

  /** The same policy; who is let in by it is held to what it grants. */
  over(policy: AccessPolicy): AccessPolicy {
    return {
      check: async (request) => {
        const grant = await policy.check(request);
        const isLimited = grant?.durationMs !== undefined || grant?.maxKbps !== undefined;
        if (isLimited && grant.redirect === undefined && request.action !== 'connect')
          this.#granted.set(request.session.id, grant);
        return grant;
      },
      protects: (vhost) => policy.protects?.(vhost) === true,
      settled: (session) => {
        this.#granted.delete(session.id);
        policy.settled?.(session);
      },
    };
  }

  publishStarted(_name: StreamName, session: SessionInfo, stream: LiveStream): void {
    this.#begin(session, () => stream.snapshot().receivedBytes);
  }

  publishEnded(_name: StreamName, session: SessionInfo): void {
    this.#end(session);
  }

  playStarted(_name: StreamName, session: SessionInfo, playback: Playback): void {
    this.#begin(session, () => playback.stats.sentBytes);
  }

  playEnded(_name: StreamName, session: SessionInfo): void {
    this.#end(session);
  }

  #begin(session: SessionInfo, bytes: () => number): void {
    const grant = this.#granted.get(session.id);
    if (grant === undefined) return;
    this.#granted.delete(session.id);
    const now = this.#clock.now();
    this.#limited.set(session, {
      session,
      bytes,
      endsAt: now + (grant.durationMs ?? Infinity),
      maxKbps: grant.maxKbps ?? Infinity,
      rateSince: now,
      rateBytes: bytes(),
      tooHigh: 0,
    });
    this.#stop ??= this.#clock.every(LOOK_MS, () => this.#look());
  }

  #end(session: SessionInfo): void {
    this.#limited.delete(session);
    if (this.#limited.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }

  #look(): void {
    const now = this.#clock.now();
    for (const limited of [...this.#limited.values()]) {
      const excess = excessOf(limited, now);
      if (excess !== undefined) limited.session.close(excess);
    }
  }
}

function excessOf(limited: Limited, now: number): ServerError | undefined {
  if (now >= limited.endsAt) return new ServerError('SESSION_EXPIRED', 'the time that was granted is over');
  const passed = now - limited.rateSince;
  if (passed < RATE_MS || limited.maxKbps === Infinity) return undefined;
  const bytes = limited.bytes();
  const kbps = ((bytes - limited.rateBytes) * 8) / passed;
  limited.rateSince = now;
  limited.rateBytes = bytes;
  limited.tooHigh = kbps > limited.maxKbps ? limited.tooHigh + 1 : 0;
  if (limited.tooHigh < RATES) return undefined;
  return new ServerError(
    'BITRATE_EXCEEDED',
    `${Math.round(kbps)} kbit/s are more than the ${limited.maxKbps} that were granted`,
  );
}
