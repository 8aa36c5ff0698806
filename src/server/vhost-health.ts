import type { VhostConfig } from '../config/index.ts';
import { StreamHealth, type HealthOptions, type StreamHealthDeps } from '../control/health/index.ts';
import type { VhostTable } from './vhost-table.ts';

/** [health] Looks at streams as their vhosts say. */
export function streamHealth(vhosts: VhostTable, deps: Omit<StreamHealthDeps, 'options'>): StreamHealth {
  return new StreamHealth({
    ...deps,
    options(vhost) {
      const found = vhosts.find(vhost);
      return found && healthOptions(found);
    },
  });
}

/** [health] What of a vhost's streams is warned of. */
function healthOptions({ health }: VhostConfig): HealthOptions | undefined {
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
