/** Columns of `/proc/[pid]/stat` (proc(5)), in their order. */
const STAT_COLUMNS = [
  'pid',
  'comm',
  'state',
  'ppid',
  'pgrp',
  'session',
  'tty_nr',
  'tpgid',
  'flags',
  'minflt',
  'cminflt',
  'majflt',
  'cmajflt',
  'utime',
  'stime',
  'cutime',
  'cstime',
  'priority',
  'nice',
  'num_threads',
  'itrealvalue',
  'starttime',
  'vsize',
  'rss',
  'rsslim',
  'startcode',
  'endcode',
  'startstack',
  'kstkesp',
  'kstkeip',
  'signal',
  'blocked',
  'sigignore',
  'sigcatch',
  'wchan',
  'nswap',
  'cnswap',
  'exit_signal',
  'processor',
  'rt_priority',
  'policy',
  'delayacct_blkio_ticks',
  'guest_time',
  'cguest_time',
] as const;

type StatColumn = (typeof STAT_COLUMNS)[number];

/** One process as the kernel tells of it: times in clock ticks, `vsize` in bytes, `rss` in pages. */
export type ProcessStat = Readonly<
  { comm: string; state: string } & Record<Exclude<StatColumn, 'comm' | 'state'>, number>
>;

/** `/proc/[pid]/stat`. The name may hold spaces and brackets: it ends at the last bracket. */
export function readProcessStat(text: string): ProcessStat {
  const end = text.lastIndexOf(')');
  const pid = text.slice(0, text.indexOf(' '));
  const values = [pid, text.slice(text.indexOf('('), end + 1), ...text.slice(end + 2).split(/\s+/)];
  const stat: Record<string, string | number> = {};
  STAT_COLUMNS.forEach((column, index) => {
    const value = values[index] ?? '';
    stat[column] = column === 'comm' || column === 'state' ? value : numberOf(value);
  });
  return stat as ProcessStat;
}

const CPU_COLUMNS = ['user', 'nice', 'sys', 'idle', 'iowait', 'irq', 'softirq', 'steal', 'guest'] as const;

/** Time of all processors since boot, clock ticks. */
export type CpuTimes = Readonly<Record<(typeof CPU_COLUMNS)[number], number>>;

/** The line `cpu` of `/proc/stat`. */
export function readCpuTimes(text: string): CpuTimes {
  const values = /^cpu\s+(.*)$/m.exec(text)?.[1]?.split(/\s+/) ?? [];
  return Object.fromEntries(
    CPU_COLUMNS.map((column, index) => [column, numberOf(values[index])]),
  ) as CpuTimes;
}

/** Ticks of all kinds, and those in which something was done. `guest` is part of `user` already. */
export function cpuTotals(times: CpuTimes): { readonly all: number; readonly busy: number } {
  const busy = times.user + times.nice + times.sys + times.irq + times.softirq + times.steal;
  return { all: busy + times.idle + times.iowait, busy };
}

/** `/proc/meminfo`: name → KB. */
export function readMemory(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const [, name = '', value] of text.matchAll(/^(\w+):\s+(\d+)/gm)) values.set(name, numberOf(value));
  return values;
}

/** Bytes since boot. */
export interface NetworkCounters {
  readonly name: string;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** `/proc/net/dev`. */
export function readNetwork(text: string): readonly NetworkCounters[] {
  return Array.from(text.matchAll(/^\s*([^\s:|]+):\s*(.*)$/gm), ([, name = '', rest = '']) => {
    const values = rest.trim().split(/\s+/);
    return { name, receivedBytes: numberOf(values[0]), sentBytes: numberOf(values[8]) };
  });
}

/** Sectors of 512 bytes, and ms in which the disk had work, since boot. */
export interface DiskCounters {
  readonly readSectors: number;
  readonly writtenSectors: number;
  readonly busyMs: number;
}

/** `/proc/diskstats`: those of `wanted`, by name. */
export function readDisks(text: string, wanted: readonly string[]): ReadonlyMap<string, DiskCounters> {
  const disks = new Map<string, DiskCounters>();
  for (const line of text.split('\n')) {
    const [, , name = '', , , read, , , , written, , , busy] = line.trim().split(/\s+/);
    if (!wanted.includes(name)) continue;
    disks.set(name, {
      readSectors: numberOf(read),
      writtenSectors: numberOf(written),
      busyMs: numberOf(busy),
    });
  }
  return disks;
}

/** Sockets of the host. */
export interface SocketCounts {
  readonly all: number;
  readonly established: number;
  readonly timeWait: number;
  readonly udp: number;
}

/** `/proc/net/sockstat` and `/proc/net/snmp`: short texts, however many sockets there are. */
export function readSockets(sockstat: string, snmp: string): SocketCounts {
  const [, inUse, timeWait] = /^TCP: inuse (\d+) orphan \d+ tw (\d+)/m.exec(sockstat) ?? [];
  const udp = /^UDP: inuse (\d+)/m.exec(sockstat)?.[1];
  const [names = '', values = ''] = Array.from(snmp.matchAll(/^Tcp: (.*)$/gm), ([, rest = '']) => rest);
  const established = values.split(' ')[names.split(' ').indexOf('CurrEstab')];
  return {
    all: numberOf(inUse) + numberOf(timeWait),
    established: numberOf(established),
    timeWait: numberOf(timeWait),
    udp: numberOf(udp),
  };
}

/** The numbers of a line, such as `/proc/loadavg` and `/proc/uptime` have. */
export function readNumbers(text: string): readonly number[] {
  return text.trim().split(/\s+/).map(numberOf);
}

function numberOf(text: string | undefined): number {
  const value = Number(text);
  return Number.isFinite(value) ? value : 0;
}
