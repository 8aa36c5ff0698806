import { ServerError } from '../base/errors.ts';
import { basename, dirname, join } from 'node:path';
import { nodeFileSystem, type FileSystem, type WritableHandle } from './file-system.ts';

/** Bytes of one file that wait for the disk; beyond it the disk is too slow for the stream and the file fails. */
export const MAX_PENDING_BYTES = 16 * 1024 * 1024;
/** One write takes at most so many bytes and pieces (IOV_MAX is 1024). */
const MAX_BATCH_BYTES = 1024 * 1024;
const MAX_BATCH_PIECES = 512;
/** Pieces of any size that wait: small ones cost memory too. */
const MAX_PENDING_PIECES = 65_536;

const MAX_CREATE_TRIES = 3;

/** What ends the name of a file that is not whole; it also begins with a dot, which no file of a stream does. */
const TEMPORARY_END = '.tmp';

/** The name under which `path` is written until it is whole: in the same folder, hidden. */
export function temporaryPath(path: string): string {
  return join(dirname(path), `.${basename(path)}${TEMPORARY_END}`);
}

/** The final path of a temporary one; undefined for any other name. */
export function finalPath(temporary: string): string | undefined {
  const name = basename(temporary);
  if (!name.startsWith('.') || !name.endsWith(TEMPORARY_END)) return undefined;
  const final = name.slice(1, -TEMPORARY_END.length);
  return final === '' ? undefined : join(dirname(temporary), final);
}

export interface SafeFileOptions {
  /** The final path; its folder is made. */
  readonly path: string;
  /** Called once, when the file failed; nothing is called afterwards. Never called from within `write` or `patch`. */
  readonly onError: (error: ServerError) => void;
  /** Called when `write` said false and half of the room is free again. */
  readonly onDrain?: () => void;
  /** `close`: the bytes are on the disk before the file gets its name. Default `never`: a power cut may cost it. */
  readonly sync?: 'never' | 'close';
  /** `keep`: what was written stays under the temporary name, for recovery. Default `remove`. */
  readonly onFailure?: 'remove' | 'keep';
  /** Default: MAX_PENDING_BYTES. */
  readonly maxPendingBytes?: number;
  /** Default: that of the machine. */
  readonly fileSystem?: FileSystem;
}

export interface SafeFileStats {
  /** Bytes appended so far. */
  readonly bytes: number;
  /** Of them, and of patches, those that are not written yet. */
  readonly pendingBytes: number;
}

type State = 'open' | 'closing' | 'whole' | 'failed' | 'aborted';

interface Piece {
  readonly bytes: Uint8Array;
  readonly position: number;
}

/**
 * A file that is there under its name only when it is whole. Calls never wait: bytes queue up, one write is under way, and the
 * next takes all that came meanwhile. The bytes belong to the file from then on; nobody may change them.
 */
export class SafeFile {
  readonly path: string;
  readonly #temporary: string;
  readonly #options: SafeFileOptions;
  readonly #fs: FileSystem;
  readonly #maxPending: number;
  #state: State = 'open';
  #queue: Piece[] = [];
  #next = 0;
  #bytes = 0;
  #pending = 0;
  #full = false;
  #wake: (() => void) | undefined;
  readonly #done: Promise<void>;

  constructor(options: SafeFileOptions) {
    this.path = options.path;
    this.#temporary = temporaryPath(options.path);
    this.#options = options;
    this.#fs = options.fileSystem ?? nodeFileSystem;
    this.#maxPending = options.maxPendingBytes ?? MAX_PENDING_BYTES;
    this.#done = this.#run();
  }

