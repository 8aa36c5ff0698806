import type { CpuTimes, ProcessStat, SocketCounts } from './proc-text.ts';

/** What was measured of the host and this process. All fractions are 0..1; `atMs` is Unix ms. */
export interface HostFigures {
  readonly atMs: number;
  /** Everything could be read; false where there is no `/proc`. What could not be read is 0. */
  readonly ok: boolean;
  readonly process: {
    readonly usage: NodeJS.ResourceUsage;
    readonly stat: ProcessStat;
    /** Of one processor, since the sample before; above 1 with threads. */
    readonly cpu: number;
  };
  readonly cpu: {
    readonly times: CpuTimes;
    /** Busy part of all processors since the sample before. */
    readonly busy: number;
    readonly online: number;
    readonly configured: number;
  };
  readonly memory: MemoryFigures;
  readonly disks: {
    readonly readKBps: number;
    readonly writeKBps: number;
    /** Of the busiest disk. */
    readonly busy: number;
  };
  /** Bytes since boot, of interfaces with a public address and of all others. */
  readonly network: {
    readonly publicReceived: number;
    readonly publicSent: number;
    readonly innerReceived: number;
    readonly innerSent: number;
  };
  readonly sockets: SocketCounts;
  /** Seconds since boot, and seconds that all processors together were idle. */
  readonly uptime: { readonly up: number; readonly idle: number };
  /** Of 1, 5 and 15 minutes. */
  readonly load: readonly [number, number, number];
}

/** KB. */
export interface MemoryFigures {
  readonly total: number;
  readonly free: number;
  readonly buffers: number;
  readonly cached: number;
  readonly swapTotal: number;
  readonly swapFree: number;
}
