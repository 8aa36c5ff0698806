/** What a file is to HTTP caches and players, by the end of its name. */
export interface FileKind {
  /** `Content-Type`; undefined = the usual one of the name. */
  readonly type: string | undefined;
  readonly cacheControl: string;
  /** A text that is written anew again and again while a stream is live. */
  readonly isPlaylist: boolean;
}

/**
 * How long caches may keep a segment, s. Longer than any window of a live playlist; not for ever, since a server that begins to
 * count anew uses a name again.
 */
export const SEGMENT_MAX_AGE_S = 3_600;

const FRESH = 'no-cache';
const SEGMENT = `public, max-age=${SEGMENT_MAX_AGE_S}`;
/** May be shown from a cache after the server said that nothing has changed. */
const CHECKED = 'public, max-age=0';
const NEVER = 'no-store';

/** Registered types where there are some (RFC 8216, 10; RFC 9559; ISO/IEC 23009-1, annex C), else those that players expect. */
const KINDS: ReadonlyMap<string, FileKind> = new Map(
  [
    ['m3u8', 'application/vnd.apple.mpegurl', FRESH, true] as const,
    ['mpd', 'application/dash+xml', FRESH, true] as const,
    ['f4m', 'application/f4m+xml', FRESH, true] as const,
    ['ts', 'video/mp2t', SEGMENT, false] as const,
    ['m4s', 'video/iso.segment', SEGMENT, false] as const,
    ['key', 'application/octet-stream', NEVER, false] as const,
    ['mp4', 'video/mp4', CHECKED, false] as const,
    ['m4v', 'video/mp4', CHECKED, false] as const,
    ['m4a', 'audio/mp4', CHECKED, false] as const,
    ['flv', 'video/x-flv', CHECKED, false] as const,
    ['aac', 'audio/aac', CHECKED, false] as const,
    ['mp3', 'audio/mpeg', CHECKED, false] as const,
    ['vtt', 'text/vtt; charset=utf-8', CHECKED, false] as const,
  ].map(([end, type, cacheControl, isPlaylist]) => [end, { type, cacheControl, isPlaylist }]),
);
const OTHER: FileKind = { type: undefined, cacheControl: CHECKED, isPlaylist: false };

/** @param path Of a file, with `/`. */
export function fileKind(path: string): FileKind {
  const dot = path.lastIndexOf('.');
  return KINDS.get(path.slice(dot + 1).toLowerCase()) ?? OTHER;
}

/** `Cache-Control` of a file that is not for everybody: shared caches leave it alone. */
export function forOne(cacheControl: string): string {
  return cacheControl.replace('public', 'private');
}
