import { randomBytes } from 'node:crypto';
import { open, readFile, realpath, rename, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { describeError, ServerError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';

/** Characters of a path in a message. */
const MAX_SHOWN = 300;

/**
 * Writes another text into a file of the configuration: whole or not at all, with the mode and the owner that it has, through
 * a symbolic link into what that points to. Throws CONFIG_WRITE_FAILED, and then the file is as it was; also when it does
 * not hold `before` any more.
 */
export async function replaceConfigFile(file: string, before: string, after: string): Promise<void> {
  let made: string | undefined;
  try {
    const target = await realpath(file);
    const { mode, uid, gid } = await stat(target);
    made = path.join(path.dirname(target), `.${path.basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
    const handle = await open(made, 'wx', 0o600);
    try {
      await handle.writeFile(after);
      const own = await handle.stat();
      if (own.uid !== uid || own.gid !== gid) await handle.chown(uid, gid);
      await handle.chmod(mode & 0o7777);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if ((await readFile(target, 'utf8')) !== before) throw new Error('somebody else has just changed it');
    await rename(made, target);
    made = undefined;
    await syncFolder(path.dirname(target));
  } catch (cause) {
    if (made !== undefined) await unlink(made).catch(() => undefined);
    const name = printable(file, MAX_SHOWN);
    throw new ServerError('CONFIG_WRITE_FAILED', `${name} could not be written: ${why(cause)}`, { cause });
  }
}

/** A rename is on the disk when its folder is. Where that cannot be had the file is there all the same. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write to its folder',
  EBUSY: 'it is mounted by itself; mount its folder instead',
  EDQUOT: 'the quota of the disk is used up',
  ENOSPC: 'the disk is full',
  EPERM: 'it belongs to another user, and would not any more',
  EROFS: 'its disk is read-only',
};

function why(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return REASONS[code] ?? describeError(error);
}
