import { nodeFileSystem, type FileSystem } from './file-system.ts';
import { SafeFile } from './safe-file.ts';
import { ServerError } from '../base/errors.ts';

/** Bytes, and files, of one stream that a slow disk may leave unwritten; further ones fail until it has caught up. */
export const MAX_UNWRITTEN_BYTES = 128 * 1024 * 1024;
export const MAX_UNWRITTEN_FILES = 1_000;

/** `superseded`: newer bytes of the same path came before these were written. */
export type WholeResult = 'done' | 'superseded' | 'failed';

interface Job {
  /** Undefined: remove the file. */
  readonly bytes: Uint8Array | undefined;
  readonly after: Promise<unknown> | undefined;
  readonly settle: (result: WholeResult) => void;
}

/**
 * Small files that are replaced as a whole: playlists, manifests, state. Of each path one write is under way and one waits,
 * the newest, so that a slow disk piles nothing up.
 */
export class WholeFiles {
  readonly #fs: FileSystem;
  readonly #onError: (error: ServerError, path: string) => void;
  readonly #waiting = new Map<string, Job | undefined>();
  readonly #running = new Set<Promise<void>>();
  readonly #maxBytes: number;
  #unwritten = 0;
  #unwrittenFiles = 0;
  #isSlow = false;

  constructor(
    onError: (error: ServerError, path: string) => void,
    fileSystem: FileSystem = nodeFileSystem,
    maxUnwrittenBytes = MAX_UNWRITTEN_BYTES,
  ) {
    this.#onError = onError;
    this.#fs = fileSystem;
    this.#maxBytes = maxUnwrittenBytes;
  }

  /** Files were refused, and the disk has not caught up with half of the rest since. */
  get isSlow(): boolean {
    return this.#isSlow;
  }

  /**
   * Puts `bytes` under `path`, once `after` has settled: the segment that a playlist names. Never rejects; what failed is told
   * to the owner, and the file that was there stays. Where too much waits for the disk it fails at once with FILE_TOO_SLOW, of
   * which the owner is told once.
   */
  write(path: string, bytes: Uint8Array, after?: Promise<unknown>): Promise<WholeResult> {
    if (this.#unwritten < this.#maxBytes && this.#unwrittenFiles < MAX_UNWRITTEN_FILES) {
      return this.#enqueue(path, bytes, after);
    }
    if (!this.#isSlow) {
      this.#isSlow = true;
      const reason = `${this.#unwritten} bytes in ${this.#unwrittenFiles} files wait for the disk`;
      // Not from within the media path.
      queueMicrotask(() =>
        this.#onError(new ServerError('FILE_TOO_SLOW', `${path} is not written: ${reason}`), path),
      );
    }
    return Promise.resolve('failed');
  }

  /** Removes the file in its turn: what was asked for before does not bring it back. One that is not there is fine. */
  remove(path: string): Promise<WholeResult> {
    return this.#enqueue(path, undefined, undefined);
  }

  /** When all that was asked for so far is done. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #enqueue(
    path: string,
    bytes: Uint8Array | undefined,
    after: Promise<unknown> | undefined,
  ): Promise<WholeResult> {
    this.#count(bytes, 1);
    return new Promise((resolve) => {
      const settle = (result: WholeResult): void => {
        this.#count(bytes, -1);
        resolve(result);
      };
      const busy = this.#waiting.has(path);
      this.#waiting.get(path)?.settle('superseded');
      this.#waiting.set(path, { bytes, after, settle });
      if (busy) return;
      const running = this.#run(path).finally(() => this.#running.delete(running));
      this.#running.add(running);
    });
  }

  #count(bytes: Uint8Array | undefined, sign: 1 | -1): void {
    if (bytes === undefined) return;
    this.#unwritten += sign * bytes.length;
    this.#unwrittenFiles += sign;
    if (this.#unwritten <= this.#maxBytes / 2 && this.#unwrittenFiles <= MAX_UNWRITTEN_FILES / 2) {
      this.#isSlow = false;
    }
  }

  async #run(path: string): Promise<void> {
    for (let job = this.#waiting.get(path); job !== undefined; job = this.#waiting.get(path)) {
      await job.after?.catch(() => undefined);
      if (this.#waiting.get(path) !== job) continue; // A newer one came meanwhile.
      this.#waiting.set(path, undefined);
      job.settle((await this.#do(path, job.bytes)) ? 'done' : 'failed');
    }
    this.#waiting.delete(path);
  }

  async #do(path: string, bytes: Uint8Array | undefined): Promise<boolean> {
    if (bytes === undefined) {
      await this.#fs.unlink(path).catch(() => undefined);
      return true;
    }
    const file = new SafeFile({
      path,
      fileSystem: this.#fs,
      maxPendingBytes: Math.max(1, bytes.length),
      onError: (error) => this.#onError(error, path),
    });
    file.write(bytes);
    return file.close();
  }
}
