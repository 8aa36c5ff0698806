import type { EditableHandle, FileSystem } from '../../src/storage/file-system.ts';

interface StoredFile {
  bytes: Buffer;
  size: number;
}

/**
 * A disk in memory for days of recording: files grow in place, and it is known when nothing is under way. `halt` is the end of the
 * machine: whoever writes still does so in vain.
 */
export class MemoryDisk implements FileSystem {
  readonly #files = new Map<string, StoredFile>();
  readonly #onRename: (path: string) => void;
  #halted = false;

  constructor(onRename: (path: string) => void = () => undefined) {
    this.#onRename = onRename;
  }

  get paths(): string[] {
    return [...this.#files.keys()];
  }

  /** Bytes of all files below a folder, and how many there are. */
  usage(folder: string): { readonly files: number; readonly bytes: number } {
    let files = 0;
    let bytes = 0;
    for (const [path, file] of this.#files) {
      if (!path.startsWith(`${folder}/`)) continue;
      files += 1;
      bytes += file.size;
    }
    return { files, bytes };
  }

  /** Bytes of memory that the files take. */
  get heldBytes(): number {
    let bytes = 0;
    for (const file of this.#files.values()) bytes += file.bytes.length;
    return bytes;
  }

  has(path: string): boolean {
    return this.#files.has(path);
  }

  read(path: string): Buffer | undefined {
    const file = this.#files.get(path);
    return file?.bytes.subarray(0, file.size);
  }

  remove(path: string): void {
    this.#files.delete(path);
  }

  /** Another disk with the same files; this one takes nothing any more. */
  halt(onRename: (path: string) => void): MemoryDisk {
    this.#halted = true;
    const next = new MemoryDisk(onRename);
    for (const [path, { bytes, size }] of this.#files) {
      next.#files.set(path, { bytes: Buffer.from(bytes.subarray(0, size)), size });
    }
    return next;
  }

  create(path: string): Promise<EditableHandle> {
    const file: StoredFile = { bytes: Buffer.alloc(0), size: 0 };
    if (!this.#halted) this.#files.set(path, file);
    return Promise.resolve(new MemoryHandle(file));
  }

  edit(path: string): Promise<EditableHandle> {
    const file = this.#files.get(path);
    return file === undefined ? missing(path) : Promise.resolve(new MemoryHandle(file));
  }

  exists(path: string): Promise<boolean> {
    return Promise.resolve(this.#files.has(path));
  }

  rename(from: string, to: string): Promise<void> {
    const file = this.#files.get(from);
    if (file === undefined) return missing(from);
    if (this.#halted) return Promise.resolve();
    this.#files.delete(from);
    this.#files.set(to, file);
    this.#onRename(to);
    return Promise.resolve();
  }

  unlink(path: string): Promise<void> {
    if (this.#halted) return Promise.resolve();
    return this.#files.delete(path) ? Promise.resolve() : missing(path);
  }

  makeFolder(): Promise<void> {
    return Promise.resolve();
  }
}

class MemoryHandle implements EditableHandle {
  readonly #file: StoredFile;

  constructor(file: StoredFile) {
    this.#file = file;
  }

  writev(buffers: readonly Uint8Array[], position: number): Promise<number> {
    const file = this.#file;
    let at = position;
    for (const buffer of buffers) {
      this.#grow(at + buffer.length);
      file.bytes.set(buffer, at);
      at += buffer.length;
    }
    file.size = Math.max(file.size, at);
    return Promise.resolve(at - position);
  }

  size(): Promise<number> {
    return Promise.resolve(this.#file.size);
  }

  read(into: Uint8Array, position: number): Promise<number> {
    const { bytes, size } = this.#file;
    const part = bytes.subarray(Math.min(position, size), Math.min(size, position + into.length));
    into.set(part);
    return Promise.resolve(part.length);
  }

  truncate(bytes: number): Promise<void> {
    this.#grow(bytes);
    this.#file.size = bytes;
    return Promise.resolve();
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  touch(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #grow(size: number): void {
    const file = this.#file;
    if (size <= file.bytes.length) return;
    const larger = Buffer.alloc(
      Math.max(size, Math.min(2 * file.bytes.length, file.bytes.length + (1 << 20))),
    );
    file.bytes.copy(larger, 0, 0, file.size);
    file.bytes = larger;
  }
}

function missing(path: string): Promise<never> {
  return Promise.reject(Object.assign(new Error(`no ${path}`), { code: 'ENOENT' }));
}
