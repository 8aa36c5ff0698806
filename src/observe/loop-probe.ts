import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

/** How busy the event loop is, for what adapts to load. Each figure covers the time since its last call. */
export interface LoopProbe {
  /** Share of the time that the loop was working, 0..1. */
  utilisation(): number;
  /** 99th percentile of how late the loop served a timer, ms. */
  delayP99Ms(): number;
  close(): void;
}

const RESOLUTION_MS = 10;

export function createLoopProbe(): LoopProbe {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let last = performance.eventLoopUtilization();
  return {
    utilisation() {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, last);
      last = now;
      return Number.isFinite(utilization) ? Math.min(1, Math.max(0, utilization)) : 0;
    },
    delayP99Ms() {
      // The histogram holds the whole time between two ticks of its own timer, so its period has to be taken off.
      const late = histogram.percentile(99) / 1e6 - RESOLUTION_MS;
      histogram.reset();
      return Number.isFinite(late) && late > 0 ? late : 0;
    },
    close: () => void histogram.disable(),
  };
}
