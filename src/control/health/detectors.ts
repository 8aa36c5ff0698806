import type { StreamProblem } from '../../hub/health-events.ts';
import type { StreamSnapshot } from '../../hub/ports.ts';
import { UsualRate } from './usual-rate.ts';

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
/** Window in which repairs of timestamps are counted, ms. */
const REPAIR_WINDOW_MS = 30_000;

type Finding = readonly [StreamProblem, string];

/** Looks at one publish from time to time and says what is wrong now. */
export class Detectors {
  readonly #beganAt: number;
  #frames = 0;
  #bytes = 0;
  #silentSince: number | undefined;
  readonly #rate: UsualRate;
  #lookedAt: number;
  #repairs: number;
  /** When timestamps were repaired, and how many. */
  readonly #repaired: { readonly at: number; readonly count: number }[] = [];

  /** `repairs`: those of the stream before this publish. `now`: clock time, ms, as all times. */
  constructor(now: number, repairs: number) {
    this.#beganAt = now;
    this.#rate = new UsualRate(now);
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
    const audioKbps = this.#sound(snapshot, pulse.audioBytes, now);
    const sinceVideo = pulse.videoAt === undefined ? 0 : now - pulse.videoAt;
    const sinceAudio = pulse.audioAt === undefined ? 0 : now - pulse.audioAt;
    const limit = options.noMediaMs;
    const isGone = (since: number): boolean => limit > 0 && since > limit;
    if (isGone(sinceVideo)) add('no_video', `no picture for ${seconds(sinceVideo)} s`);
    else if (pulse.videoAt !== undefined) add('no_keyframe', this.#keyframe(pulse.keyframeAt, options, now));
    if (isGone(sinceAudio)) add('no_audio', `no sound for ${seconds(sinceAudio)} s`);
    else add('silent_audio', this.#silence(options, now));
    if (options.interleaveMs > 0 && pulse.interleaveMs > options.interleaveMs) {
      const apart = pulse.interleaveMs;
      add('bad_interleave', `sound and picture that come together are up to ${apart} ms apart`);
    }
    const isSilent = this.#silentSince !== undefined;
    const rate = { kbps: snapshot.receivedKbps, audioKbps, isSilent, pulse, now };
    add('low_bitrate', this.#rate.look(rate, options.lowBitratePercent));
    add('unsteady_time', this.#time(snapshot.timelineRepairs, options, now));
    this.#lookedAt = now;
    return findings;
  }

  #keyframe(last: number | undefined, { noKeyframeMs }: HealthOptions, now: number): string | undefined {
    const since = now - (last ?? this.#beganAt);
    return noKeyframeMs > 0 && since > noKeyframeMs ? `no keyframe for ${seconds(since)} s` : undefined;
  }

  /** Looks whether the sound is silence. Returns its rate, kbit/s. */
  #sound({ audio, audioFrames }: StreamSnapshot, bytes: number, now: number): number {
    const frames = audioFrames - this.#frames;
    const came = bytes - this.#bytes;
    this.#frames = audioFrames;
    this.#bytes = bytes;
    // The frames of other codecs are as large as the sound is long.
    const isTold = audio?.codec === 'aac' || audio?.codec === 'opus';
    const bound = SILENT_BYTES_PER_CHANNEL * (audio?.channels ?? 1);
    if (isTold && frames > 0 && came / frames <= bound) this.#silentSince ??= this.#lookedAt;
    else this.#silentSince = undefined;
    return (came * 8) / Math.max(1, now - this.#lookedAt);
  }

  #silence({ silentAudioMs }: HealthOptions, now: number): string | undefined {
    const since = now - (this.#silentSince ?? now);
    return silentAudioMs > 0 && since > silentAudioMs
      ? `the sound is silence for ${seconds(since)} s`
      : undefined;
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
