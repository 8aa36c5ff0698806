export { HdsOutput, type HdsDeps, type HdsStart } from './hds-output.ts';
export type { HdsOptions } from './options.ts';
