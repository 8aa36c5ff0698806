import type { StreamName } from './ports.ts';

/**
 * What is wrong with a stream that is published: no keyframe for long, sound or picture that does not come any more, sound and
 * picture that come far apart, a rate that broke down, time that has to be repaired again and again.
 */
export type StreamProblem =
  | 'no_keyframe'
  | 'no_video'
  | 'no_audio'
  | 'silent_audio'
  | 'bad_interleave'
  | 'low_bitrate'
  | 'unsteady_time';

/** A problem that began, or is over. */
export interface StreamWarning {
  readonly name: StreamName;
  /** Id of the session that publishes. */
  readonly publisherId: string;
  readonly problem: StreamProblem;
  readonly active: boolean;
  /** For a person, with figures: `no keyframe for 12 s`. */
  readonly message: string;
  /** When it began, Unix ms. */
  readonly sinceMs: number;
}

/** Told of each beginning and end of a problem, also of the end that comes with the end of the publish. */
export interface HealthObserver {
  streamWarned?(warning: StreamWarning): void;
}
