import type { Undo } from '../../base/undo.ts';
import type { MediaPlaylist } from '../../containers/m3u8/index.ts';
import type { StreamName } from '../../hub/ports.ts';

/** What a master playlist tells of a stream; undefined = not known (yet). Spec: RFC 8216, 4.3.4.2. */
export interface VariantFacts {
  /** Peak of a segment, bits per second. */
  readonly bandwidth: number;
  readonly averageBandwidth: number;
  /** RFC 6381 names with commas between them. */
  readonly codecs: string | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** Frames per second. */
  readonly frameRate: number | undefined;
}

/** The media playlist of a live stream as those see it who hand it out. */
export interface LivePlaylist {
  readonly name: StreamName;
  /** As it is now; undefined before the first segment or part. Another object after each change. */
  readonly playlist: MediaPlaylist | undefined;
  readonly facts: VariantFacts;
  /** Unix ms of the last change. */
  readonly modifiedMs: number;
  /** Media sequence number of the newest segment that has at least one part, and how many parts it has. Spec: bis, 6.2.5.2. */
  readonly newest: { readonly sequence: number; readonly parts: number; readonly whole: boolean };
  /** Told after each change, and in the end. */
  subscribe(listener: () => void): Undo;
}
