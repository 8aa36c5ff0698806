import type { MediaPlaylist, PlaylistSegment } from '../../containers/m3u8/index.ts';

/** What the disk has: nobody there waits for parts, and what it lost is a gap that players leave out. Spec: bis, 4.4.4.7. */
export function asOnDisk(playlist: MediaPlaylist, lost: ReadonlySet<string>): MediaPlaylist {
  if (playlist.partTargetMs === undefined && lost.size === 0) return playlist;
  const { targetDurationSec, mediaSequence, discontinuitySequence, independentSegments, endlist } = playlist;
  return {
    targetDurationSec,
    mediaSequence,
    discontinuitySequence,
    ...(independentSegments === true ? { independentSegments } : {}),
    ...(endlist === true ? { endlist } : {}),
    segments: playlist.segments.map((segment) => {
      const whole: { -readonly [Key in keyof PlaylistSegment]: PlaylistSegment[Key] } = { ...segment };
      delete whole.parts;
      return lost.has(segment.uri) ? { ...whole, gap: true } : whole;
    }),
  };
}
