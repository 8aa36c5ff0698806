import type { Buffer } from 'node:buffer';
import type { Undo } from '../base/undo.ts';
import type { DelayedRemovals } from './delayed-removals.ts';
import { GuardedFile } from './guarded-file.ts';
import type { KeptBytes, LiveResource, LiveResources, ResourceGate } from './live-resources.ts';
import { MemoryFile } from './memory-file.ts';
import { safePath } from './path-template.ts';
import type { WholeFiles, WholeResult } from './whole-files.ts';

export interface StreamFilesDeps {
  /** The folder that nothing leaves. */
  readonly root: string;
  readonly resources: LiveResources;
  readonly removals: DelayedRemovals;
  readonly whole: WholeFiles;
  /** Wall clock, Unix ms. */
  readonly unixTime: () => number;
  /** Nothing touches the disk before: see `OutputStart.after`. */
  readonly after: Promise<void>;
  /** Who may have the files. Default: everybody. */
  readonly gate?: ResourceGate;
}

export interface PutOptions {
  /** Write it when this has settled: what the file refers to. */
  readonly after?: Promise<unknown> | undefined;
  /** What answers for it in memory. Default: its bytes. `none`: served from the disk only, or not at all. */
  readonly resource?: (LiveResource & KeptBytes) | 'none';
}

/** Segments, playlists and manifests of one stream: on the disk, and in memory for viewers, under the same paths. */
export class StreamFiles {
  readonly #deps: StreamFilesDeps;
  readonly #served = new Map<string, Undo>();
  /** The last write of each path that is under way. */
  readonly #writes = new Map<string, Promise<WholeResult>>();

  constructor(deps: StreamFilesDeps) {
    this.#deps = deps;
  }

  /** The path of a file below the root. Throws STREAM_NAME_INVALID. */
  path(relative: string): string {
    return safePath(this.#deps.root, relative);
  }

  /** Serves the bytes from now on and writes them. Never rejects; the owner of `WholeFiles` is told of failures. */
  put(relative: string, bytes: Buffer, options: PutOptions = {}): Promise<WholeResult> {
    const path = this.path(relative);
    const { after, removals, whole, unixTime } = this.#deps;
    const { resource = new MemoryFile(bytes, unixTime()) } = options;
    removals.keep(path);
    if (resource !== 'none') this.serve(relative, resource, resource);
    const ready = options.after === undefined ? after : Promise.allSettled([after, options.after]);
    const written = whole.write(path, bytes, ready).finally(() => {
      if (this.#writes.get(path) === written) this.#writes.delete(path);
    });
    this.#writes.set(path, written);
    return written;
  }

  /** Answers for a file from memory, whether it is on the disk or not. */
  serve(relative: string, resource: LiveResource, kept?: KeptBytes): void {
    const path = this.path(relative);
    const { resources, gate } = this.#deps;
    const guarded = gate === undefined ? resource : new GuardedFile(resource, gate);
    this.#served.set(path, resources.add(path, guarded, kept, gate));
  }

  /** As `serve`, for what knows itself who may have it: the file that players open. */
  serveOpen(relative: string, resource: LiveResource): void {
    const path = this.path(relative);
    const { resources, gate } = this.#deps;
    this.#served.set(path, resources.add(path, resource, undefined, gate));
  }

  /** Not from memory any more; the disk keeps it. */
  unserve(relative: string): void {
    const path = this.path(relative);
    this.#served.get(path)?.();
    this.#served.delete(path);
  }

  /** Removes a file in so many ms from the disk; until then memory serves it too. */
  remove(relative: string, afterMs: number): void {
    const { removals, root, after } = this.#deps;
    const path = this.path(relative);
    const undo = this.#served.get(path);
    this.#served.delete(path);
    const writing = this.#writes.get(path) ?? after; // Or the write would bring it back.
    removals.remove(path, root, afterMs, { undo, after: writing.then(() => after) });
  }

  /** Serves nothing from memory any more. */
  unserveAll(): void {
    for (const undo of this.#served.values()) undo();
    this.#served.clear();
  }

  /** When all that was put is written, or has failed. */
  async settled(): Promise<void> {
    while (this.#writes.size > 0) await Promise.all(this.#writes.values());
  }
}
