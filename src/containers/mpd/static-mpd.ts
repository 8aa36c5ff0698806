import type { Mpd, Period } from './model.ts';

/**
 * The manifest of a stream that is over: what the window still holds, from zero on, so that no player waits through the time
 * that has left the window. Spec: ISO/IEC 23009-1, 5.3.1.2.
 */
export function asStatic(mpd: Mpd): Mpd {
  const [first] = mpd.periods;
  const skippedMs = first === undefined ? 0 : leadMs(first);
  const zeroMs = (first?.startMs ?? 0) + skippedMs;
  let endMs = 0;
  const periods = mpd.periods.map((period, i) => {
    const lead = i === 0 ? skippedMs : 0;
    const adaptationSets = period.adaptationSets.map((set) => {
      const { template } = set;
      const offset = template.presentationTimeOffset + Math.round((lead * template.timescale) / 1000);
      return { ...set, template: { ...template, presentationTimeOffset: offset } };
    });
    const { durationMs } = period;
    const moved = {
      ...period,
      startMs: Math.round(period.startMs + lead - zeroMs),
      ...(durationMs === undefined ? {} : { durationMs: Math.round(durationMs - lead) }),
      adaptationSets,
    };
    endMs = Math.max(endMs, moved.startMs + lengthMs(moved));
    return moved;
  });
  const { minBufferTimeMs, maxSegmentDurationMs } = mpd;
  return {
    type: 'static',
    ...(mpd.publishTimeMs === undefined ? {} : { publishTimeMs: mpd.publishTimeMs }),
    mediaPresentationDurationMs: endMs,
    minBufferTimeMs,
    ...(maxSegmentDurationMs === undefined ? {} : { maxSegmentDurationMs }),
    periods,
  };
}

/** From the begin of the period to its first segment that is left, ms with fraction. */
function leadMs(period: Period): number {
  let least = Infinity;
  for (const { template } of period.adaptationSets) {
    const time = (template.timeline[0]?.time ?? 0) - template.presentationTimeOffset;
    least = Math.min(least, (time * 1000) / template.timescale);
  }
  return Number.isFinite(least) ? least : 0;
}

function lengthMs(period: Period): number {
  let most = 0;
  for (const { template } of period.adaptationSets) {
    const last = template.timeline.at(-1);
    if (last === undefined) continue;
    const end = last.time + last.duration * last.count - template.presentationTimeOffset;
    most = Math.max(most, Math.ceil((end * 1000) / template.timescale));
  }
  return most;
}
