export type { HostFigures } from './host-figures.ts';
export { HostSampler, type HostSamplerOptions } from './host-sampler.ts';
