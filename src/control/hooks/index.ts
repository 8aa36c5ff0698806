export type { HookTracer, SessionTrace, TracedAnswer, TracedRequest } from './call-trace.ts';
export type { HookSpool } from './hook-dispatcher.ts';
export type { RecordStore } from './hook-journal.ts';
export { HttpHooks, type HttpHooksDeps } from './http-hooks.ts';
export type { HookOptions } from './hook-options.ts';
