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

/**
 * What a file that is not whole is worth: nothing (`tmp`), or it is a recording, of which every second counts. Its name ends in
 * it, and begins with a dot, which no file of a stream does.
 */
export type TemporaryKind = 'tmp' | 'recording';

const KINDS: readonly TemporaryKind[] = ['tmp', 'recording'];

/** The name under which `path` is written until it is whole: in the same folder, hidden. */
export function temporaryPath(path: string, kind: TemporaryKind = 'tmp'): string {
  return join(dirname(path), `.${basename(path)}.${kind}`);
}

/** A file that was not whole when its writer ended. */
export interface Leftover {
  readonly kind: TemporaryKind;
  /** The path that it was to have. */
  readonly final: string;
}

/** What the name of a temporary file says; undefined for any other name. */
export function leftoverOf(temporary: string): Leftover | undefined {
  const name = basename(temporary);
  const kind = KINDS.find((one) => name.endsWith(`.${one}`));
  if (kind === undefined || !name.startsWith('.')) return undefined;
  const final = name.slice(1, -(kind.length + 1));
  return final === '' ? undefined : { kind, final: join(dirname(temporary), final) };
}

/** The final path of a temporary one; undefined for any other name. */
export function finalPath(temporary: string): string | undefined {
  return leftoverOf(temporary)?.final;
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
  /** How it is called until it is whole. Default `tmp`. */
  readonly kind?: TemporaryKind;
  /** The file is there under its temporary name: it goes on behind so many bytes of it, and what lies behind is lost. */
  readonly continueAt?: number;
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

const NOTHING = new Uint8Array(0);
/** The positions of pieces that are no bytes, but wishes. */
const SYNC = -1;
const TOUCH = -2;

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
  /** A touch waits in the queue. */
  #isTouching = false;
  #keep = false;
  #wake: (() => void) | undefined;
  readonly #done: Promise<void>;

  constructor(options: SafeFileOptions) {
    this.path = options.path;
    this.#temporary = temporaryPath(options.path, options.kind);
    this.#options = options;
    this.#fs = options.fileSystem ?? nodeFileSystem;
    this.#maxPending = options.maxPendingBytes ?? MAX_PENDING_BYTES;
    this.#bytes = options.continueAt ?? 0;
    this.#done = this.#run();
  }

  /** Where it is until it is whole. */
  get temporary(): string {
    return this.#temporary;
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

  /** What was asked for so far is on the disk before anything that follows is written. */
  sync(): void {
    if (this.#state !== 'open') return;
    this.#queue.push({ bytes: NOTHING, position: SYNC });
    this.#wake?.();
  }

  /**
   * Somebody writes it, although nothing comes: a start of another server leaves it alone (see leftovers.ts). Fails the file when
   * its name is gone: what goes on into a removed file is lost, however long it grows.
   */
  touch(): void {
    if (this.#state !== 'open' || this.#isTouching) return;
    this.#isTouching = true;
    this.#queue.push({ bytes: NOTHING, position: TOUCH });
    this.#wake?.();
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

  /** Removes what was written, unless the file is whole; `keep` leaves it under its temporary name. Never rejects; idempotent. */
  async abort(what?: 'keep'): Promise<void> {
    if (this.#state === 'open' || this.#state === 'closing') {
      this.#state = 'aborted';
      this.#keep = what === 'keep';
    }
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
    if (this.#state === 'failed') this.#keep = this.#options.onFailure === 'keep';
    if (!this.#keep) await this.#fs.unlink(this.#temporary).catch(() => undefined);
  }

  async #create(): Promise<WritableHandle> {
    const { continueAt } = this.#options;
    if (continueAt !== undefined) {
      const handle = await this.#fs.edit(this.#temporary);
      try {
        await handle.truncate(continueAt);
        return handle;
      } catch (error) {
        await handle.close().catch(() => undefined);
        throw error;
      }
    }
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#fs.makeFolder(dirname(this.path));
        return await this.#fs.create(this.#temporary);
      } catch (error) {
        // Somebody removed the folder, or one above it, meanwhile: it was empty.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === MAX_CREATE_TRIES) throw error;
      }
    }
  }

  /** One write of what is consecutive at the head of the queue. */
  async #writeBatch(handle: WritableHandle): Promise<void> {
    const first = this.#queue[this.#next] as Piece;
    if (first.position < 0) {
      this.#next += 1;
      this.#compact();
      if (first.position === SYNC) await handle.sync();
      else await this.#touch(handle);
      return;
    }
    const batch: Uint8Array[] = [];
    let end = first.position;
    while (batch.length < MAX_BATCH_PIECES && end - first.position < MAX_BATCH_BYTES) {
      const piece = this.#queue[this.#next];
      if (piece?.position !== end) break;
      batch.push(piece.bytes);
      end += piece.bytes.length;
      this.#next += 1;
    }
    this.#compact();
    await writeAll(handle, batch, first.position, end - first.position);
    if (this.#state !== 'open' && this.#state !== 'closing') return;
    this.#pending -= end - first.position;
    if (!this.#full || this.#pending > this.#maxPending / 4) return;
    this.#full = false;
    if (this.#state === 'open') this.#options.onDrain?.();
  }

  async #touch(handle: WritableHandle): Promise<void> {
    this.#isTouching = false;
    await handle.touch().catch(() => undefined); // Not every file system has times.
    if (!(await this.#fs.exists(this.#temporary)))
      throw new Error('somebody removed it while it was written');
  }

  #compact(): void {
    if (this.#next === this.#queue.length) {
      this.#queue = [];
      this.#next = 0;
    } else if (this.#next > MAX_BATCH_PIECES) {
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
    }
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
