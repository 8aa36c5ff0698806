/** How long so many samples last, in ms (with a fraction: rounding belongs to whoever writes a timestamp). */
export function samplesToMs(samples: number, sampleRate: number): number {
  return (samples * 1000) / sampleRate;
}
