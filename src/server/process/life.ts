import { describeError, ServerError } from '../../base/errors.ts';
import { UndoScope } from '../../base/undo.ts';
import type { Config } from '../../config/index.ts';
import type { RootLogger } from '../../observe/index.ts';
import { crashLines, killAfter, onUnexpected, shout } from './crash.ts';
import { Ending } from './ending.ts';
import { acquirePidFile } from './pid-file.ts';
import { openLog } from './process-log.ts';
import { ProcessTarget } from './process-target.ts';

/** The whole fast end may take so long; then the process ends anyway, ms. */
const STOP_DEADLINE_MS = 1_800;
/** So much longer if a disk has not answered by then, ms. */
const DISK_DEADLINE_MS = 150;
/** As above after an unexpected error, enforced from another thread, ms. */
const CRASH_DEADLINE_MS = 2_000;

/** What one process has for as long as it lives: its folder, log, pid file, and the way it ends. */
export interface Life {
  readonly logger: RootLogger;
  readonly ending: Ending;
  readonly target: ProcessTarget;
  /** What is undone at the end, in reverse order. */
  readonly scope: UndoScope;
}

/** Enters the folder, opens the log, takes the pid file. Undefined: it could not, has told why, and left nothing behind. */
export async function beginLife(config: Config): Promise<Life | undefined> {
  let logger: RootLogger;
  try {
    enterFolder(config.workDir);
    logger = openLog(config);
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n`);
    return undefined;
  }
  let target: ProcessTarget;
  try {
    const pidFile = acquirePidFile(config.pid);
    target = new ProcessTarget(logger, pidFile);
    if (pidFile?.leftBy !== undefined)
      logger.warn(`pid file ${config.pid}: process ${pidFile.leftBy} has left it behind, taken over`);
  } catch (error) {
    tellFailure(config, logger, error);
    await logger.close();
    return undefined;
  }
  const ending = new Ending((code) => process.exit(code));
  const scope = new UndoScope();
  // However the process ends, what it has to say is written and its file is removed.
  const atExit = (): void => {
    target.close();
    logger.flushSync();
  };
  process.once('exit', atExit);
  scope.add(() => process.off('exit', atExit));
  scope.add(onUnexpected((error) => crash(error, logger, ending)));
  scope.add(() => target.close());
  return { logger, ending, target, scope };
}

/** Tells why the start failed, where it is looked for: the terminal first, and the log when there is none. */
export function tellFailure(config: Config, logger: RootLogger, error: unknown): void {
  if (config.srsLogTank === 'file') process.stderr.write(`${describeError(error)}\n`);
  logger.error(`could not start: ${describeError(error)}`);
}

/**
 * Ends what `beginLife` began. Resolves with the exit code: `code`, else that of the way it ends; the process is gone by the
 * deadline in any case.
 */
export async function endLife(
  life: Life,
  code: number | undefined,
  stop: () => Promise<void>,
): Promise<number> {
  const { logger, ending, scope } = life;
  // Not cleared: should something keep the process alive after all is closed, this ends it.
  setTimeout(() => {
    logger.warn(`not everything closed within ${STOP_DEADLINE_MS} ms`);
    if (!waitsForDisk()) process.exit(code ?? ending.code);
    setTimeout(() => exitOrDie(code ?? ending.code, life), DISK_DEADLINE_MS);
  }, STOP_DEADLINE_MS).unref();
  try {
    await stop();
  } catch (error) {
    logger.error(`stopping: ${describeError(error)}`);
  }
  if (code === undefined) logger.info('stopped');
  scope.run();
  await logger.close();
  return code ?? ending.code;
}

/** Something was asked of a file and has no answer. */
function waitsForDisk(): boolean {
  return process.getActiveResourcesInfo().some((resource) => resource.startsWith('FSReq'));
}

/** `process.exit` waits for the threads that ask the disk: where it does not answer only a signal ends the process. */
function exitOrDie(code: number, { logger, target }: Life): void {
  if (!waitsForDisk()) process.exit(code);
  logger.error('the disk does not answer: the process kills itself');
  target.close();
  // The log has a moment: its own write may be under way.
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), DISK_DEADLINE_MS);
}

/** State is unknown from here on: close what can be closed, and let a supervisor start anew. */
function crash(error: unknown, logger: RootLogger, ending: Ending): void {
  const lines = crashLines(error);
  killAfter(CRASH_DEADLINE_MS);
  shout(lines);
  for (const line of lines) logger.error(line);
  logger.flushSync();
  ending.request({ kind: 'crash', reason: lines[0] ?? 'unexpected' });
}

function enterFolder(workDir: string): void {
  if (workDir === './') return;
  try {
    process.chdir(workDir);
  } catch (cause) {
    throw new ServerError('WORK_DIR_FAILED', `work_dir ${workDir}: cannot be entered`, { cause });
  }
}
