import type { VhostConfig } from '../config/index.ts';
import type { HealthOptions } from '../control/health/index.ts';

/** [health] What of a vhost's streams is warned of. */
export function healthOptions({ health }: VhostConfig): HealthOptions | undefined {
  if (!health.enabled) return undefined;
  return {
    noKeyframeMs: health.noKeyframeMs,
    noMediaMs: health.noMediaMs,
    silentAudioMs: health.silentAudioMs,
    interleaveMs: health.interleaveMs,
    lowBitratePercent: health.lowBitrate,
    unsteadyRepairs: health.unsteadyTime,
  };
}