  get stats(): SafeFileStats {
    return { bytes: this.#bytes, pendingBytes: this.#pending };
  }

  /** Appends. False: more than half of the room is taken, or the file takes nothing any more. */
  write(bytes: Uint8Array): boolean {
    const position = this.#bytes;
    if (this.#state === 'open') this.#bytes += bytes.length;
    return this.#add(bytes, position);
  }

  /** Writes over what was appended before, after all that was asked for so far. */
  patch(bytes: Uint8Array, position: number): boolean {
    if (position < 0 || position + bytes.length > this.#bytes) {
      throw new ServerError('INTERNAL', `a patch at ${position} is outside of ${this.path}`);
    }
    return this.#add(bytes, position);
  }

  /**
   * Writes what waits and gives the file its name, in place of one that has it. True when it is there; false after an error
   * or an abort. Never rejects; idempotent.
   */
  async close(): Promise<boolean> {
    if (this.#state === 'open') this.#state = 'closing';
    this.#wake?.();
    await this.#done;
    return this.#state === 'whole';
  }

  /** Removes what was written, unless the file is whole. Never rejects; idempotent. */
  async abort(): Promise<void> {
    if (this.#state === 'open' || this.#state === 'closing') this.#state = 'aborted';
    this.#drop();
    this.#wake?.();
    await this.#done;
  }

  #add(bytes: Uint8Array, position: number): boolean {
    if (this.#state !== 'open') return false;
    this.#pending += bytes.length;
    this.#queue.push({ bytes, position });
    this.#wake?.();
    if (this.#pending > this.#maxPending || this.#queue.length - this.#next > MAX_PENDING_PIECES) {
      const waiting = this.#pending;
      // Not from within the media path.
      queueMicrotask(() => {
        const reason = `${waiting} bytes wait for the disk`;
        this.#fail(new ServerError('FILE_TOO_SLOW', `${this.path} is given up: ${reason}`));
      });
    }
    if (this.#pending > this.#maxPending / 2) this.#full = true;
    return !this.#full;
  }

  async #run(): Promise<void> {
    let handle: WritableHandle | undefined;
    try {
      handle = await this.#create();
      for (;;) {
        if (this.#next < this.#queue.length) await this.#writeBatch(handle);
        else if (this.#state === 'open') await new Promise<void>((resolve) => (this.#wake = resolve));
        else break;
      }
      const closing = this.#state === 'closing';
      if (closing && this.#options.sync === 'close') await handle.sync();
      const closed = handle;
      handle = undefined;
      await closed.close(); // Some file systems tell only now that the disk is full.
      if (this.#state === 'closing') {
        await this.#fs.rename(this.#temporary, this.path);
        this.#state = 'whole';
        return;
      }
    } catch (cause) {
      this.#fail(new ServerError('FILE_WRITE_FAILED', `cannot write ${this.path}`, { cause }));
    }
    await handle?.close().catch(() => undefined);
    const keep = this.#state === 'failed' && this.#options.onFailure === 'keep';
    if (!keep) await this.#fs.unlink(this.#temporary).catch(() => undefined);
  }

  async #create(): Promise<WritableHandle> {
    for (let tries = 1; ; tries += 1) {
      await this.#fs.makeFolder(dirname(this.path));
      try {
        return await this.#fs.create(this.#temporary);
      } catch (error) {
        // Somebody removed the folder between the two: it was empty.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === MAX_CREATE_TRIES) throw error;
      }
    }
  }

  /** One write of what is consecutive at the head of the queue. */
  async #writeBatch(handle: WritableHandle): Promise<void> {
    const first = this.#queue[this.#next] as Piece;
    const batch: Uint8Array[] = [];
    let end = first.position;
    while (batch.length < MAX_BATCH_PIECES && end - first.position < MAX_BATCH_BYTES) {
      const piece = this.#queue[this.#next];
      if (piece?.position !== end) break;
      batch.push(piece.bytes);
      end += piece.bytes.length;
      this.#next += 1;
    }
    if (this.#next === this.#queue.length) {
      this.#queue = [];
      this.#next = 0;
    } else if (this.#next > MAX_BATCH_PIECES) {
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
    }
    await writeAll(handle, batch, first.position, end - first.position);
    if (this.#state !== 'open' && this.#state !== 'closing') return;
    this.#pending -= end - first.position;
    if (!this.#full || this.#pending > this.#maxPending / 4) return;
    this.#full = false;
    if (this.#state === 'open') this.#options.onDrain?.();
  }

  #fail(error: ServerError): void {
    if (this.#state !== 'open' && this.#state !== 'closing') return;
    this.#state = 'failed';
    this.#drop();
    this.#wake?.();
    this.#options.onError(error);
  }

  #drop(): void {
    if (this.#state === 'whole') return;
    this.#queue = [];
    this.#next = 0;
    this.#pending = 0;
  }
}

/** The system may take a part only, as it does before it says that the disk is full. */
async function writeAll(
  handle: WritableHandle,
  pieces: readonly Uint8Array[],
  position: number,
  length: number,
): Promise<void> {
  let left = pieces;
  for (let done = 0; done < length;) {
    let written = await handle.writev(left, position + done);
    if (written <= 0) throw new Error('the system wrote nothing');
    done += written;
    if (done >= length) return;
    let whole = 0;
    for (; written >= (left[whole] as Uint8Array).length; whole += 1)
      written -= (left[whole] as Uint8Array).length;
    left = [(left[whole] as Uint8Array).subarray(written), ...left.slice(whole + 1)];
  }
}
