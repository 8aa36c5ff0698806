import type { TObject } from 'typebox';
import { Type } from '../../../base/json-type.ts';
import { count, exact, flag, good, number, text, whole, wholes } from './parts.ts';

const ok = flag('All of it could be read from the system.');
const sampleTime = { sample_time: whole('When it was measured, Unix ms.') };

/** Before the first sample there is nothing to tell. */
const sampled = (data: TObject) =>
  good({ data: Type.Union([data, exact({ ok: Type.Literal(false) })], { description: 'The last sample.' }) });

const SELF = exact({
  version: text('Version of this program.'),
  pid: whole('Id of the process.'),
  ppid: whole('Id of its parent.'),
  argv: text('Its command line.'),
  cwd: text('Its working folder.'),
  mem_kbyte: whole('The most memory that it had, KB.'),
  mem_percent: number('The same as a fraction of all memory.'),
  cpu_percent: number('What it uses of one processor, as a fraction.'),
  srs_uptime: whole('Its age, seconds.'),
});

const SYSTEM = exact({
  cpu_percent: number('What is used of all processors, as a fraction.'),
  disk_read_KBps: whole('Read from disks, KB/s.'),
  disk_write_KBps: whole('Written to disks, KB/s.'),
  disk_busy_percent: number('How busy the disks are, as a fraction.'),
  mem_ram_kbyte: whole('Memory, KB.'),
  mem_ram_percent: number('Used of it, as a fraction.'),
  mem_swap_kbyte: whole('Swap space, KB.'),
  mem_swap_percent: number('Used of it, as a fraction.'),
  cpus: whole('Processors that the host has.'),
  cpus_online: whole('Processors that are on.'),
  uptime: number('Age of the host, seconds.'),
  ilde_time: number('Idle time of its processors, seconds (the spelling is that of SRS).'),
  load_1m: number('Load, average of 1 min.'),
  load_5m: number('Load, average of 5 min.'),
  load_15m: number('Load, average of 15 min.'),
  net_sample_time: whole('When the network was measured, Unix ms.'),
  net_recv_bytes: whole('Received by public interfaces since boot.'),
  net_send_bytes: whole('Sent by public interfaces since boot.'),
  net_recvi_bytes: whole('Received by private interfaces and loopback since boot.'),
  net_sendi_bytes: whole('Sent by private interfaces and loopback since boot.'),
  srs_sample_time: whole('When this server was measured, Unix ms.'),
  srs_recv_bytes: whole('Media bytes that this server received since its start.'),
  srs_send_bytes: whole('Media bytes that this server sent since its start.'),
  conn_sys: whole('TCP sockets of the host.'),
  conn_sys_et: whole('Of them established.'),
  conn_sys_tw: whole('Of them in TIME-WAIT.'),
  conn_sys_udp: whole('UDP sockets of the host.'),
  conn_srs: whole('Connections of this server, the API left out.'),
});

export const SUMMARIES_BODY = sampled(
  exact({ ok, now_ms: count("The server's clock, Unix ms."), self: SELF, system: SYSTEM }),
);

export const RUSAGES_BODY = sampled(
  exact({
    ok,
    ...sampleTime,
    ...wholes({
      ru_utime: 'Processor time of the program, whole seconds.',
      ru_stime: 'Processor time of the system for it, whole seconds.',
      ru_maxrss: 'The most memory that it had, KB.',
      ru_ixrss: 'Shared text, KB (0 on Linux).',
      ru_idrss: 'Unshared data, KB (0 on Linux).',
      ru_isrss: 'Unshared stack, KB (0 on Linux).',
      ru_minflt: 'Page faults without a read.',
      ru_majflt: 'Page faults with a read.',
      ru_nswap: 'Times swapped out (0 on Linux).',
      ru_inblock: 'Reads from disks.',
      ru_oublock: 'Writes to disks.',
      ru_msgsnd: 'IPC messages sent (0 on Linux).',
      ru_msgrcv: 'IPC messages received (0 on Linux).',
      ru_nsignals: 'Signals received (0 on Linux).',
      ru_nvcsw: 'Context switches that it wanted.',
      ru_nivcsw: 'Context switches that it did not want.',
    }),
  }),
);

const column = 'Column of /proc/self/stat, see proc(5).';
const columns = (names: string) =>
  Object.fromEntries(names.split(' ').map((name) => [name, whole(column)] as const));

export const SELF_STATS_BODY = sampled(
  exact({
    ok,
    ...sampleTime,
    percent: number('What the process uses of one processor, as a fraction.'),
    comm: text('Name of the program.'),
    state: text('State, one letter.', 'S'),
    ...columns(
      'pid ppid pgrp session tty_nr tpgid flags minflt cminflt majflt cmajflt utime stime cutime cstime priority nice ' +
        'num_threads itrealvalue starttime vsize rss rsslim startcode endcode startstack kstkesp kstkeip signal blocked ' +
        'sigignore sigcatch wchan nswap cnswap exit_signal processor rt_priority policy delayacct_blkio_ticks guest_time ' +
        'cguest_time',
    ),
  }),
);

const ticks = 'Clock ticks since boot, line cpu of /proc/stat, see proc(5).';

export const SYSTEM_STATS_BODY = sampled(
  exact({
    ok,
    ...sampleTime,
    percent: number('What is used of all processors, as a fraction.'),
    ...wholes({
      user: ticks,
      nice: ticks,
      sys: ticks,
      idle: ticks,
      iowait: ticks,
      irq: ticks,
      softirq: ticks,
      steal: ticks,
      guest: ticks,
    }),
  }),
);

export const MEMINFOS_BODY = sampled(
  exact({
    ok,
    ...sampleTime,
    percent_ram: number('Memory that is used, as a fraction.'),
    percent_swap: number('Swap space that is used, as a fraction.'),
    ...wholes({
      MemActive: 'Not free, KB.',
      RealInUse: 'Neither free nor a cache, KB.',
      NotInUse: 'Free or a cache, KB.',
      MemTotal: 'All, KB.',
      MemFree: 'Free, KB.',
      Buffers: 'Buffers, KB.',
      Cached: 'Cache of files, KB.',
      SwapTotal: 'Swap space, KB.',
      SwapFree: 'Free swap space, KB.',
    }),
  }),
);
