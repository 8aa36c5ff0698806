export { StreamHealth, type StreamHealthDeps } from './stream-health.ts';
export type { HealthOptions } from './detectors.ts';
