export { disturbance } from './effects.ts';
export type { Refusal, ReloadEntry, ReloadReport, ReloadTarget } from './ports.ts';
export { Reloader, type ReloaderOptions } from './reloader.ts';
export { describeEntry, summarize } from './report-text.ts';
