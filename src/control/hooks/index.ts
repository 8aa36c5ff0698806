export { HttpHooks, type HttpHooksDeps } from './http-hooks.ts';
export type { HookOptions } from './hook-options.ts';
