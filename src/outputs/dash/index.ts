export { DashOutput, type DashDeps, type DashStart } from './dash-output.ts';
export type { DashOptions } from './options.ts';
