import type { StreamProblem } from '../../hub/health-events.ts';
import type { Pulse } from '../../hub/media-pulse.ts';
import type { StreamSnapshot } from '../../hub/ports.ts';
import { StillPicture } from './still-picture.ts';

/** [health] What of a vhost's streams is warned of; 0 switches one off. */
export interface HealthOptions {
  /** [no_keyframe] Pictures come, but none to begin with, for so long, ms. */
  readonly noKeyframeMs: number;
  /** [no_media] Sound or pictures, which were there, do not come for so long, ms. */
  readonly noMediaMs: number;
  /** [silent_audio] Sound is silence for so long, ms. */
  readonly silentAudioMs: number;
  /** [interleave] Sound and picture that come together are so far apart in stream time, ms. */
  readonly interleaveMs: number;
  /** [low_bitrate] The rate is below so many percent of what it usually is. */
  readonly lowBitratePercent: number;
  /** [unsteady_time] So many timestamps had to be repaired within half a minute. */
  readonly unsteadyRepairs: number;
}

/** An encoded frame of digital silence has at most so many bytes for each channel, whatever AAC or Opus encoder made it. */
const SILENT_BYTES_PER_CHANNEL = 10;
/** What is usual is known after so long, ms. */
const LEARN_MS = 30_000;
/**
 * How fast the usual rate follows the present one (time constant), ms; slower while it is low, so that a warning lasts, and the usual
 * size of pictures while they stand still.
 */
const FOLLOW_MS = 60_000;
const FOLLOW_LOW_MS = 600_000;
/** A low rate is no more low when it is above so much of the bound that it fell below. */
const RECOVERED = 1.5;
/** Window in which repairs of timestamps are counted, ms. */
const REPAIR_WINDOW_MS = 30_000;

type Finding = readonly [StreamProblem, string];

/** Looks at one publish from time to time and says what is wrong now. */
export class Detectors {
  readonly #beganAt: number;
  #frames = 0;
  #bytes = 0;
  #silentSince: number | undefined;
  #usualKbps: number | undefined;
  #isLow = false;
  readonly #picture = new StillPicture();
  #lookedAt: number;
  #repairs: number;
  /** When timestamps were repaired, and how many. */
  readonly #repaired: { readonly at: number; readonly count: number }[] = [];

  /** `repairs`: those of the stream before this publish. `now`: clock time, ms, as all times. */
  constructor(now: number, repairs: number) {
    this.#beganAt = now;
    this.#lookedAt = now;
    this.#repairs = repairs;
  }

  look(snapshot: StreamSnapshot, options: HealthOptions, now: number): readonly Finding[] {
    const findings: Finding[] = [];
    const { pulse } = snapshot;
    if (pulse === undefined) return findings;
    const add = (problem: StreamProblem, message: string | undefined): void => {
      if (message !== undefined) findings.push([problem, message]);
    };
    const sinceVideo = pulse.videoAt === undefined ? 0 : now - pulse.videoAt;
    const sinceAudio = pulse.audioAt === undefined ? 0 : now - pulse.audioAt;
    const limit = options.noMediaMs;
    const isGone = (since: number): boolean => limit > 0 && since > limit;
    if (isGone(sinceVideo)) add('no_video', `no picture for ${seconds(sinceVideo)} s`);
    else if (pulse.videoAt !== undefined) add('no_keyframe', this.#keyframe(pulse.keyframeAt, options, now));
    if (isGone(sinceAudio)) add('no_audio', `no sound for ${seconds(sinceAudio)} s`);
    else add('silent_audio', this.#silence(snapshot, pulse.audioBytes, options, now));
    if (options.interleaveMs > 0 && pulse.interleaveMs > options.interleaveMs) {
      const apart = pulse.interleaveMs;
      add('bad_interleave', `sound and picture that come together are up to ${apart} ms apart`);
    }
    add('low_bitrate', this.#rate(snapshot.receivedKbps, pulse, options, now));
    add('unsteady_time', this.#time(snapshot.timelineRepairs, options, now));
    this.#lookedAt = now;
    return findings;
  }

  #keyframe(last: number | undefined, { noKeyframeMs }: HealthOptions, now: number): string | undefined {
    const since = now - (last ?? this.#beganAt);
    return noKeyframeMs > 0 && since > noKeyframeMs ? `no keyframe for ${seconds(since)} s` : undefined;
  }

  #silence(
    { audio, audioFrames }: StreamSnapshot,
    bytes: number,
    { silentAudioMs }: HealthOptions,
    now: number,
  ): string | undefined {
    const frames = audioFrames - this.#frames;
    const mean = frames > 0 ? (bytes - this.#bytes) / frames : undefined;
    this.#frames = audioFrames;
    this.#bytes = bytes;
    // The frames of other codecs are as large as the sound is long.
    const isTold = audio?.codec === 'aac' || audio?.codec === 'opus';
    if (mean === undefined || !isTold || mean > SILENT_BYTES_PER_CHANNEL * (audio.channels ?? 1)) {
      this.#silentSince = undefined;
      return undefined;
    }
    this.#silentSince ??= this.#lookedAt;
    const since = now - this.#silentSince;
    return silentAudioMs > 0 && since > silentAudioMs
      ? `the sound is silence for ${seconds(since)} s`
      : undefined;
  }

  #rate(kbps: number, pulse: Pulse, { lowBitratePercent }: HealthOptions, now: number): string | undefined {
    const passed = now - this.#lookedAt;
    const isStill = this.#picture.look(pulse);
    if (now - this.#beganAt < LEARN_MS / 2) return undefined; // The rate is an average of seconds.
    const usual = (this.#usualKbps ??= kbps);
    const bound = (usual * lowBitratePercent) / 100;
    this.#isLow =
      lowBitratePercent > 0 &&
      now - this.#beganAt >= LEARN_MS &&
      !isStill &&
      kbps < (this.#isLow ? Math.min(bound * RECOVERED, usual) : bound);
    const follow = 1 - Math.exp(-passed / (this.#isLow ? FOLLOW_LOW_MS : FOLLOW_MS));
    this.#usualKbps = usual + (kbps - usual) * follow;
    this.#picture.follow(pulse, isStill ? 1 - Math.exp(-passed / FOLLOW_LOW_MS) : follow);
    return this.#isLow ? `${kbps} kbit/s, where ${Math.round(usual)} kbit/s are usual` : undefined;
  }

  #time(repairs: number, { unsteadyRepairs }: HealthOptions, now: number): string | undefined {
    const count = repairs - this.#repairs;
    this.#repairs = repairs;
    const list = this.#repaired;
    if (count > 0) list.push({ at: now, count });
    while (list[0] !== undefined && now - list[0].at > REPAIR_WINDOW_MS) list.shift();
    const sum = list.reduce((all, one) => all + one.count, 0);
    return unsteadyRepairs > 0 && sum >= unsteadyRepairs
      ? `${sum} timestamps were repaired in ${REPAIR_WINDOW_MS / 1_000} s`
      : undefined;
  }
}

function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}
