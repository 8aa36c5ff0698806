import { readdir } from 'node:fs/promises';

/** Files and sockets that this process has open; undefined where there is no `/proc`. */
export async function openFiles(): Promise<number | undefined> {
  try {
    return (await readdir('/proc/self/fd')).length;
  } catch {
    return undefined;
  }
}
