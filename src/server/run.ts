import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../base/clock.ts';
import { formatProblem } from '../config/index.ts';
import { RecordFile } from '../storage/record-file.ts';
import { banner } from './banner.ts';
import { growHeap } from './heap-growth.ts';
import { returnMemory } from './memory-return.ts';
import { detectContainer } from './process/container.ts';
import { daemonParent, foregroundReason, startDaemon } from './process/daemon.ts';
import { EXIT_CODES } from './process/ending.ts';
import { drain } from './process/graceful.ts';
import { beginLife, endLife, tellFailure, type Life } from './process/life.ts';
import { checkOpenFiles } from './process/open-files.ts';
import { watchParent } from './process/parent-watch.ts';
import { ReloadTriggers } from './process/reload-triggers.ts';
import { createServiceNotify } from './process/service-notify.ts';
import { listenToSignals } from './process/signals.ts';
import { RawPart } from './raw.ts';
import { Reloader } from './reload/index.ts';
import type { RunContext } from './run-context.ts';
import { Server } from './server.ts';

/** Runs a server until it is ended. Resolves with the exit code; the caller has nothing left to close. */
export async function run(context: RunContext): Promise<number> {
  const { config, warnings } = context.loaded;
  const parent = daemonParent();
  const parentPid = process.ppid;
  const container = config.inDocker ? 'in_docker on' : detectContainer();
  const stays = foregroundReason(config, { pid: process.pid, container, env: process.env });
  if (config.daemon && parent === undefined && stays === undefined) return startDaemon(config);

  const life = await beginLife(config);
  if (life === undefined) return EXIT_CODES.failed;
  const { logger, ending, scope } = life;
  if (config.daemon && stays !== undefined) logger.info(`daemon on, but in the foreground: ${stays}`);
  for (const problem of warnings) logger.warn(formatProblem(problem));

  const version = packageVersion();
  const placeOf = (key: string): string | undefined => {
    const origin = context.loaded.origins.get(key);
    if (origin === undefined) return undefined;
    return origin.line === 0 ? origin.file : `${origin.file}:${origin.line}`;
  };
  const server = new Server(config, {
    logger,
    version,
    pageDir: pageDir(),
    placeOf,
    hookStore: (path) => new RecordFile(path),
    raw: () => (context.configFile === undefined ? undefined : raw),
  });
  const reloader = new Reloader({
    loaded: context.loaded,
    load: () => context.reload(),
    targets: [life.target, ...server.targets],
    logger,
    onReport: (report) => server.reloaded(report),
  });
  const notify = createServiceNotify({ clock: systemClock, logger });
  const triggers = new ReloadTriggers({ reloader, ending, notify, clock: systemClock, logger });
  const raw: RawPart = new RawPart({
    load: (from) => context.reload(from),
    cwd: context.cwd,
    reloader,
    reload: (trigger) => triggers.reload(trigger),
    logger,
  });
  const start = { isDone: false, reloadAfter: false };
  scope.add(
    listenToSignals({
      ending,
      forceGraceQuit: () => reloader.running.config.forceGraceQuit,
      reload: () => {
        if (start.isDone) void triggers.reload('SIGHUP');
        else start.reloadAfter = true; // The file may have changed since it was read.
      },
      reopenLog: () => logger.reopen(),
      say: (text) => logger.info(text),
    }),
  );

  try {
    checkOpenFiles(config, logger);
    await server.start();
  } catch (error) {
    tellFailure(config, logger, error);
    return endLife(life, EXIT_CODES.failed, () => server.stop());
  }
  start.isDone = true;
  if (start.reloadAfter) void triggers.reload('SIGHUP');
  if (config.inotifyAutoReload || (container !== undefined && config.autoReloadForDocker))
    triggers.watchFiles(performance.timeOrigin);
  scope.add(() => triggers.close());
  announce(context, server, version, life, parent !== undefined);

  if (config.asprocess) {
    const gone = (from: number, to: number): void =>
      ending.request({ kind: 'fast', reason: `asprocess: the parent process was ${from} and is ${to}` });
    scope.add(watchParent(systemClock, parentPid, gone));
  }
  scope.add(returnMemory(systemClock, () => server.connections));
  scope.add(growHeap(systemClock, () => server.liveStreams));
  scope.add(() => notify.close());
  notify.ready();
  parent?.ready();

  const end = await ending.begun;
  notify.stopping();
  if (end.kind === 'graceful') {
    logger.info(`stopping gracefully: ${end.reason}`);
    const { graceStartWaitMs, graceDrainTimeoutMs, graceFinalWaitMs } = reloader.running.config;
    await drain(server, {
      startWaitMs: graceStartWaitMs,
      drainTimeoutMs: graceDrainTimeoutMs,
      finalWaitMs: graceFinalWaitMs,
      clock: systemClock,
      logger,
      hastened: ending.hastened,
    });
  }
  logger.info(`stopping: ${ending.current?.reason ?? end.reason}`);
  return endLife(life, undefined, () => server.stop());
}

/** Where it listens: lines for the log, and for a person at the terminal how to use it. */
function announce(
  context: RunContext,
  server: Server,
  version: string,
  { logger }: Life,
  inBackground: boolean,
): void {
  const { config } = context.loaded;
  logger.info(
    `srs-ts ${version} started with ${context.configFile ?? 'the environment'}, pid ${process.pid}`,
  );
  for (const [what, addresses] of Object.entries(server.addresses)) {
    for (const { host, port } of addresses as readonly { host: string; port: number }[]) {
      logger.info(`${what} listens on ${host.includes(':') ? `[${host}]` : host}:${port}`);
    }
  }
  if (config.srsLogTank === 'console') {
    // For a person at a terminal; in the log of a container it would only stand between the lines.
    if (!process.stdout.isTTY) return;
    logger.flushSync();
    process.stdout.write(banner(server.addresses, config));
  } else if (!inBackground) {
    // Or the terminal shows nothing at all, and a server in the foreground looks like one that hangs.
    process.stderr.write(
      `srs-ts is live, pid ${process.pid}; its log is ${path.resolve(config.srsLogFile)}\n`,
    );
  }
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
