import { readFileSync } from 'node:fs';
import { ServerError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Config } from '../../config/index.ts';
import { MAX_API_CONNECTIONS } from '../../control/api/index.ts';

/**
 * What the process needs beside connections and listeners: Node's own (epoll, eventfds, pipes: 15 to 20), standard streams,
 * log, pid file, watched folders, and a few for the API's connections and files being served.
 */
export const OWN_OPEN_FILES = 40;
/** What SRS counts for itself beside connections and listeners: standard streams and the log. */
const SRS_OPEN_FILES = 4;

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

/** More connections are configured than files may be opened for. */
export interface OpenFilesProblem {
  /** False: it would do for SRS, where a limit of 1024 goes with the default of 1000; then it is no reason not to start. */
  readonly fatal: boolean;
  readonly what: string;
  readonly mend: string;
}

/** Why so many connections cannot be served; undefined = they can. `listeners` are open ports. */
export function openFilesProblem(
  maxConnections: number,
  listeners: number,
  limit: number | undefined = openFileLimit(),
): OpenFilesProblem | undefined {
  const needed = maxConnections + listeners + OWN_OPEN_FILES;
  if (limit === undefined || needed <= limit) return undefined;
  return {
    fatal: maxConnections + listeners + SRS_OPEN_FILES >= limit,
    what: `max_connections ${maxConnections} needs about ${needed} open files, the limit is ${limit}`,
    mend:
      `raise it to at least ${needed} with 'ulimit -n ${needed}' in a shell, 'LimitNOFILE=${needed}' in a systemd unit or ` +
      `'--ulimit nofile=${needed}' in Docker, or lower max_connections`,
  };
}

/** The API gets so many even where nothing is left: they are part of OWN_OPEN_FILES. */
const LEAST_API_CONNECTIONS = 16;

/** Connections that the API may hold without taking the files of those that `max_connections` promises. */
export function apiConnections(config: Config, limit: number | undefined = openFileLimit()): number {
  if (limit === undefined) return MAX_API_CONNECTIONS;
  const spare = limit - config.maxConnections - listenerCount(config) - OWN_OPEN_FILES;
  return Math.min(MAX_API_CONNECTIONS, Math.max(LEAST_API_CONNECTIONS, spare));
}

/** Ports that a configuration opens. */
export function listenerCount({ listen, rtmps, httpApi, httpServer }: Config): number {
  const ports = (server: Config['httpApi'] | Config['httpServer']): number =>
    server.enabled ? 1 + (server.https.enabled ? server.https.listen.length : 0) : 0;
  const secure = rtmps.enabled ? rtmps.listen.length : 0;
  return listen.length + secure + ports(httpApi) + ports(httpServer);
}

/** For the start: throws OPEN_FILES_LIMIT, or warns when just the last few connections may find no file left. */
export function checkOpenFiles(config: Config, logger: Logger): void {
  const problem = openFilesProblem(config.maxConnections, listenerCount(config));
  if (problem === undefined) return;
  const text = `${problem.what}: ${problem.mend}`;
  if (problem.fatal) throw new ServerError('OPEN_FILES_LIMIT', text);
  logger.warn(text);
}

function readLatin1(path: string): string {
  return readFileSync(path, 'latin1');
}
