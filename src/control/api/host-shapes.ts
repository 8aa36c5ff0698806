import type { HostFigures } from '../../observe/host/index.ts';

/** What of this server goes into its summary. */
export interface ServerFacts {
  readonly version: string;
  readonly pid: number;
  /** Open connections. */
  readonly connections: number;
  /** Since the start. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Now, Unix ms. */
  readonly nowMs: number;
}

/** `data` of `/api/v1/summaries`. `ilde_time` is SRS's own spelling. */
export function summariesData(host: HostFigures, server: ServerFacts): object {
  const { memory, network, sockets, uptime, load, disks, cpu } = host;
  const kbytes = host.process.usage.maxRSS;
  return {
    ok: host.ok,
    now_ms: server.nowMs,
    self: {
      version: server.version,
      pid: server.pid,
      ppid: host.process.stat.ppid,
      argv: process.argv.join(' '),
      cwd: process.cwd(),
      mem_kbyte: kbytes,
      mem_percent: fraction(kbytes, memory.total),
      cpu_percent: rounded(host.process.cpu),
      srs_uptime: Math.floor(process.uptime()),
    },
    system: {
      cpu_percent: rounded(cpu.busy),
      disk_read_KBps: disks.readKBps,
      disk_write_KBps: disks.writeKBps,
      disk_busy_percent: rounded(disks.busy),
      mem_ram_kbyte: memory.total,
      mem_ram_percent: fraction(memory.total - memory.free, memory.total),
      mem_swap_kbyte: memory.swapTotal,
      mem_swap_percent: fraction(memory.swapTotal - memory.swapFree, memory.swapTotal),
      cpus: cpu.configured,
      cpus_online: cpu.online,
      uptime: uptime.up,
      ilde_time: uptime.idle,
      load_1m: load[0],
      load_5m: load[1],
      load_15m: load[2],
      net_sample_time: host.atMs,
      net_recv_bytes: network.publicReceived,
      net_send_bytes: network.publicSent,
      net_recvi_bytes: network.innerReceived,
      net_sendi_bytes: network.innerSent,
      srs_sample_time: server.nowMs,
      srs_recv_bytes: server.receivedBytes,
      srs_send_bytes: server.sentBytes,
      conn_sys: sockets.all,
      conn_sys_et: sockets.established,
      conn_sys_tw: sockets.timeWait,
      conn_sys_udp: sockets.udp,
      conn_srs: server.connections,
    },
  };
}

/** `data` of `/api/v1/rusages`: getrusage(2), times in whole seconds as SRS has them. */
export function rusagesData({ ok, atMs, process: { usage } }: HostFigures): object {
  return {
    ok,
    sample_time: atMs,
    ru_utime: Math.floor(usage.userCPUTime / 1e6),
    ru_stime: Math.floor(usage.systemCPUTime / 1e6),
    ru_maxrss: usage.maxRSS,
    ru_ixrss: usage.sharedMemorySize,
    ru_idrss: usage.unsharedDataSize,
    ru_isrss: usage.unsharedStackSize,
    ru_minflt: usage.minorPageFault,
    ru_majflt: usage.majorPageFault,
    ru_nswap: usage.swappedOut,
    ru_inblock: usage.fsRead,
    ru_oublock: usage.fsWrite,
    ru_msgsnd: usage.ipcSent,
    ru_msgrcv: usage.ipcReceived,
    ru_nsignals: usage.signalsCount,
    ru_nvcsw: usage.voluntaryContextSwitches,
    ru_nivcsw: usage.involuntaryContextSwitches,
  };
}

/** `data` of `/api/v1/self_proc_stats`. */
export function selfStatsData({ ok, atMs, process: { stat, cpu } }: HostFigures): object {
  return { ok, sample_time: atMs, percent: rounded(cpu), ...stat };
}

/** `data` of `/api/v1/system_proc_stats`. */
export function systemStatsData({ ok, atMs, cpu }: HostFigures): object {
  return { ok, sample_time: atMs, percent: rounded(cpu.busy), ...cpu.times };
}

/** `data` of `/api/v1/meminfos`. In use for real is what is neither free nor a cache. */
export function meminfosData({ ok, atMs, memory }: HostFigures): object {
  const { total, free, buffers, cached, swapTotal, swapFree } = memory;
  const active = total - free;
  const inUse = active - buffers - cached;
  return {
    ok,
    sample_time: atMs,
    percent_ram: fraction(active, total),
    percent_swap: fraction(swapTotal - swapFree, swapTotal),
    MemActive: active,
    RealInUse: inUse,
    NotInUse: total - inUse,
    MemTotal: total,
    MemFree: free,
    Buffers: buffers,
    Cached: cached,
    SwapTotal: swapTotal,
    SwapFree: swapFree,
  };
}

function fraction(part: number, whole: number): number {
  return whole > 0 ? rounded(part / whole) : 0;
}

function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
