import type { Logger } from '../base/logger.ts';
import type { Tally } from '../base/tally.ts';
import type { TimerWheel } from '../base/timer-wheel.ts';
import type { FeedServices } from './feed-source.ts';
import type { DescribeTrack } from './head-cache.ts';
import type { Playback, SessionInfo } from './ports.ts';

/** A viewer as the registry of sessions and the observers see it. */
export interface Watcher extends Playback {
  readonly request: { readonly session: SessionInfo };
}

/** What a stream needs of the hub. `Stream` is its own class. */
export interface StreamServices<Stream> extends FeedServices {
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
  /** The first media was handed to the viewer's socket. */
  playBegan(stream: Stream, viewer: Watcher): void;
  playEnded(stream: Stream, viewer: Watcher): void;
}
