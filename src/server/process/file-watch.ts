import { lstatSync, readdirSync, readlinkSync, realpathSync, statSync, watch, type FSWatcher } from 'node:fs';
import path from 'node:path';
import { describeError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { matching } from '../../config/index.ts';
import type { Undo } from '../../base/undo.ts';

export interface FileWatchOptions {
  /** Absolute paths; one of them may be reached through links. */
  readonly files: readonly string[];
  /** Absolute paths that may be there; where the last part has a `*`, the names that fit it. */
  readonly asked: readonly string[];
  /** When the files were read, Unix ms: what was written after that is a change that nobody has seen. @default now */
  readonly readAt?: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Something about the files is different, and they have been at rest for a moment. */
  readonly onChange: () => void;
}

/** Saving is several steps (truncate, write, rename): the files must be at rest for so long, ms. */
const SETTLE_MS = 300;
/** What the kernel does not tell (network folders, a folder that came back) is seen by looking, ms. */
const LOOK_EVERY_MS = 5_000;
/** A file may be away between an editor's two renames; longer is worth a line, ms. */
const MISSING_MS = 3_000;
/** Links in a row; the kernel's own limit. */
const MAX_LINKS = 40;

/** Watches files by their folders, so that a rename over a file and a switched link are seen too. */
export class FileWatch {
  readonly #options: FileWatchOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #stopLooking: Undo;
  #files: readonly string[];
  #asked: readonly string[];
  #seen: string;
  #settle: Undo = () => undefined;
  #missing: Undo | undefined;
  #closed = false;
  #warned = false;

  constructor(options: FileWatchOptions) {
    this.#options = options;
    this.#files = options.files;
    this.#asked = options.asked;
    this.#seen = this.#look();
    this.#watchFolders();
    this.#stopLooking = options.clock.every(LOOK_EVERY_MS, () => this.#check());
    const { readAt = Infinity } = options;
    if (this.#files.some((file) => writtenAt(file) > readAt)) this.#lookAgain();
  }

  /** The files are about to be read anyway: what they are now is nothing new. */
  noticed(): void {
    if (!this.#closed) this.#seen = this.#look();
  }

  /** Other files from now on: a reload has changed what is included. */
  watchInstead(files: readonly string[], asked: readonly string[]): void {
    if (this.#closed || (isSame(files, this.#files) && isSame(asked, this.#asked))) return;
    this.#files = files;
    this.#asked = asked;
    this.#watchFolders();
    this.#lookAgain(); // They may have changed again since they were read.
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    this.#stopLooking();
    this.#settle();
    this.#missing?.();
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** One reload too many is better than one too few. */
  #lookAgain(): void {
    this.#seen = '';
    this.#touched();
  }

  #touched(): void {
    if (this.#closed) return;
    this.#settle();
    this.#settle = this.#options.clock.after(SETTLE_MS, () => this.#check());
  }

  #check(): void {
    const now = this.#look();
    this.#watchFolders();
    if (now === this.#seen) return;
    if (now === '') {
      this.#missing ??= this.#options.clock.after(MISSING_MS, () => this.#stillMissing());
      return;
    }
    this.#missing?.();
    this.#missing = undefined;
    this.#seen = now;
    this.#options.onChange();
  }

  #stillMissing(): void {
    if (this.#look() === '')
      this.#options.logger.warn('a configuration file is gone: nothing is reloaded until it is back');
    this.#missing = undefined;
  }

  /** Which file each path leads to and when it was written; empty when one that must be there is not. */
  #look(): string {
    try {
      return [...this.#files.map(lookAt), ...this.#asked.map(lookFor)].join('\n');
    } catch {
      return '';
    }
  }

  #watchFolders(): void {
    const wanted = new Set([...this.#files, ...this.#asked].flatMap((file) => [...watchedFolders(file)]));
    for (const [folder, watcher] of this.#watchers) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of wanted) if (!this.#watchers.has(folder)) this.#watchFolder(folder);
  }

  #watchFolder(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, (event) => {
        // The folder itself was moved or removed: what is watched is not what stands there now.
        if (event === 'rename' && !exists(folder)) this.#forget(folder, watcher);
        this.#touched();
      });
      watcher.on('error', () => this.#forget(folder, watcher));
      this.#watchers.set(folder, watcher);
    } catch (error) {
      // What is not there yet is nothing to complain of; a file of ours that is gone is told anyway.
      if (this.#warned || (error as NodeJS.ErrnoException).code === 'ENOENT') return;
      this.#warned = true;
      this.#options.logger.warn(
        `${folder} cannot be watched (${describeError(error)}): changes are noticed within ${LOOK_EVERY_MS} ms`,
      );
    }
  }

  #forget(folder: string, watcher: FSWatcher): void {
    watcher.close();
    if (this.#watchers.get(folder) === watcher) this.#watchers.delete(folder);
  }
}

/**
 * The folders in which something happens when the path leads elsewhere: its own, those of all links on the way (Kubernetes
 * switches the link `..data` beside the file), and the one that the file is really in.
 */
export function watchedFolders(file: string): ReadonlySet<string> {
  const folders = new Set([path.dirname(file)]);
  const rest = path.resolve(file).split(path.sep).filter(Boolean);
  let at: string = path.sep;
  for (let part = rest.shift(), links = 0; part !== undefined; part = rest.shift()) {
    const next = path.resolve(at, part);
    let target: string | undefined;
    try {
      if (lstatSync(next).isSymbolicLink()) target = readlinkSync(next);
    } catch {
      break; // Not there at present.
    }
    if (target === undefined) {
      if (rest.length === 0) folders.add(at);
      at = next;
      continue;
    }
    folders.add(at);
    links += 1;
    if (links > MAX_LINKS) break;
    if (path.isAbsolute(target)) at = path.sep;
    rest.unshift(...target.split(path.sep).filter(Boolean));
  }
  return folders;
}

/** Which file it is and when it was written. Throws when there is none. */
function lookAt(file: string): string {
  const { dev, ino, size, mtimeMs } = statSync(file);
  return `${realpathSync(file)} ${dev}:${ino} ${size} ${mtimeMs}`;
}

/** The same of what need not be there. */
function lookFor(asked: string): string {
  const { dir, base } = path.parse(asked);
  try {
    return base.includes('*') ? matching(readdirSync(dir), base).join('/') : lookAt(asked);
  } catch {
    return 'not there';
  }
}

/** When it was written, Unix ms; 0 when it is not there. */
function writtenAt(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((file, i) => file === b[i]);
}

function exists(folder: string): boolean {
  try {
    statSync(folder);
    return true;
  } catch {
    return false;
  }
}
