export { HdsOutput, type HdsDeps } from './hds-output.ts';
export type { HdsOptions } from './options.ts';
