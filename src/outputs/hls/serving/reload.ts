import type { LivePlaylist } from '../live-playlist.ts';
import type { PlaylistQuery } from './playlist-query.ts';

/** `wait`: what is asked for is not there yet. `far`: it will not be there soon, and waiting for it makes no sense. */
export type ReloadVerdict = 'now' | 'wait' | 'far';

/** Segments that a client may be ahead. Spec: bis, 6.2.5.2. */
const ADVANCE_SEGMENTS = 2;
/** A waiting request is answered after so many target durations. Spec: bis, 6.2.5.2. */
const WAIT_TARGETS = 3;

/** What becomes of a request for the playlist as it is now. Spec: bis, 6.2.5.2. */
export function judgeReload(
  query: Pick<PlaylistQuery, 'sequence' | 'part'>,
  live: Pick<LivePlaylist, 'playlist' | 'newest'>,
): ReloadVerdict {
  const { playlist, newest } = live;
  if (playlist === undefined) return 'wait';
  const { sequence, part } = query;
  if (sequence === undefined || playlist.endlist === true) return 'now';
  const last = newest.whole ? newest.sequence : newest.sequence - 1;
  if (sequence > last + ADVANCE_SEGMENTS) return 'far';
  const { partTargetMs } = playlist;
  if (part === undefined || partTargetMs === undefined) return last >= sequence ? 'now' : 'wait';
  if (sequence < newest.sequence) return 'now';
  const parts = sequence === newest.sequence ? newest.parts : 0;
  if (part < parts) return 'now';
  // A part behind the end of its segment is the first one of the next segment: always to come.
  if (sequence === newest.sequence && newest.whole) return 'wait';
  return part >= parts + advanceParts(partTargetMs) ? 'far' : 'wait';
}

/** The Advance Part Limit. */
function advanceParts(partTargetMs: number): number {
  return partTargetMs >= 1_000 ? 3 : Math.ceil(3_000 / Math.max(1, partTargetMs));
}

/** How long a request may wait, ms; `unknownMs` while there is no playlist that could tell. */
export function reloadTimeoutMs(live: Pick<LivePlaylist, 'playlist'>, unknownMs: number): number {
  const { playlist } = live;
  return playlist === undefined ? unknownMs : WAIT_TARGETS * 1_000 * playlist.targetDurationSec;
}
