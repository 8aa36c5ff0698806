import { readFile } from 'node:fs/promises';
import { cpus, networkInterfaces } from 'node:os';
import type { Clock } from '../../base/clock.ts';
import type { Undo } from '../../base/undo.ts';
import type { HostFigures } from './host-figures.ts';
import { publicInterfaces } from './interfaces.ts';
import {
  cpuTotals,
  readCpuTimes,
  readDisks,
  readMemory,
  readNetwork,
  readNumbers,
  readProcessStat,
  readSockets,
  type DiskCounters,
} from './proc-text.ts';

/** Time between two samples, ms. */
export const HOST_SAMPLE_MS = 3_000;
/** What the counters of disks are in, bytes. */
const SECTOR_BYTES = 512;

export interface HostSamplerOptions {
  readonly clock: Clock;
  /** Unix ms. */
  readonly unixTime: () => number;
  /** The text of a file; throws where there is none. Default: the file system. */
  readonly read?: (path: string) => Promise<string>;
  /** [stats disk] Block devices whose load is counted, by the kernel's names, as it is when it is asked. Default: none. */
  readonly disks?: () => readonly string[];
}

/** What rates are counted from. */
interface Counters {
  /** Clock, ms. */
  readonly at: number;
  readonly processMicros: number;
  readonly cpu: { readonly all: number; readonly busy: number };
  readonly disks: ReadonlyMap<string, DiskCounters>;
}

/** Measures host and process on one timer, from `start` to `close`. All files that it reads are short, whatever the load. */
export class HostSampler {
  readonly #options: HostSamplerOptions;
  readonly #read: (path: string) => Promise<string>;
  #figures: HostFigures | undefined;
  #before: Counters | undefined;
  #stop: Undo | undefined;
  #running: Promise<void> | undefined;

  constructor(options: HostSamplerOptions) {
    this.#options = options;
    this.#read = options.read ?? ((path) => readFile(path, 'latin1'));
  }

  /** The last sample; undefined before `start` is done. */
  get figures(): HostFigures | undefined {
    return this.#figures;
  }

  /** Takes the first sample, and others every HOST_SAMPLE_MS. Never rejects. */
  async start(): Promise<void> {
    this.#stop ??= this.#options.clock.every(HOST_SAMPLE_MS, () => void this.#sample());
    await this.#sample();
  }

  /** Idempotent. */
  close(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  /** One at a time: a host that takes so long to answer is not asked more. */
  #sample(): Promise<void> {
    this.#running ??= this.#measure().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #measure(): Promise<void> {
    const { clock, unixTime } = this.#options;
    let ok = true;
    const text = async (path: string): Promise<string> => {
      try {
        return await this.#read(path);
      } catch {
        ok = false;
        return '';
      }
    };
    const [stat, self, meminfo, dev, diskstats, sockstat, snmp, loadavg, uptime] = await Promise.all([
      text('/proc/stat'),
      text('/proc/self/stat'),
      text('/proc/meminfo'),
      text('/proc/net/dev'),
      text('/proc/diskstats'),
      text('/proc/net/sockstat'),
      text('/proc/net/snmp'),
      text('/proc/loadavg'),
      text('/proc/uptime'),
    ]);
    const usage = process.resourceUsage();
    const times = readCpuTimes(stat);
    const now: Counters = {
      at: clock.now(),
      processMicros: usage.userCPUTime + usage.systemCPUTime,
      cpu: cpuTotals(times),
      disks: readDisks(diskstats, this.#options.disks?.() ?? []),
    };
    // The first sample is that since the boot of the host, and the start of the process.
    const before = this.#before ?? {
      at: now.at - process.uptime() * 1_000,
      processMicros: 0,
      cpu: { all: 0, busy: 0 },
      disks: now.disks,
    };
    this.#before = now;
    const ms = Math.max(1, now.at - before.at);
    const memory = readMemory(meminfo);
    const kb = (name: string): number => memory.get(name) ?? 0;
    const [up = 0, idle = 0] = readNumbers(uptime);
    const [one = 0, five = 0, fifteen = 0] = readNumbers(loadavg);
    const processors = stat.match(/^cpu\d+/gm)?.length ?? 0;
    this.#figures = {
      atMs: unixTime(),
      ok,
      process: {
        usage,
        stat: readProcessStat(self),
        cpu: (now.processMicros - before.processMicros) / 1_000 / ms,
      },
      cpu: {
        times,
        busy: Math.max(0, now.cpu.busy - before.cpu.busy) / Math.max(1, now.cpu.all - before.cpu.all),
        online: processors,
        configured: Math.max(processors, cpus().length),
      },
      memory: {
        total: kb('MemTotal'),
        free: kb('MemFree'),
        buffers: kb('Buffers'),
        cached: kb('Cached'),
        swapTotal: kb('SwapTotal'),
        swapFree: kb('SwapFree'),
      },
      disks: diskRates(before.disks, now.disks, ms),
      network: networkTotals(dev),
      sockets: readSockets(sockstat, snmp),
      uptime: { up, idle },
      load: [one, five, fifteen],
    };
  }
}

function diskRates(
  before: ReadonlyMap<string, DiskCounters>,
  now: ReadonlyMap<string, DiskCounters>,
  ms: number,
): HostFigures['disks'] {
  let read = 0;
  let written = 0;
  let busyMs = 0;
  for (const [name, disk] of now) {
    const old = before.get(name) ?? disk; // One that was just plugged in has done nothing.
    read += Math.max(0, disk.readSectors - old.readSectors);
    written += Math.max(0, disk.writtenSectors - old.writtenSectors);
    busyMs = Math.max(busyMs, disk.busyMs - old.busyMs);
  }
  // Bytes per ms are KB per second.
  return {
    readKBps: Math.round((read * SECTOR_BYTES) / ms),
    writeKBps: Math.round((written * SECTOR_BYTES) / ms),
    busy: Math.min(1, busyMs / ms),
  };
}

function networkTotals(dev: string): HostFigures['network'] {
  const outer = publicInterfaces(networkInterfaces());
  const totals = { publicReceived: 0, publicSent: 0, innerReceived: 0, innerSent: 0 };
  for (const { name, receivedBytes, sentBytes } of readNetwork(dev)) {
    if (outer.has(name)) {
      totals.publicReceived += receivedBytes;
      totals.publicSent += sentBytes;
    } else {
      totals.innerReceived += receivedBytes;
      totals.innerSent += sentBytes;
    }
  }
  return totals;
}
