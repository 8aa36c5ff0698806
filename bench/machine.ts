import { readFileSync } from 'node:fs';
import os from 'node:os';

/** What the bench ran on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  readonly openFiles: number;
}

/** The soft limit of open files from `/proc/self/limits`. */
export function parseOpenFiles(limits: string): number {
  const found = /^Max open files\s+(\S+)/m.exec(limits)?.[1] ?? '0';
  return found === 'unlimited' ? Infinity : Number(found);
}

export function readMachine(): Machine {
  return {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.cpus().length,
    memoryBytes: os.totalmem(),
    kernel: `${os.type()} ${os.release()}`,
    node: process.versions.node,
    openFiles: parseOpenFiles(readFileSync('/proc/self/limits', 'utf8')),
  };
}
