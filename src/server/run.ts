import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../base/clock.ts';
import { describeError, ServerError } from '../base/errors.ts';
import { formatProblem, type Config } from '../config/index.ts';
import { createLogger, type RootLogger } from '../observe/index.ts';
import { banner } from './banner.ts';
import { boundYoungGeneration, returnMemory } from './memory-return.ts';
import type { RunContext } from './run-context.ts';
import { Server } from './server.ts';

/** The whole stop may take so long; then the process ends anyway, ms. */
const STOP_DEADLINE_MS = 1_800;

/** Runs a server until a signal ends it. Resolves with the exit code; the caller has nothing left to close. */
export async function run(context: RunContext): Promise<number> {
  const { config, warnings } = context.loaded;
  boundYoungGeneration();
  let logger: RootLogger;
  try {
    if (config.workDir !== './') process.chdir(config.workDir);
    logger = openLog(config);
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n`);
    return 1;
  }
  const signals = listenToSignals(logger);
  const version = packageVersion();
  if (config.daemon)
    logger.info('daemon on: this server stays in the foreground; let a service manager run it');
  for (const problem of warnings) logger.warn(formatProblem(problem));
  const server = new Server(config, { logger, version, pageDir: pageDir() });
  try {
    await server.start();
  } catch (error) {
    // The operator looks at the terminal first, and at the log when there is none.
    if (config.srsLogTank === 'file') process.stderr.write(`${describeError(error)}\n`);
    logger.error(`could not start: ${describeError(error)}`);
    await logger.close();
    return 1;
  }
  logger.info(
    `srs-ts ${version} started with ${context.configFile ?? 'the environment'}, pid ${process.pid}`,
  );
  for (const [what, addresses] of Object.entries(server.addresses)) {
    for (const { host, port } of addresses as readonly { host: string; port: number }[]) {
      logger.info(`${what} listens on ${host.includes(':') ? `[${host}]` : host}:${port}`);
    }
  }
  if (config.srsLogTank === 'console') {
    logger.flushSync();
    process.stdout.write(banner(server.addresses, config));
  }

  const stopReturning = returnMemory(systemClock, () => server.connections);
  const end = await signals.first;
  stopReturning();
  logger.info(`stopping: ${end.reason}`);
  const deadline = setTimeout(() => {
    logger.warn(`not everything closed within ${STOP_DEADLINE_MS} ms`);
    logger.flushSync();
    process.exit(end.code);
  }, STOP_DEADLINE_MS);
  deadline.unref();
  await server.stop();
  logger.info('stopped');
  await logger.close();
  return end.code;
}

function openLog(config: Config): RootLogger {
  const { srsLogTank, srsLogFile, srsLogLevel, utcTime } = config;
  if (srsLogTank === 'file') {
    try {
      mkdirSync(path.dirname(srsLogFile), { recursive: true });
    } catch (cause) {
      throw new ServerError('LOG_OPEN_FAILED', `srs_log_file ${srsLogFile}: its folder cannot be made`, {
        cause,
      });
    }
  }
  return createLogger({
    tank: srsLogTank === 'console' ? 'console' : srsLogFile,
    level: srsLogLevel,
    pid: process.pid,
    utc: utcTime,
  });
}

interface End {
  readonly reason: string;
  readonly code: number;
}

/** The first reason to end. A second signal ends the process at once. */
function listenToSignals(logger: RootLogger): { readonly first: Promise<End> } {
  let resolve: (end: End) => void = () => undefined;
  const first = new Promise<End>((done) => {
    resolve = done;
  });
  let ending = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (ending) process.exit(1);
    ending = true;
    resolve({ reason: signal, code: 0 });
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  process.on('SIGQUIT', onSignal);
  // SRS reloads on SIGHUP; ending by it, as Node does by default, would take every viewer along.
  process.on('SIGHUP', () => logger.warn('SIGHUP: reload is not there yet, nothing has changed'));
  process.on('SIGUSR1', () => logger.reopen());
  const onError = (error: unknown): void => {
    // State is unknown from here on: close what can be closed and let the supervisor start anew.
    process.stderr.write(
      `unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    if (ending) process.exit(1);
    ending = true;
    resolve({ reason: `unexpected error: ${describeError(error)}`, code: 1 });
  };
  process.on('uncaughtException', onError);
  process.on('unhandledRejection', onError);
  return { first };
}

/** Two folders up from here, be it `src/server` or `dist/server`. */
const PACKAGE = new URL('../../', import.meta.url);

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('package.json', PACKAGE), 'utf8')) as {
    version: string;
  };
  return version;
}

function pageDir(): string | undefined {
  const dir = new URL('console/dist/', PACKAGE);
  return existsSync(new URL('index.html', dir)) ? fileURLToPath(dir) : undefined;
}
