import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
  type Stats,
} from 'node:fs';
import path from 'node:path';
import { ServerError } from '../../base/errors.ts';
import { once, type Undo } from '../../base/undo.ts';
import { makeFolder } from '../../storage/make-folder.ts';

/** A pid file holds one number; more than this is something else, bytes. */
export const MAX_PID_FILE_BYTES = 64;

/** The guard is held for microseconds; one that is still there after this is a leftover, ms. */
const GUARD_WAIT_MS = 500;
const GUARD_STEP_MS = 10;

/** A pid file that this process owns. */
export interface PidFile {
  readonly path: string;
  /** The process that left the file behind without removing it; undefined when there was none. */
  readonly leftBy: number | undefined;
  /** Removes the file, if it is still ours. Idempotent. */
  release: Undo;
}

/**
 * [pid] Makes this process the one owner of the file. Throws PID_FILE_HELD when another process holds it and PID_FILE_FAILED
 * when it cannot be written; returns undefined when no file is wanted (empty or `/dev/null`).
 *
 * Node has no flock. What stands for the lock is the file itself, kept open by its owner: whoever is named in it holds it as
 * long as it lives and has that very file open. So a file that a crash left behind is taken over, also when its pid has been
 * given to another program in the meantime, and also one from another container, whose pids mean nothing here.
 */
export function acquirePidFile(file: string): PidFile | undefined {
  if (file === '' || file === '/dev/null') return undefined;
  const absolute = path.resolve(file);
  try {
    makeFolder(path.dirname(absolute));
    return guarded(`${absolute}.lock`, () => take(file, absolute));
  } catch (cause) {
    if (cause instanceof ServerError) throw cause;
    throw new ServerError('PID_FILE_FAILED', `pid file ${file}: cannot be written`, { cause });
  }
}

function take(file: string, absolute: string): PidFile {
  const leftBy = readOwner(file, absolute);
  if (leftBy !== undefined && holds(leftBy, statSync(absolute))) {
    throw new ServerError('PID_FILE_HELD', `pid file ${file}: process ${leftBy} holds it`);
  }
  rmSync(absolute, { force: true });
  const fd = openSync(absolute, 'wx', 0o644);
  try {
    writeSync(fd, `${process.pid}\n`);
  } catch (error) {
    closeSync(fd);
    rmSync(absolute, { force: true });
    throw error;
  }
  const mine = fstatSync(fd);
  const release = once(() => {
    try {
      if (same(statSync(absolute), mine)) rmSync(absolute);
    } catch {
      // Somebody removed it, or the folder: it is gone either way.
    }
    closeSync(fd);
  });
  return { path: absolute, leftBy, release };
}

/** The pid in the file; undefined when there is no file or nothing in it. */
function readOwner(file: string, absolute: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(absolute, 'r');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
  try {
    if (!fstatSync(fd).isFile()) throw new ServerError('PID_FILE_FAILED', `pid file ${file}: is no file`);
    const bytes = Buffer.alloc(MAX_PID_FILE_BYTES);
    const text = bytes.toString('latin1', 0, readSync(fd, bytes)).trim();
    if (text === '') return undefined;
    if (!/^\d{1,10}$/.test(text)) {
      // Whoever wrote a wrong path here must not lose what is there.
      throw new ServerError('PID_FILE_FAILED', `pid file ${file}: there is a file that holds no process id`);
    }
    return Number(text);
  } finally {
    closeSync(fd);
  }
}

/** Whether a process lives and has the file open. */
function holds(pid: number, file: Stats): boolean {
  if (pid === process.pid || pid < 1 || !alive(pid)) return false;
  let open: string[];
  try {
    open = readdirSync(`/proc/${pid}/fd`);
  } catch {
    // It belongs to somebody else, or there is no /proc. Whoever wrote the file is the user that it belongs to; after a crash or
    // a restart of the machine its number may be that of another user's program. Where nothing is known, being alive must do.
    const user = userOf(pid);
    return (user === undefined || user === file.uid) && alive(pid);
  }
  return open.some((fd) => {
    try {
      return same(statSync(`/proc/${pid}/fd/${fd}`), file);
    } catch {
      return false; // Closed since.
    }
  });
}

/**
 * The user as whom a process makes files; undefined where the system does not say. Not the owner of `/proc/PID`: that is root
 * for a program with capabilities of its own.
 */
function userOf(pid: number): number | undefined {
  try {
    const id = /^Uid:(?:\s+\d+){3}\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return id === undefined ? undefined : Number(id);
  } catch {
    return undefined;
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (isCode(error, 'ESRCH')) return false;
  }
  try {
    // A zombie has ended; only its parent does not know yet. The state is the first word after the name in brackets.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat[stat.lastIndexOf(')') + 2] !== 'Z';
  } catch {
    return true;
  }
}

function same(a: Stats, b: Stats): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}

/** Two that start at once must not both find the same leftover and take it. */
function guarded<T>(guard: string, work: () => T): T {
  const end = performance.now() + GUARD_WAIT_MS;
  for (;;) {
    try {
      closeSync(openSync(guard, 'wx', 0o600));
      break;
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
      if (performance.now() > end) rmSync(guard, { force: true });
      else pause(GUARD_STEP_MS);
    }
  }
  try {
    return work();
  } finally {
    if (existsSync(guard)) rmSync(guard, { force: true });
  }
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}
