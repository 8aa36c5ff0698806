import type { EditableHandle, FileSystem, WritableHandle } from '../../src/storage/file-system.ts';

/** Files in memory; writes, opens and renames fail while `broken` is set, and wait while `blocked` is. */
export class MemoryFileSystem implements FileSystem {
  readonly files = new Map<string, Buffer>();
  /** Paths in the order in which they got their name. */
  readonly renamed: string[] = [];
  broken: Error | undefined;
  blocked: Promise<void> | undefined;

  async create(path: string): Promise<WritableHandle> {
    await this.#check();
    this.files.set(path, Buffer.alloc(0));
    return {
      writev: async (buffers, position) => {
        await this.#check();
        const bytes = Buffer.concat(buffers);
        const before = this.files.get(path) ?? Buffer.alloc(0);
        this.files.set(path, Buffer.concat([before.subarray(0, position), bytes]));
        return bytes.length;
      },
      sync: () => Promise.resolve(),
      touch: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
  }

  edit(path: string): Promise<EditableHandle> {
    return Promise.reject(new Error(`nothing edits ${path}`));
  }

  exists(path: string): Promise<boolean> {
    return Promise.resolve(this.files.has(path));
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#check();
    const bytes = this.files.get(from);
    if (bytes === undefined) throw Object.assign(new Error(`no ${from}`), { code: 'ENOENT' });
    this.files.delete(from);
    this.files.set(to, bytes);
    this.renamed.push(to);
  }

  async unlink(path: string): Promise<void> {
    await this.#check();
    if (!this.files.delete(path)) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' });
  }

  makeFolder(): Promise<void> {
    return Promise.resolve();
  }

  async #check(): Promise<void> {
    await this.blocked;
    if (this.broken !== undefined) throw this.broken;
  }
}
