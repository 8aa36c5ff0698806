import { ServerError } from '../base/errors.ts';

/** The working directory. Throws WORK_DIR_FAILED when it was removed meanwhile: Node says `ENOENT uv_cwd` then, and no more. */
export function currentFolder(): string {
  try {
    return process.cwd();
  } catch (cause) {
    const message = 'the folder that srs was started in is gone; change to one that exists';
    throw new ServerError('WORK_DIR_FAILED', message, { cause });
  }
}
