import type { Logger } from '../base/logger.ts';
import type { Tally } from '../base/tally.ts';
import type { TimerWheel } from '../base/timer-wheel.ts';
import type { FeedServices } from './feed-source.ts';
import type { DescribeTrack } from './head-cache.ts';

/** What a stream needs of the hub. `Stream` and `Watcher` are its own class and that of its viewers. */
export interface StreamServices<Stream, Watcher> extends FeedServices {
  readonly logger: Logger;
  readonly wheel: TimerWheel;
  /** Errors that taps threw. */
  readonly tapErrors: Tally;
  readonly describeTrack: DescribeTrack;
  /** Wall clock, Unix ms. */
  readonly unixTime: () => number;
  /** Puts the stream (back) into the registry, or says which one has its name now. */
  register(stream: Stream): Stream;
  /** Nobody is left: forget the stream. */
  forget(stream: Stream): void;
  playStarted(stream: Stream, viewer: Watcher): void;
  playEnded(stream: Stream, viewer: Watcher): void;
}
