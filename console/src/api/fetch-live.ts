import type { LiveAnswer } from './live.ts';

const FETCH_TIMEOUT_MS = 5000;

/** Asks the server what is live. Relative, so that a sub-path of a reverse proxy is kept. Rejects when it cannot tell. */
export async function fetchLive(): Promise<LiveAnswer> {
  const response = await fetch('live.json', {
    cache: 'no-store',
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const answer = (await response.json()) as Partial<LiveAnswer> | undefined;
  // A reverse proxy may answer with something else entirely: take only what has the right shape.
  if (typeof answer?.server !== 'object' || !Array.isArray(answer.streams))
    throw new Error('not a live.json');
  return { server: answer.server, streams: answer.streams };
}
