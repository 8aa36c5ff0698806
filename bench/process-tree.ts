import { readFileSync, readdirSync } from 'node:fs';

// Linux tells process times in ticks of 1/100 s on every architecture that Node.js runs on (proc(5), sysconf(_SC_CLK_TCK)).
const TICKS_PER_SECOND = 100;

/** CPU time and memory of a process and all its descendants. */
export interface TreeUsage {
  readonly pids: readonly number[];
  readonly userSeconds: number;
  readonly systemSeconds: number;
  readonly rssBytes: number;
  /** Sum of the peaks that each process had. */
  readonly peakRssBytes: number;
}

/** The fields of `/proc/PID/stat` that the bench needs; children's times are those of children that ended. */
export interface ProcessStat {
  readonly parent: number;
  readonly userTicks: number;
  readonly systemTicks: number;
}

/** Reads a line of `/proc/PID/stat`. The name in brackets may itself hold blanks and brackets. */
export function parseProcessStat(line: string): ProcessStat {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const at = (index: number): number => Number(fields[index]);
  return { parent: at(1), userTicks: at(11) + at(13), systemTicks: at(12) + at(14) };
}

/** Reads a `Name:  123 kB` line of `/proc/PID/status`, in bytes; 0 when there is none. */
export function parseStatusKb(text: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text);
  return Number(found?.[1] ?? 0) * 1024;
}

/** Looks at the process `root` and everything below it. */
export function readTree(root: number): TreeUsage {
  const stats = new Map<number, ProcessStat>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const line = readOrNothing(`/proc/${pid}/stat`);
    if (line !== '') stats.set(pid, parseProcessStat(line));
  }
  const tree = new Set([root]);
  // A child may have a smaller number than its parent: look until nothing new is found.
  for (let before = 0; before !== tree.size;) {
    before = tree.size;
    for (const [pid, stat] of stats) if (tree.has(stat.parent)) tree.add(pid);
  }
  let userTicks = 0;
  let systemTicks = 0;
  let rssBytes = 0;
  let peakRssBytes = 0;
  for (const pid of tree) {
    const stat = stats.get(pid);
    userTicks += stat?.userTicks ?? 0;
    systemTicks += stat?.systemTicks ?? 0;
    const status = readOrNothing(`/proc/${pid}/status`);
    rssBytes += parseStatusKb(status, 'VmRSS');
    peakRssBytes += parseStatusKb(status, 'VmHWM');
  }
  return {
    pids: [...tree],
    userSeconds: userTicks / TICKS_PER_SECOND,
    systemSeconds: systemTicks / TICKS_PER_SECOND,
    rssBytes,
    peakRssBytes,
  };
}

/** Share of the whole machine's CPU time that was idle between two readings, from `/proc/stat`. */
export interface MachineTimes {
  readonly idle: number;
  readonly total: number;
}

/** Reads the first line of `/proc/stat`. Iowait counts as idle. */
export function parseMachineTimes(text: string): MachineTimes {
  const fields = (text.split('\n')[0] ?? '').trim().split(/\s+/).slice(1, 9).map(Number);
  const total = fields.reduce((sum, value) => sum + value, 0);
  return { idle: (fields[3] ?? 0) + (fields[4] ?? 0), total };
}

export function readMachineTimes(): MachineTimes {
  return parseMachineTimes(readFileSync('/proc/stat', 'utf8'));
}

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // The process ended between the listing and the reading.
    return '';
  }
}
