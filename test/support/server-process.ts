import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root, where `bin/srs` is. */
export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

/** The ports of one server, chosen free. */
export interface ServerPorts {
  readonly rtmp: number;
  readonly http: number;
  readonly api: number;
}

export interface ServerProcessOptions {
  /** Directives for `vhost __defaultVhost__`, beside `http_remux`. Gets the ports for addresses of its own. */
  readonly vhost?: (ports: ServerPorts) => string;
  /** Further addresses of RTMP, e.g. `[::1]:rtmp`; `rtmp` stands for the port. */
  readonly alsoListen?: readonly string[];
  /** Directives for the top level. */
  readonly top?: string;
  /** How long the API may take to answer, ms. */
  readonly readyMs?: number;
}

/** A running `bin/srs`. */
export interface ServerProcess {
  readonly pid: number;
  /** Its configuration file. */
  readonly conf: string;
  readonly ports: ServerPorts;
  /** `rtmp://127.0.0.1:port`, without a slash at the end. */
  readonly rtmpUrl: string;
  /** `http://127.0.0.1:port/`, the page. */
  readonly pageUrl: string;
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly apiUrl: string;
  /** Resolves with the exit code when it ends by itself or by a signal; undefined when it was killed. */
  readonly exited: Promise<number | undefined>;
  /** Standard output and error so far. */
  log(): string;
  /** SIGTERM, then SIGKILL after the deadline. Resolves with the exit code; undefined when it had to be killed. Idempotent. */
  stop(): Promise<number | undefined>;
}

const READY_MS = 15_000;
const STOP_MS = 5000;
const ASK_EVERY_MS = 50;
const START_ATTEMPTS = 3;

/** Ports that were free a moment ago: held all at once, so that they differ, and let go together. */
export async function freePorts(count: number): Promise<number[]> {
  const holders = await Promise.all(
    Array.from({ length: count }, async () => {
      const holder = createServer().listen(0, '127.0.0.1');
      await once(holder, 'listening');
      return holder;
    }),
  );
  const ports = holders.map((holder) => (holder.address() as { port: number }).port);
  for (const holder of holders) {
    holder.close();
    await once(holder, 'close');
  }
  return ports;
}

function configText(ports: ServerPorts, options: ServerProcessOptions, folder: string): string {
  return `
listen              ${['127.0.0.1:rtmp', ...(options.alsoListen ?? [])].join(' ').replaceAll('rtmp', String(ports.rtmp))};
max_connections     1000;
daemon              off;
pid                 ${join(folder, 'srs.pid')};
srs_log_tank        console;
${options.top ?? ''}
${(options.top ?? '').includes('http_hooks_spool ') ? '' : `http_hooks_spool ${join(folder, 'hooks.spool')};`}
http_api {
    enabled         on;
    listen          127.0.0.1:${ports.api};
}
http_server {
    enabled         on;
    listen          127.0.0.1:${ports.http};
}
vhost __defaultVhost__ {
    http_remux {
        enabled     on;
        mount       [vhost]/[app]/[stream].flv;
    }
    ${options.vhost?.(ports) ?? ''}
}
`;
}

/** Whether the API answers within the deadline. It is the last thing to listen, so everything else does by then. */
async function answers(url: string, child: ChildProcess, deadlineMs: number): Promise<boolean> {
  const end = Date.now() + deadlineMs;
  while (Date.now() < end && child.exitCode === null && child.signalCode === null) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(1000) });
      await response.arrayBuffer();
      if (response.ok) return true;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
  return false;
}

async function stopChild(child: ChildProcess): Promise<number | undefined> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await exited;
    clearTimeout(timer);
  }
  return child.exitCode ?? undefined;
}

async function startOnce(options: ServerProcessOptions): Promise<ServerProcess> {
  const [rtmp = 0, http = 0, api = 0] = await freePorts(3);
  const ports: ServerPorts = { rtmp, http, api };
  const folder = await mkdtemp(join(tmpdir(), 'srs-test-'));
  const conf = join(folder, 'srs.conf');
  await writeFile(conf, configText(ports, options, folder));
  const child = spawn(process.execPath, [join(REPOSITORY, 'bin/srs'), '-c', conf], {
    cwd: REPOSITORY,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit').then(([code]) => (code as number | null) ?? undefined);
  let log = '';
  const keep = (chunk: Buffer): void => {
    log += chunk.toString();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  // A test that dies must not leave a server behind.
  const onExit = (): void => void child.kill('SIGKILL');
  process.once('exit', onExit);
  let stopping: Promise<number | undefined> | undefined;
  const stop = (): Promise<number | undefined> =>
    (stopping ??= stopChild(child).finally(async () => {
      process.off('exit', onExit);
      await rm(folder, { recursive: true, force: true });
    }));
  const apiUrl = `http://127.0.0.1:${api}`;
  if (
    child.pid === undefined ||
    !(await answers(`${apiUrl}/api/v1/versions`, child, options.readyMs ?? READY_MS))
  ) {
    await stop();
    throw new Error(`the server did not come up:\n${log}`);
  }
  return {
    pid: child.pid,
    conf,
    ports,
    rtmpUrl: `rtmp://127.0.0.1:${rtmp}`,
    pageUrl: `http://127.0.0.1:${http}/`,
    apiUrl,
    exited,
    log: () => log,
    stop,
  };
}

/** Starts `bin/srs` on free ports and waits until it answers. Stop it in an `after` hook. */
export async function startServerProcess(options: ServerProcessOptions = {}): Promise<ServerProcess> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(options);
    } catch (error) {
      // Somebody may have taken a port between our look and the server's.
      const portTaken = error instanceof Error && /EADDRINUSE|already in use/i.test(error.message);
      if (!portTaken || attempt === START_ATTEMPTS) throw error;
    }
  }
}
