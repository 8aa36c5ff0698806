import type { Rows } from './row.ts';

/** The life of the process: directives of the root. */
export const PROCESS = {
  daemon: {
    type: 'flag',
    default: true,
    reload: 'restart',
    doc: 'Run in the background; off is what service managers and containers want.',
  },
  pid: {
    type: 'text',
    default: './objs/srs.pid',
    reload: 'hook',
    doc: 'File that holds the process id.',
  },
  work_dir: {
    type: 'text',
    default: './',
    notEmpty: true,
    reload: 'restart',
    doc: 'Directory that relative paths start from.',
  },
  asprocess: {
    type: 'flag',
    default: false,
    reload: 'restart',
    doc: 'Exit when the parent process is gone.',
  },
  grace_start_wait: {
    type: 'duration',
    unit: 'ms',
    default: 2300,
    reload: 'live',
    doc: 'Graceful quit: wait before the listeners close.',
  },
  grace_final_wait: {
    type: 'duration',
    unit: 'ms',
    default: 3200,
    reload: 'live',
    doc: 'Graceful quit: last wait.',
  },
  grace_drain_timeout: {
    type: 'duration',
    unit: 'ms',
    default: 0,
    min: 0,
    reload: 'live',
    doc: 'Graceful quit: how long clients may stay once the listeners are closed; 0 means as long as something is live.',
  },
  force_grace_quit: {
    type: 'flag',
    default: false,
    reload: 'live',
    doc: 'SIGTERM quits gracefully.',
  },
  disable_daemon_for_docker: {
    type: 'flag',
    default: true,
    reload: 'restart',
    doc: 'No daemon inside a container.',
  },
  in_docker: {
    type: 'flag',
    default: false,
    reload: 'restart',
    doc: 'Behave as inside a container, also where none is detected.',
  },
  inotify_auto_reload: {
    type: 'flag',
    default: false,
    reload: 'restart',
    doc: 'Reload when the file changes.',
  },
  auto_reload_for_docker: {
    type: 'flag',
    default: true,
    reload: 'restart',
    doc: 'Reload when the file changes inside a container.',
  },
  server_id: {
    type: 'text',
    default: '',
    reload: 'restart',
    doc: 'The name of this server in API and callbacks; empty makes one up at each start.',
  },
} as const satisfies Rows;

/** circuit_breaker. */
export const CIRCUIT_BREAKER = {
  enabled: { type: 'flag', default: true, reload: 'live', doc: 'Do less work when the processor is busy.' },
  high_threshold: {
    type: 'int',
    default: 90,
    min: 0,
    max: 100,
    reload: 'live',
    doc: 'Percent of the processor from which on lost packets are not asked for again.',
  },
  high_pulse: {
    type: 'int',
    default: 2,
    min: 0,
    max: 86_400,
    reload: 'live',
    doc: 'For how many seconds it must be that busy.',
  },
  critical_threshold: {
    type: 'int',
    default: 95,
    min: 0,
    max: 100,
    reload: 'live',
    doc: 'Percent of the processor from which on congestion control stops as well.',
  },
  critical_pulse: {
    type: 'int',
    default: 1,
    min: 0,
    max: 86_400,
    reload: 'live',
    doc: 'For how many seconds it must be that busy.',
  },
  dying_threshold: {
    type: 'int',
    default: 99,
    min: 0,
    max: 100,
    reload: 'live',
    doc: 'Percent of the processor from which on packets to viewers are dropped.',
  },
  dying_pulse: {
    type: 'int',
    default: 5,
    min: 0,
    max: 86_400,
    reload: 'live',
    doc: 'For how many seconds it must be that busy.',
  },
} as const satisfies Rows;
