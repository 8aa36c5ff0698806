import { readFileSync } from 'node:fs';
import { ServerError } from '../../base/errors.ts';
import type { Config } from '../../config/index.ts';

/**
 * What the process needs beside connections and listeners: Node's own (epoll, eventfds, pipes: 15 to 20), standard streams,
 * log, pid file, watched folders, and a few for the API's connections and files being served.
 */
export const OWN_OPEN_FILES = 40;

/**
 * How many files this process may open; undefined where the system does not say or sets no limit. Node has raised the soft
 * limit to the hard one by the time that this can be asked.
 */
export function openFileLimit(read: (path: string) => string = readLatin1): number | undefined {
  let text: string;
  try {
    text = read('/proc/self/limits');
  } catch {
    return undefined;
  }
  const soft = /^Max open files\s+(\d+)/m.exec(text)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

/** Why so many connections cannot be served, with what to do about it; undefined = they can. `listeners` are open ports. */
export function openFilesProblem(
  maxConnections: number,
  listeners: number,
  limit: number | undefined = openFileLimit(),
): string | undefined {
  const needed = maxConnections + listeners + OWN_OPEN_FILES;
  if (limit === undefined || needed <= limit) return undefined;
  return (
    `max_connections ${maxConnections} needs about ${needed} open files, the limit is ${limit}: raise it to at least ` +
    `${needed} with 'ulimit -n ${needed}' in a shell, 'LimitNOFILE=${needed}' in a systemd unit or ` +
    `'--ulimit nofile=${needed}' in Docker, or lower max_connections`
  );
}

/** Ports that a configuration opens. */
export function listenerCount({ listen, httpApi, httpServer }: Config): number {
  return listen.length + (httpApi.enabled ? 1 : 0) + (httpServer.enabled ? 1 : 0);
}

/** For the start: throws OPEN_FILES_LIMIT. */
export function checkOpenFiles(config: Config): void {
  const problem = openFilesProblem(config.maxConnections, listenerCount(config));
  if (problem !== undefined) throw new ServerError('OPEN_FILES_LIMIT', problem);
}

function readLatin1(path: string): string {
  return readFileSync(path, 'latin1');
}
