import type { Frame } from '../media/frame.ts';
import type { TrackChoice } from './ports.ts';

/** Whether a format with these tracks has the frame in it; data goes with all but audio alone. */
export function carries(tracks: TrackChoice, frame: Frame): boolean {
  if (tracks === 'av') return true;
  return tracks === 'a' ? frame.kind === 'audio' : frame.kind !== 'audio';
}

/** The smallest time of `frames`, ms; 0 of none. */
export function earliest(frames: readonly Frame[]): number {
  let dts = Infinity;
  for (const frame of frames) if (frame.dts < dts) dts = frame.dts;
  return dts === Infinity ? 0 : dts;
}
