import { ServerError } from '../base/errors.ts';
import type { TimerWheel } from '../base/timer-wheel.ts';
import { once, type Undo } from '../base/undo.ts';
import type { AccessGrant } from './ports.ts';

/** Between two looks at the counter of a session whose rate is limited, ms. */
export const RATE_LOOK_MS = 5_000;
/**
 * So many looks in a row must find too much: what a joiner gets at once (a whole group of pictures), and what an encoder sends
 * after a pause, is over in one.
 */
export const RATE_LOOKS = 2;

export interface LimitedSession {
  readonly wheel: TimerWheel;
  /** Bytes that it carried so far: a counter that exists anyway. */
  bytes(): number;
  /** The session is to end. Called at most once. */
  end(reason: ServerError): void;
}

/**
 * Ends a session when what it was granted is used up: SESSION_EXPIRED after `durationMs`, BITRATE_EXCEEDED when it carries more
 * than `maxKbps` for RATE_LOOKS times RATE_LOOK_MS. Times count from now. Costs nothing per frame, and nothing at all without
 * limits. The undo is to be called when the session ends.
 */
export function limitSession(grant: AccessGrant | undefined, session: LimitedSession): Undo {
  const { durationMs, maxKbps } = grant ?? {};
  if (durationMs === undefined && maxKbps === undefined) return nothing;
  const undos: Undo[] = [];
  const stop = once(() => {
    for (const undo of undos) undo();
  });
  const end = (reason: ServerError): void => {
    stop();
    session.end(reason);
  };
  if (durationMs !== undefined) {
    const deadline = session.wheel.deadline(durationMs, () => end(expired(durationMs)));
    undos.push(() => deadline.cancel());
  }
  if (maxKbps !== undefined) undos.push(watchRate(maxKbps, session, end));
  return stop;
}

function watchRate(maxKbps: number, session: LimitedSession, end: (reason: ServerError) => void): Undo {
  const { wheel } = session;
  let deadline = wheel.deadline(RATE_LOOK_MS, look);
  let since = wheel.coarseNow;
  let bytes = session.bytes();
  let tooMuch = 0;
  function look(): void {
    const now = wheel.coarseNow;
    const total = session.bytes();
    const kbps = ((total - bytes) * 8) / Math.max(1, now - since);
    since = now;
    bytes = total;
    tooMuch = kbps > maxKbps ? tooMuch + 1 : 0;
    if (tooMuch >= RATE_LOOKS) end(tooFast(kbps, maxKbps));
    else deadline = wheel.deadline(RATE_LOOK_MS, look);
  }
  return () => deadline.cancel();
}

function nothing(): void {
  // There was no limit.
}

function expired(durationMs: number): ServerError {
  return new ServerError('SESSION_EXPIRED', `the granted ${Math.round(durationMs / 1000)} s are over`);
}

function tooFast(kbps: number, maxKbps: number): ServerError {
  return new ServerError(
    'BITRATE_EXCEEDED',
    `${Math.round(kbps)} kbit/s are more than the granted ${maxKbps}`,
  );
}
