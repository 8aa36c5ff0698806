import type { MediaPlaylist } from './model.ts';

/**
 * The delta update of a playlist: what lies before its skip boundary becomes one EXT-X-SKIP. Undefined when the playlist
 * offers no delta updates or nothing is that old; the full playlist is the answer then. Spec: bis, 6.2.5.1. Key and map of
 * the first segment that stays are told again, so that a player needs nothing of what was skipped.
 */
export function deltaUpdate(playlist: MediaPlaylist): MediaPlaylist | undefined {
  const skipUntilMs = playlist.serverControl?.canSkipUntilMs;
  if (skipUntilMs === undefined || playlist.endlist === true) return undefined;
  let behindMs = (playlist.partial?.parts ?? []).reduce((sum, part) => sum + part.durationMs, 0);
  let first = playlist.segments.length;
  // A segment is skipped when it ends before the boundary.
  while (first > 0 && behindMs < skipUntilMs) {
    first -= 1;
    behindMs += playlist.segments[first]?.durationMs ?? 0;
  }
  if (first === 0) return undefined;
  return { ...playlist, skippedSegments: first, segments: playlist.segments.slice(first) };
}
