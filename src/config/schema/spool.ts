import type { Rows } from './row.ts';

/** At the root: callbacks that survive the process. */
export const SPOOL = {
  http_hooks_spool: {
    type: 'text',
    default: './objs/hooks.spool',
    reload: 'restart',
    doc: 'File that keeps the callbacks that are still to be told, also when the server ends or dies; empty = none.',
  },
  http_hooks_spool_size: {
    type: 'bytes',
    default: 64 * 1024 * 1024,
    max: 4 * 1024 ** 3,
    reload: 'live',
    doc: 'How much of it may count at a time: sessions that are open, and events that wait.',
  },
  http_hooks_spool_age: {
    type: 'duration',
    unit: 's',
    default: 86_400_000,
    reload: 'live',
    doc: 'Events that are older when the server starts are not told any more.',
  },
} as const satisfies Rows;
