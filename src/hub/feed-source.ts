import type { Clock } from '../base/clock.ts';
import type { Frame } from '../media/frame.ts';
import type { FlushScheduler } from './flush-scheduler.ts';
import type { GopCache } from './gop-cache.ts';
import type { MergeGovernor } from './merge-governor.ts';
import type { StreamOptions } from './ports.ts';

/** What a feed reads of its stream. */
export interface FeedSource {
  readonly options: StreamOptions;
  /** A publisher is here. */
  readonly isLive: boolean;
  /** It is known which tracks the stream has. */
  readonly isSettled: boolean;
  readonly hasVideo: boolean;
  readonly hasAudio: boolean;
  readonly gop: GopCache;
  /** The newest sound, as far as it is cached. */
  readonly cachedSound: readonly Frame[];
  /** Metadata and config records, in the order in which they go out. */
  readonly head: readonly Frame[];
  /** Changes whenever `head` does. */
  readonly headGeneration: number;
  /** Times stay as they are (jitter off, ATC): the base of every viewer is 0. */
  readonly absoluteTime: boolean;
  /** Counts the publishers of the stream: times of different ones cannot be compared where they stay as they are. */
  readonly publication: number;
  /** The last access unit of each kind of this publish. */
  readonly lastVideo: Frame | undefined;
  readonly lastAudio: Frame | undefined;
}

export interface FeedServices {
  readonly clock: Clock;
  readonly scheduler: FlushScheduler;
  readonly governor: MergeGovernor;
}
