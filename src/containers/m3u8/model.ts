/**
 * Playlists of HTTP Live Streaming as values. Spec: RFC 8216; draft-pantos-hls-rfc8216bis (`bis`) for low latency. Times are
 * milliseconds, and a playlist shows them with three decimals of a second.
 */

/** EXT-X-BYTERANGE and its attribute forms. Without an offset it continues where the range before it ended. */
export interface ByteRange {
  readonly length: number;
  readonly offset?: number;
}

/** EXT-X-KEY. Spec: RFC 8216, 4.3.2.4. */
export interface EncryptionKey {
  readonly method: 'NONE' | 'AES-128' | 'SAMPLE-AES' | 'SAMPLE-AES-CTR';
  readonly uri?: string;
  /** 32 hexadecimal digits. Left out: the media sequence number is the vector (5.2). */
  readonly iv?: string;
  readonly keyFormat?: string;
  readonly keyFormatVersions?: string;
}

/** EXT-X-MAP: where the header of fMP4 segments is. Spec: RFC 8216, 4.3.2.5. */
export interface MediaMap {
  readonly uri: string;
  readonly byteRange?: ByteRange;
  /** The key of its segment covers it too; else it is written outside of every key. @default false */
  readonly encrypted?: boolean;
}

/** EXT-X-PART. Spec: bis, 4.4.4.9. */
export interface PlaylistPart {
  readonly uri: string;
  readonly durationMs: number;
  /** Begins with a keyframe. */
  readonly independent?: boolean;
  readonly gap?: boolean;
  readonly byteRange?: ByteRange;
}

/** What stands in front of a segment's own line; a segment in progress has only this. */
export interface SegmentHead {
  /** Timestamps, codecs or tracks do not continue those of the segment before. Spec: RFC 8216, 4.3.2.3. */
  readonly discontinuity?: boolean;
  /** Holds for this segment; the writer repeats it only where it changes. */
  readonly key?: EncryptionKey;
  readonly map?: MediaMap;
  /** Wall clock of the first sample, ms since 1970. */
  readonly programDateTimeMs?: number;
  readonly parts?: readonly PlaylistPart[];
}

/** A media segment. */
export interface PlaylistSegment extends SegmentHead {
  readonly uri: string;
  readonly durationMs: number;
  readonly title?: string;
  readonly byteRange?: ByteRange;
  /** The segment is missing. Spec: bis, 4.4.4.7. */
  readonly gap?: boolean;
}

/** EXT-X-SERVER-CONTROL. Spec: bis, 4.4.3.8. */
export interface ServerControl {
  readonly canBlockReload?: boolean;
  /** Delta updates leave out what is older than this, at least six target durations. */
  readonly canSkipUntilMs?: number;
  readonly holdBackMs?: number;
  readonly partHoldBackMs?: number;
}

/** EXT-X-PRELOAD-HINT. Spec: bis, 4.4.5.3. */
export interface PreloadHint {
  readonly type: 'PART' | 'MAP';
  readonly uri: string;
  readonly byteRangeStart?: number;
  readonly byteRangeLength?: number;
}

/** EXT-X-RENDITION-REPORT: where another playlist of the same master is. Spec: bis, 4.4.5.4. */
export interface RenditionReport {
  readonly uri: string;
  readonly lastMsn: number;
  readonly lastPart?: number;
}

/** A media playlist. */
export interface MediaPlaylist {
  /** Read only: the writer computes it. */
  readonly version?: number;
  readonly targetDurationSec: number;
  /** Sequence number of the first segment, those that a delta update skips included. */
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly playlistType?: 'EVENT' | 'VOD';
  readonly independentSegments?: boolean;
  readonly endlist?: boolean;
  readonly serverControl?: ServerControl;
  /** EXT-X-PART-INF: no part is longer. */
  readonly partTargetMs?: number;
  /** Segments that EXT-X-SKIP stands for, in a delta update. */
  readonly skippedSegments?: number;
  readonly segments: readonly PlaylistSegment[];
  /** The segment in progress, of which only parts are there. */
  readonly partial?: SegmentHead;
  readonly preloadHints?: readonly PreloadHint[];
  readonly renditionReports?: readonly RenditionReport[];
}

/** EXT-X-STREAM-INF and its URI. Spec: RFC 8216, 4.3.4.2. */
export interface Variant {
  readonly uri: string;
  /** Peak, bits per second. */
  readonly bandwidth: number;
  readonly averageBandwidth?: number;
  /** RFC 6381 names with commas between them. */
  readonly codecs?: string;
  readonly resolution?: { readonly width: number; readonly height: number };
  /** Frames per second. */
  readonly frameRate?: number;
  /** GROUP-ID of its renditions. */
  readonly audio?: string;
  readonly video?: string;
  readonly subtitles?: string;
}

/** EXT-X-MEDIA. Spec: RFC 8216, 4.3.4.1. */
export interface Rendition {
  readonly type: 'AUDIO' | 'VIDEO' | 'SUBTITLES' | 'CLOSED-CAPTIONS';
  readonly groupId: string;
  readonly name: string;
  readonly uri?: string;
  readonly language?: string;
  readonly isDefault?: boolean;
  readonly autoselect?: boolean;
  readonly channels?: string;
}

/** A master playlist (in `bis`: multivariant playlist). */
export interface MasterPlaylist {
  /** Read only: the writer computes it. */
  readonly version?: number;
  readonly independentSegments?: boolean;
  readonly variants: readonly Variant[];
  readonly renditions?: readonly Rendition[];
}

/** Milliseconds as a playlist shows them. */
export function shownMs(ms: number): number {
  return Number.isFinite(ms) && ms > 0 ? Math.round(ms) : 0;
}

/** The least target duration that this segment allows. Spec: RFC 8216, 4.3.3.1: its EXTINF rounded to the nearest integer. */
export function leastTargetSec(durationMs: number): number {
  return Math.round(shownMs(durationMs) / 1000);
}
