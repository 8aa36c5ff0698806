export { DashOutput, type DashDeps } from './dash-output.ts';
export type { DashOptions } from './options.ts';
