export type { HostFigures } from './host-figures.ts';
export { publicAddress } from './interfaces.ts';
export { HostSampler, type HostSamplerOptions } from './host-sampler.ts';
