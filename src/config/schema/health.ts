import type { Rows } from './row.ts';

/** vhost > health. */
export const HEALTH = {
  enabled: {
    type: 'flag',
    default: true,
    reload: 'live',
    doc: 'Warn, in the log, the API and its events, of what viewers of a stream would notice; see docs/health.md.',
  },
  no_keyframe: {
    type: 'duration',
    unit: 's',
    default: 15_000,
    min: 0,
    reload: 'live',
    doc: 'Pictures come, but for so long none that a viewer can begin with; 0 = not warned of.',
  },
  no_media: {
    type: 'duration',
    unit: 's',
    default: 4_000,
    min: 0,
    reload: 'live',
    doc: 'Sound or pictures, which were there, do not come for so long; 0 = not warned of.',
  },
  silent_audio: {
    type: 'duration',
    unit: 's',
    default: 30_000,
    min: 0,
    reload: 'live',
    doc: 'The sound (AAC or Opus) is silence for so long; 0 = not warned of.',
  },
  interleave: {
    type: 'duration',
    unit: 'ms',
    default: 2_000,
    min: 0,
    reload: 'live',
    doc: 'Sound and picture that come together are so far apart in time; 0 = not warned of.',
  },
  low_bitrate: {
    type: 'int',
    default: 25,
    min: 0,
    max: 100,
    reload: 'live',
    doc: 'The rate is below so many percent of what it usually is; 0 = not warned of.',
  },
  unsteady_time: {
    type: 'int',
    default: 20,
    min: 0,
    max: 1_000_000,
    reload: 'live',
    doc: 'So many timestamps had to be repaired within 30 seconds; 0 = not warned of.',
  },
} as const satisfies Rows;
