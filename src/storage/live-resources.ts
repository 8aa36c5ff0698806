import type { Buffer } from 'node:buffer';
import { resolve } from 'node:path';
import type { Undo } from '../base/undo.ts';

/** Who asks for a resource, and how. */
export interface ResourceRequest {
  /** Path of the URL as it was asked for, not decoded. */
  readonly path: string;
  /** Query without `?`. */
  readonly query: string;
  /** `Host` header. */
  readonly host: string | undefined;
  readonly referer: string | undefined;
  readonly userAgent: string | undefined;
  /** The token of `Authorization: Bearer`. */
  readonly bearer?: string | undefined;
  /** Of the peer. */
  readonly ip: string;
  readonly secure: boolean;
  /** HEAD: nothing is played, so that no session begins. */
  readonly headOnly: boolean;
  /** The peer went away: whoever waits should stop. */
  readonly signal: AbortSignal;
}

/** The bytes of a resource. Ranges, conditional requests and packing are the HTTP server's part. */
export interface ResourceBody {
  readonly bytes: Buffer;
  /** Unix ms. */
  readonly modifiedMs: number;
  /** `Cache-Control`; undefined = that of files of this kind. */
  readonly cacheControl?: string;
  /** Not for caches that others share. */
  readonly isPrivate?: boolean;
  /** `Content-Type`; undefined = that of files of this kind. */
  readonly contentType?: string;
  /** Told how many bytes of the body went out, once, when the response ended. */
  onSent?(bytes: number): void;
}

/** An answer without the resource: an HTTP status and a line of text for it. */
export interface ResourceRefusal {
  readonly status: 302 | 400 | 403 | 404 | 503;
  readonly text: string;
  /** Of a 302. */
  readonly location?: string;
}

export type ResourceAnswer = ResourceBody | ResourceRefusal;

/** A file of a live stream that is served from memory; it may depend on who asks, and an answer may wait. */
export interface LiveResource {
  /** Undefined: it is not (or no more) in memory, ask the disk. */
  respond(request: ResourceRequest): ResourceAnswer | undefined | Promise<ResourceAnswer | undefined>;
}

/** Who gets a resource, and is told what went out. */
export interface Recipient {
  sent(bytes: number): void;
}

/** Whose file a resource is, and who may have it. */
export interface ResourceGate {
  readonly kind: 'hls' | 'dash' | 'hds';
  /** The stream's. */
  readonly name: { readonly vhost: string; readonly app: string; readonly stream: string };
  /** Undefined: whoever asks, and nobody counts. `ask`: not from memory; who serves the disk knows whom to ask. */
  admit(request: ResourceRequest): ResourceRefusal | Recipient | 'ask' | undefined;
  /** The files are for viewers alone, not for caches that others share. */
  readonly isPrivate?: boolean;
}

/** What a resource costs when it is kept. */
export interface KeptBytes {
  /** Bytes that it keeps in memory. */
  readonly bytes: number;
  /** Lets them go, since there are too many: `respond` gives undefined from then on. */
  release(): void;
}

interface Registered {
  readonly resource: LiveResource;
  readonly gate: ResourceGate | undefined;
}

/**
 * What the HTTP server serves from memory in place of the disk: segments and playlists of live streams, by the absolute path
 * that their file has, so that every mount and document root finds them. Paths are compared as text: a folder that is reached
 * by a symbolic link is served from the disk.
 */
export class LiveResources {
  readonly #byPath = new Map<string, Registered>();
  /** In the order in which they came. */
  readonly #kept = new Map<string, KeptBytes>();
  #bytes = 0;
  #budget: number;

  /** `budgetBytes`: all bytes that are kept, for all streams; the oldest ones go first. */
  constructor(budgetBytes: number) {
    this.#budget = budgetBytes;
  }

  /** Bytes that are kept now. */
  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#byPath.size;
  }

  set budgetBytes(budget: number) {
    this.#budget = budget;
    this.#shrink();
  }

  /**
   * Serves the file at `path` from now on, in place of what was there. The undo takes away this one only; idempotent. `gate`:
   * whose file it is, which counts too when it is asked for on the disk.
   */
  add(path: string, resource: LiveResource, kept?: KeptBytes, gate?: ResourceGate): Undo {
    const key = resolve(path);
    this.#letGo(key);
    const registered = { resource, gate };
    this.#byPath.set(key, registered);
    if (kept !== undefined) {
      this.#kept.set(key, kept);
      this.#bytes += kept.bytes;
      this.#shrink();
    }
    return () => {
      if (this.#byPath.get(key) !== registered) return;
      this.#byPath.delete(key);
      this.#letGo(key);
    };
  }

  /** `path`: absolute, without `..`. */
  find(path: string): LiveResource | undefined {
    return this.#byPath.get(path)?.resource;
  }

  /** Whose file it is, when that is known. `path`: as for `find`. */
  gateOf(path: string): ResourceGate | undefined {
    return this.#byPath.get(path)?.gate;
  }

  #letGo(key: string): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    this.#bytes -= kept.bytes;
  }

  #shrink(): void {
    for (const [key, kept] of this.#kept) {
      if (this.#bytes <= this.#budget) return;
      this.#letGo(key);
      kept.release();
    }
  }
}
