import { createReadStream } from 'node:fs';
import { open, realpath, stat, type FileHandle } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';

/** A regular file below the root. */
export interface ServedFile {
  /** Relative to `root`, with `/`; without symbolic links. */
  readonly path: string;
  /** The root's real path. */
  readonly root: string;
  readonly sizeBytes: number;
}

export type Located = { readonly file: ServedFile } | { readonly redirect: string } | undefined;

/** The files below one folder, by URL path. Nothing outside of it can be named, also not through symbolic links. */
export class DocumentRoot {
  readonly #dir: string;
  /** Absolute, without a slash at the end. */
  readonly #lexical: string;

  constructor(dir: string) {
    this.#dir = dir;
    this.#lexical = resolve(dir).replace(/\/$/, '');
  }

  /**
   * The absolute path that the file at `path` would have, by text alone: nothing needs to be there. Undefined when no file may
   * be served under that name.
   *
   * @param path As for `locate`.
   */
  pathOf(path: string): string | undefined {
    return isServed(path) ? this.#lexical + path : undefined;
  }

  /**
   * @param path Decoded URL path that begins with `/` and has no `..`. A folder means its `index.html`; without a slash at
   * the end it is redirected to the form with one.
   */
  async locate(path: string): Promise<Located> {
    if (!isServed(path)) return undefined;
    try {
      const root = await realpath(this.#dir);
      const wanted = join(root, path);
      const found = await stat(wanted);
      if (found.isDirectory() && !path.endsWith('/')) return { redirect: `${path}/` };
      if (!found.isDirectory() && path.endsWith('/')) return undefined;
      const real = await realpath(found.isDirectory() ? join(wanted, 'index.html') : wanted);
      if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) return undefined;
      const file = await stat(real);
      if (!file.isFile()) return undefined;
      return {
        file: { path: relative(root, real).split(sep).join('/'), root, sizeBytes: file.size },
      };
    } catch {
      // Missing, no permission, name too long, a file used as a folder: to the outside all the same.
      return undefined;
    }
  }
}

/** Names that begin with a dot are configuration and secrets more often than content. */
function isServed(path: string): boolean {
  return !/\/\.(?!well-known(\/|$))/.test(path) && !path.includes('\0');
}

/** Reads up to `length` bytes from `position`; fewer at the end of the file. */
export async function readAt(file: ServedFile, position: number, length: number): Promise<Buffer> {
  const handle = await open(join(file.root, file.path), 'r');
  try {
    const buffer = Buffer.alloc(Math.min(length, Math.max(0, file.sizeBytes - position)));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** A whole file, and when it was written; undefined when it is gone or longer than `maxBytes`. */
export async function readWhole(
  file: ServedFile,
  maxBytes: number,
): Promise<{ readonly bytes: Buffer; readonly modifiedMs: number } | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(join(file.root, file.path), 'r');
    // Of the opened file: another one may have its name by now.
    const { size, mtimeMs } = await handle.stat();
    if (size > maxBytes) return undefined;
    const buffer = Buffer.alloc(size);
    let length = 0;
    while (length < size) {
      const { bytesRead } = await handle.read(buffer, length, size - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return { bytes: buffer.subarray(0, length), modifiedMs: mtimeMs };
  } catch {
    return undefined;
  } finally {
    await handle?.close();
  }
}

/** The bytes from `start` to `end` (not included), or to the size that the file had when it was located. */
export function streamFrom(file: ServedFile, start: number, end = file.sizeBytes): Readable {
  return createReadStream(join(file.root, file.path), { start, end: end - 1 });
}
