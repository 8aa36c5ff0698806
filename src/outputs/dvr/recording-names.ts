import { dirname, extname, join, basename } from 'node:path';
import type { Undo } from '../../base/undo.ts';
import { once } from '../../base/undo.ts';
import { ServerError } from '../../base/errors.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { temporaryPath } from '../../storage/safe-file.ts';

/** Names that are tried for one recording: `a.flv`, `a-1.flv` … */
export const MAX_RECORDING_NAMES = 1_000;

/** A path that nobody else records to until it is given back. */
export interface TakenName {
  readonly path: string;
  release: Undo;
}

/** Names of recordings: no file is written over, and no two streams write the same one. One per server. */
export class RecordingNames {
  readonly #fs: FileSystem;
  readonly #taken = new Set<string>();

  constructor(fileSystem: FileSystem) {
    this.#fs = fileSystem;
  }

  /** `path` or the first name after it that is free; `own` is a file that is to get the name. Throws FILE_WRITE_FAILED. */
  async takeFree(path: string, own?: string): Promise<TakenName> {
    for (let number = 0; number < MAX_RECORDING_NAMES; number += 1) {
      const taken = this.take(numbered(path, number));
      if (taken === undefined) continue;
      if (await this.#isFree(taken.path, own)) return taken;
      taken.release();
    }
    throw new ServerError(
      'FILE_WRITE_FAILED',
      `all names after ${path} are taken: a variable such as [timestamp] is missing`,
    );
  }

  isTaken(path: string): boolean {
    return this.#taken.has(path);
  }

  async #isFree(path: string, own: string | undefined): Promise<boolean> {
    const temporary = temporaryPath(path, 'recording');
    return !(await this.#fs.exists(path)) && (temporary === own || !(await this.#fs.exists(temporary)));
  }

  /** Just this path, whether there is a file or not; undefined when it is being written. */
  take(path: string): TakenName | undefined {
    if (this.#taken.has(path)) return undefined;
    this.#taken.add(path);
    return { path, release: once(() => void this.#taken.delete(path)) };
  }
}

function numbered(path: string, number: number): string {
  if (number === 0) return path;
  const ending = extname(path);
  return join(dirname(path), `${basename(path, ending)}-${number}${ending}`);
}
