import { constants } from 'node:fs';
import { lstat, mkdir, open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

/** An open file that is written. */
export interface WritableHandle {
  /** Writes at `position`; may write less than there is. Returns how many bytes. */
  writev(buffers: readonly Uint8Array[], position: number): Promise<number>;
  /** On the disk, not only in the system's memory. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What the storage needs of a file system; tests put a faulty one in its place. */
export interface FileSystem {
  /** A new file, or the one of that name emptied. Never follows a symbolic link. */
  create(path: string): Promise<WritableHandle>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Makes a folder and those above it. */
  makeFolder(path: string): Promise<void>;
}

export const nodeFileSystem: FileSystem = {
  async create(path) {
    const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
    return new NodeHandle(await open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o644));
  },
  rename,
  unlink,
  makeFolder: makeFolders,
};

class NodeHandle implements WritableHandle {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async writev(buffers: readonly Uint8Array[], position: number): Promise<number> {
    return (await this.#handle.writev(buffers as Uint8Array[], position)).bytesWritten;
  }

  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

// Not `recursive` of Node, which never returns where nothing can be made (see make-folder.ts).
async function makeFolders(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    const parent = dirname(path);
    if (code !== 'ENOENT' || parent === path) throw error;
    // A parent that is there and still ENOENT: nothing can be made here, as in /proc.
    if (await exists(parent)) throw error;
    await makeFolders(parent);
    await mkdir(path).catch((again: unknown) => {
      if ((again as NodeJS.ErrnoException).code !== 'EEXIST') throw again;
    });
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
