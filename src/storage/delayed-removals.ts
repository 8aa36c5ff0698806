import { dirname, relative, resolve, sep } from 'node:path';
import { rmdir } from 'node:fs/promises';
import type { Undo } from '../base/undo.ts';
import type { Deadline, TimerWheel } from '../base/timer-wheel.ts';
import { nodeFileSystem, type FileSystem } from './file-system.ts';

export interface RemovalOptions {
  /** Called when its time has come, or when the removal is forgotten. */
  readonly undo?: Undo | undefined;
  /** Awaited before the file is touched. Never rejects. */
  readonly after?: Promise<void>;
}

/**
 * Removes files of streams some time after the last playlist named them, and the folders that are empty then. A file that is
 * gone already is fine; one that cannot be removed is told.
 */
export class DelayedRemovals {
  readonly #wheel: TimerWheel;
  readonly #fs: FileSystem;
  readonly #onError: (path: string, cause: unknown) => void;
  readonly #waiting = new Map<string, { readonly deadline: Deadline; readonly options: RemovalOptions }>();
  readonly #running = new Set<Promise<void>>();

  constructor(
    wheel: TimerWheel,
    onError: (path: string, cause: unknown) => void,
    fileSystem: FileSystem = nodeFileSystem,
  ) {
    this.#wheel = wheel;
    this.#onError = onError;
    this.#fs = fileSystem;
  }

  /** Files that wait to be removed. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Removes `path` in so many ms, 0 = now; then the folders above it that are empty, but never `root`. The last call counts. */
  remove(path: string, root: string, afterMs: number, options: RemovalOptions = {}): void {
    this.keep(path);
    const start = (): void => {
      this.#waiting.delete(path);
      options.undo?.();
      const running = this.#run(path, resolve(root), options.after).finally(() =>
        this.#running.delete(running),
      );
      this.#running.add(running);
    };
    if (afterMs <= 0) start();
    else this.#waiting.set(path, { deadline: this.#wheel.deadline(afterMs, start), options });
  }

  /** Does not remove it after all: it is written anew. */
  keep(path: string): void {
    const waiting = this.#waiting.get(path);
    if (waiting === undefined) return;
    waiting.deadline.cancel();
    waiting.options.undo?.();
    this.#waiting.delete(path);
  }

  /** Forgets what waits: it stays on the disk. Resolves when the removals under way are done. Idempotent. */
  async close(): Promise<void> {
    for (const path of [...this.#waiting.keys()]) this.keep(path);
    await this.settled();
  }

  /** When all removals that are under way are done. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #run(path: string, root: string, after: Promise<void> | undefined): Promise<void> {
    await after;
    try {
      await this.#fs.unlink(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#onError(path, error);
        return;
      }
    }
    for (let folder = dirname(resolve(path)); isBelow(folder, root); folder = dirname(folder)) {
      try {
        await rmdir(folder); // Refuses a folder that is not empty.
      } catch {
        return;
      }
    }
  }
}

function isBelow(folder: string, root: string): boolean {
  const way = relative(root, folder);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`);
}
