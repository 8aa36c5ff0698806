import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile, rename, unlink, writeFile, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from './make-folder.ts';

/** Where a record stands in the file, bytes. */
export interface RecordPlace {
  readonly offset: number;
  readonly length: number;
}

/** A line of a file that is longer is none of ours, bytes. */
export const MAX_RECORD_BYTES = 256 * 1024;

const HEADER = Buffer.from('srs-ts records 1\n');
const READ_BYTES = 256 * 1024;
const NEW_LINE = 0x0a;

/**
 * A file of lines that only grows, until it is written anew with those that still count. One process has it at a time. Calls must
 * not overlap. What is appended survives the end of the process, however that comes; it does not wait for the disk.
 */
export class RecordFile {
  readonly #path: string;
  #file: FileHandle | undefined;
  #locked = false;
  #size = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Bytes of the file. */
  get size(): number {
    return this.#size;
  }

  /**
   * Reads what there is, line by line; a last line without its end was being written when the process died, and is cut off. Returns
   * false when the file is not one of ours; throws when another process has it, or it cannot be read.
   */
  async load(onLine: (line: Buffer, place: RecordPlace) => void): Promise<boolean> {
    const file = await this.#openExisting();
    if (file === undefined) return true;
    this.#file = file;
    try {
      await this.#lock();
    } catch (error) {
      await this.#closeFile();
      throw error;
    }
    const { size } = await file.stat();
    const head = Buffer.alloc(HEADER.length);
    await file.read(head, 0, HEADER.length, 0);
    if (!head.equals(HEADER)) return false;
    this.#size = HEADER.length;
    let rest = Buffer.alloc(0);
    for (let at = HEADER.length; at < size;) {
      const chunk = Buffer.allocUnsafe(Math.min(READ_BYTES, size - at));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
      if (bytesRead === 0) break;
      at += bytesRead;
      rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      let from = 0;
      for (let end = rest.indexOf(NEW_LINE); end >= 0; end = rest.indexOf(NEW_LINE, from)) {
        onLine(rest.subarray(from, end), { offset: this.#size, length: end + 1 - from });
        this.#size += end + 1 - from;
        from = end + 1;
      }
      rest = rest.subarray(from);
      if (rest.length > MAX_RECORD_BYTES) return false;
    }
    await file.truncate(this.#size);
    return true;
  }

  /** Whoever looks at it later finds it beside the new one. */
  async setAside(): Promise<string> {
    await this.#closeFile();
    const aside = `${this.#path}.broken`;
    await rename(this.#path, aside);
    return aside;
  }

  /** Appends whole lines: all of them, or it throws and the file is as before. */
  async append(lines: Buffer): Promise<RecordPlace> {
    const file = this.#file ?? (await this.#create());
    const offset = this.#size;
    try {
      for (let done = 0; done < lines.length;)
        done += (await file.write(lines, done, lines.length - done, offset + done)).bytesWritten;
    } catch (error) {
      await file.truncate(offset).catch(() => undefined);
      throw error;
    }
    this.#size += lines.length;
    return { offset, length: lines.length };
  }

  /** Reads a line, with its end. */
  async read({ offset, length }: RecordPlace): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length);
    const read = await this.#file?.read(bytes, 0, length, offset);
    return bytes.subarray(0, read?.bytesRead ?? 0);
  }

  /** Writes the file anew with only these lines, in their order; whoever looks at it sees the old or the new one. Returns where they are. */
  async rewrite(places: readonly RecordPlace[]): Promise<RecordPlace[]> {
    const old = this.#file;
    if (old === undefined) return [];
    const path = `${this.#path}.${randomUUID()}.tmp`;
    const made = await open(path, 'wx+', 0o600);
    try {
      const moved: RecordPlace[] = [];
      let size = 0;
      let batch: Buffer[] = [HEADER];
      let waiting = HEADER.length;
      const flush = async (): Promise<void> => {
        await made.writev(batch, size);
        size += waiting;
        batch = [];
        waiting = 0;
      };
      for (const { offset, length } of places) {
        const line = await this.read({ offset, length });
        moved.push({ offset: size + waiting, length });
        batch.push(line);
        waiting += line.length;
        if (waiting >= READ_BYTES) await flush();
      }
      await flush();
      if ((await made.stat()).size !== size) throw new Error('the disk took less than there was');
      await rename(path, this.#path);
      this.#file = made;
      this.#size = size;
      await old.close();
      return moved;
    } catch (error) {
      await made.close();
      await unlink(path).catch(() => undefined);
      throw error;
    }
  }

  /** Lets it go; `remove`: nothing in it counts any more. Idempotent. */
  async close(remove: boolean): Promise<void> {
    if (this.#file !== undefined && remove) await unlink(this.#path).catch(() => undefined);
    await this.#closeFile();
    if (this.#locked) await unlink(this.#lockPath).catch(() => undefined);
    this.#locked = false;
  }

  get #lockPath(): string {
    return `${this.#path}.lock`;
  }

  async #openExisting(): Promise<FileHandle | undefined> {
    try {
      // Never through a link, never waiting for a pipe.
      return await open(this.#path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #create(): Promise<FileHandle> {
    makeFolder(dirname(this.#path));
    await this.#lock();
    const { O_RDWR, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
    const file = await open(this.#path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
    try {
      await file.write(HEADER, 0, HEADER.length, 0);
    } catch (error) {
      await file.close();
      await unlink(this.#path).catch(() => undefined);
      throw error;
    }
    this.#file = file;
    this.#size = HEADER.length;
    return file;
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#size = 0;
    await file?.close();
  }

  /** A file with the id of the process and its start; that of a process that is gone is taken over. */
  async #lock(): Promise<void> {
    if (this.#locked) return;
    const mine = `${process.pid} ${await startOf(process.pid)}\n`;
    try {
      await writeFile(this.#lockPath, mine, { flag: 'wx', mode: 0o600 });
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      const [pid = '', start = ''] = (await readFile(this.#lockPath, 'latin1')).trim().split(' ');
      const holder = Number(pid);
      // After a start of the machine another program may have the id.
      if (isAlive(holder) && (start === '' || start === (await startOf(holder))))
        throw new Error(`process ${holder} has ${this.#path}`, { cause: error });
      await writeFile(this.#lockPath, mine, { mode: 0o600 });
    }
    this.#locked = true;
  }
}

/** When a process began, in whatever unit the system has; empty = not known. Linux: proc(5), field 22 of `stat`. */
async function startOf(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    // The name of the program, which may have anything in it, ends with the last bracket.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  // In a container the next process may have the id of the one before.
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
