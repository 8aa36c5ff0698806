import { constants } from 'node:fs';
import { lstat, mkdir, open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

/** An open file that is written. */
export interface WritableHandle {
  /** Writes at `position`; may write less than there is. Returns how many bytes. */
  writev(buffers: readonly Uint8Array[], position: number): Promise<number>;
  /** On the disk, not only in the system's memory. */
  sync(): Promise<void>;
  /** It was changed now, although nothing was written. */
  touch(): Promise<void>;
  close(): Promise<void>;
}

/** An open file of which a part is read and mended. */
export interface EditableHandle extends WritableHandle {
  /** Bytes of the file. */
  size(): Promise<number>;
  /** Fills `into` from `position` on; returns how many bytes there were. */
  read(into: Uint8Array, position: number): Promise<number>;
  truncate(bytes: number): Promise<void>;
}

/** What the storage needs of a file system; tests put a faulty one in its place. */
export interface FileSystem {
  /** A new file, or the one of that name emptied. Never follows a symbolic link. */
  create(path: string): Promise<WritableHandle>;
  /** A regular file that is there, to be read and changed. Never follows a symbolic link, never waits for a pipe. */
  edit(path: string): Promise<EditableHandle>;
  /** Whether there is anything of that name. */
  exists(path: string): Promise<boolean>;
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
  async edit(path) {
    const { O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants;
    const handle = await open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    try {
      if (!(await handle.stat()).isFile()) throw new Error(`${path} is no regular file`);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new NodeHandle(handle);
  },
  exists,
  rename,
  unlink,
  makeFolder: makeFolders,
};

class NodeHandle implements EditableHandle {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async writev(buffers: readonly Uint8Array[], position: number): Promise<number> {
    return (await this.#handle.writev(buffers as Uint8Array[], position)).bytesWritten;
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const { bytesRead } = await this.#handle.read(into, done, into.length - done, position + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  truncate(bytes: number): Promise<void> {
    return this.#handle.truncate(bytes);
  }

  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  touch(): Promise<void> {
    const now = new Date();
    return this.#handle.utimes(now, now);
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
    // One that is there by now was made by somebody else meanwhile; or nothing can be made in it, as in /proc.
    if (!(await exists(parent))) await makeFolders(parent);
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
