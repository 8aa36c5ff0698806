import { spawn } from 'node:child_process';
import type { Config } from '../../config/index.ts';
import { EXIT_CODES } from './ending.ts';

/** What the server tells the process that started it in the background. */
const READY = 'srs-ts ready';
/** Names the parent; a variable that is passed on by accident names another process and means nothing. */
const PARENT_VARIABLE = 'DAEMON_OF_PID';
/** A server that is neither up nor gone after so long is given up, ms. */
const START_DEADLINE_MS = 60_000;
/** Signals that end the start; the server is in a session of its own and would not get them from the terminal. */
const END_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP'] as const;

/** What decides between background and foreground, beside the configuration. */
export interface DaemonSituation {
  readonly pid: number;
  /** By what sign this is a container; undefined = it is none. */
  readonly container: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * [daemon] Why a server with `daemon on` stays in the foreground all the same; undefined = it goes to the background.
 * SRS knows the container; the other two would end a service manager's service or the container itself.
 */
export function foregroundReason(
  config: Pick<Config, 'disableDaemonForDocker'>,
  situation: DaemonSituation,
): string | undefined {
  if (situation.env['NOTIFY_SOCKET'] !== undefined) return 'the service manager waits for readiness';
  if (situation.pid === 1) return 'process 1 may not end';
  if (config.disableDaemonForDocker && situation.container !== undefined) {
    return `inside a container (${situation.container}), disable_daemon_for_docker on`;
  }
  return undefined;
}

/** The server's side: the one who started it waits for a word. */
export interface DaemonParent {
  /** Lets the parent go with success. */
  ready(): void;
}

/** Defined in a server that `startDaemon` has started. Call it once, before anything is started by this process. */
export function daemonParent(): DaemonParent | undefined {
  const named = process.env[PARENT_VARIABLE];
  if (named === undefined) return undefined;
  Reflect.deleteProperty(process.env, PARENT_VARIABLE); // Our own children are none of its business.
  if (process.send === undefined || named !== String(process.ppid)) return undefined;
  process.channel?.unref(); // A start that fails ends the process; the channel closes with it.
  return {
    ready: () => {
      process.send?.(READY, () => {
        if (process.connected) process.disconnect();
      });
    },
  };
}

/**
 * Starts this very command again in the background, in a session of its own, and resolves with the exit code once it is
 * known how that went: 0 when it listens everywhere. What it says until then is passed on.
 */
export async function startDaemon(config: Pick<Config, 'srsLogTank'>): Promise<number> {
  const [node, ...args] = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  // A log on the console goes on there, as in SRS. Else the error stream ends with us, and only failures to start use it.
  const console = config.srsLogTank === 'console';
  const child = spawn(node, args, {
    detached: true,
    env: { ...process.env, [PARENT_VARIABLE]: String(process.pid) },
    stdio: ['ignore', console ? 'inherit' : 'ignore', console ? 'inherit' : 'pipe', 'ipc'],
  });
  child.stderr?.on('data', (bytes: Buffer) => process.stderr.write(bytes));
  const end = (): void => void child.kill('SIGTERM');
  for (const signal of END_SIGNALS) process.on(signal, end);
  try {
    return await outcome(child);
  } finally {
    for (const signal of END_SIGNALS) process.off(signal, end);
    child.stderr?.destroy();
    if (child.connected) child.disconnect();
    child.unref();
  }
}

function outcome(child: ReturnType<typeof spawn>): Promise<number> {
  return new Promise((resolve) => {
    const deadline = setTimeout(() => {
      process.stderr.write(`the server did not come up within ${START_DEADLINE_MS} ms, it is ended\n`);
      child.kill('SIGKILL');
    }, START_DEADLINE_MS);
    const settle = (code: number): void => {
      clearTimeout(deadline);
      resolve(code);
    };
    child.on('message', (message) => {
      if (message === READY) settle(EXIT_CODES.ok);
    });
    child.once('error', (error) => {
      process.stderr.write(`the server cannot be started in the background: ${error.message}\n`);
      settle(EXIT_CODES.failed);
    });
    // 'close' comes after all that it said; one that died by a signal may have said nothing.
    child.once('close', (code, signal) => {
      if (signal !== null) process.stderr.write(`the server was ended by ${signal} while it started\n`);
      settle(code === null || code === 0 ? EXIT_CODES.failed : code);
    });
  });
}
