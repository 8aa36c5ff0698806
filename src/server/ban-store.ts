import { describeError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { MAX_BAN_FILE_BYTES, type BanStore } from '../control/access/index.ts';
import { nodeFileSystem } from '../storage/file-system.ts';
import { readWhole } from '../storage/read-whole.ts';
import { WholeFiles } from '../storage/whole-files.ts';

/** [ban_file] Bans in a file that is always replaced as a whole. */
export class BanFiles {
  readonly #files: WholeFiles;

  constructor(logger: Logger) {
    this.#files = new WholeFiles((error, path) =>
      logger.error(`bans are not kept over a restart: ${path}: ${describeError(error)}`),
    );
  }

  /** The file at this path; undefined = bans are not kept. */
  store(path: string): BanStore | undefined {
    if (path === '') return undefined;
    return {
      place: path,
      read: async () => (await readWhole(path, MAX_BAN_FILE_BYTES))?.toString('utf8'),
      write: async (text) => {
        await this.#files.write(path, Buffer.from(text));
      },
      setAside: async () => {
        const aside = `${path}.broken`;
        await nodeFileSystem.rename(path, aside);
        return aside;
      },
    };
  }
}
