import type { Dirent } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { extname, join, resolve, sep } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Undo } from '../base/undo.ts';
import { leftoverOf, type TemporaryKind } from './safe-file.ts';

/** Folders below each other that are looked into. */
export const MAX_LEFTOVER_DEPTH = 16;
/** Files and folders that are looked at in one search. */
export const MAX_LEFTOVER_ENTRIES = 1_000_000;
/** Temporary files that one search brings; the next start finds the rest. */
export const MAX_LEFTOVERS = 10_000;

/** A file that does not change for so long is written by nobody, ms. */
const QUIET_MS = 3_000;

/** What outputs write. The temporary files of other programs are none of ours. */
const ENDINGS = [
  ...[
    '.flv',
    '.mp4',
    '.ts',
    '.m4s',
    '.m3u8',
    '.mpd',
    '.aac',
    '.mp3',
    '.key',
    '.json',
    '.journal',
    '.m4v',
    '.m4a',
    '.cmfv',
    '.cmfa',
  ],
  ...['.f4m', '.f4v', '.abst', '.bootstrap'],
];

/** Fragments of HDS have no ending. */
const HDS_FRAGMENT = /Seg\d+-Frag\d+$/;

/** A temporary file that nobody writes any more. */
export interface FoundLeftover {
  readonly kind: TemporaryKind;
  /** Its path, and the one that it was to have. */
  readonly temporary: string;
  readonly final: string;
}

export interface LeftoverSearch {
  /** Folders; the root of the file system is passed over. Symbolic links below them are not followed. */
  readonly roots: readonly string[];
  readonly clock: Clock;
  /** Wall clock, Unix ms. */
  readonly unixTime: () => number;
  /** @default 3000 */
  readonly quietMs?: number;
  /** Called for one file after another. What it throws ends the search. */
  readonly onFound: (leftover: FoundLeftover) => Promise<void>;
}

interface Candidate extends FoundLeftover {
  readonly size: number;
  readonly changedMs: number;
}

/**
 * Looks once for files that a process left unfinished: those that are there now and still the same after a quiet time, since
 * another process may be writing into the same folder. What is begun after the start of the search is never touched.
 */
export class Leftovers {
  readonly #search: LeftoverSearch;
  readonly #startedMs: number;
  #entries = 0;
  #closed = false;
  #wake: Undo = () => undefined;
  #cancel: Undo = () => undefined;
  readonly #done: Promise<void>;

  constructor(search: LeftoverSearch) {
    this.#search = search;
    this.#startedMs = search.unixTime();
    this.#done = this.#run();
  }

  /** When all was looked at; rejects with what `onFound` threw. */
  get done(): Promise<void> {
    return this.#done;
  }

  /** Ends the search after the file that it is at. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    this.#wake();
    await this.#done.catch(() => undefined);
  }

  async #run(): Promise<void> {
    const candidates: Candidate[] = [];
    for (const root of outermost(this.#search.roots)) await this.#walk(root, 0, candidates);
    if (candidates.length === 0 || this.#isClosed()) return;
    await new Promise<void>((wake) => {
      this.#wake = wake;
      this.#cancel = this.#search.clock.after(this.#search.quietMs ?? QUIET_MS, wake);
    });
    for (const candidate of candidates) {
      if (this.#isClosed()) return;
      const { kind, temporary, final } = candidate;
      const now = await statOf(temporary);
      if (now?.size !== candidate.size || now.changedMs !== candidate.changedMs) continue;
      await this.#search.onFound({ kind, temporary, final });
    }
  }

  #isClosed(): boolean {
    return this.#closed;
  }

  async #walk(folder: string, depth: number, candidates: Candidate[]): Promise<void> {
    const folders: string[] = [];
    try {
      for await (const entry of await opendir(folder)) {
        this.#entries += 1;
        if (this.#closed || this.#entries > MAX_LEFTOVER_ENTRIES || candidates.length >= MAX_LEFTOVERS)
          return;
        if (entry.isDirectory()) folders.push(join(folder, entry.name));
        else if (entry.isFile()) await this.#look(folder, entry, candidates);
      }
    } catch {
      return; // It is not there, or is none of ours.
    }
    if (depth === MAX_LEFTOVER_DEPTH) return;
    for (const below of folders) await this.#walk(below, depth + 1, candidates);
  }

  async #look(folder: string, entry: Dirent, candidates: Candidate[]): Promise<void> {
    const temporary = join(folder, entry.name);
    const leftover = leftoverOf(temporary);
    if (leftover === undefined || !isOurs(leftover.final)) return;
    const stat = await statOf(temporary);
    if (stat === undefined || stat.changedMs > this.#startedMs) return;
    candidates.push({ ...leftover, temporary, ...stat });
  }
}

function isOurs(path: string): boolean {
  return ENDINGS.includes(extname(path).toLowerCase()) || HDS_FRAGMENT.test(path);
}

async function statOf(path: string): Promise<{ size: number; changedMs: number } | undefined> {
  try {
    const stat = await lstat(path);
    return stat.isFile() ? { size: stat.size, changedMs: stat.mtimeMs } : undefined;
  } catch {
    return undefined;
  }
}

/** Each folder once, without those that are inside of another. */
function outermost(roots: readonly string[]): string[] {
  const all = [...new Set(roots.map((root) => resolve(root)))].filter((root) => root !== sep);
  return all.filter((root) => !all.some((other) => other !== root && root.startsWith(other + sep)));
}
