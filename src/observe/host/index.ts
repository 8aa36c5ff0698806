export type { HostFigures } from './host-figures.ts';
export { openFiles } from './open-files.ts';
export { localAddress, publicAddress } from './interfaces.ts';
export { HostSampler, type HostSamplerOptions } from './host-sampler.ts';
