import { Buffer } from 'node:buffer';
import { posix } from 'node:path';
import { ServerError } from '../../base/errors.ts';
import type { OutputObserver, OutputStart, StreamOutput } from '../../hub/output-events.ts';
import type { FileRights } from '../../hub/file-admission.ts';
import type { SessionInfo, StreamState } from '../../hub/ports.ts';
import type { Frame } from '../../media/frame.ts';
import { isMetadata } from '../../media/script-data.ts';
import type { DelayedRemovals } from '../../storage/delayed-removals.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import type { LiveResources, ResourceGate } from '../../storage/live-resources.ts';
import { expandPath } from '../../storage/path-template.ts';
import { readWhole } from '../../storage/read-whole.ts';
import { StreamFiles } from '../../storage/stream-files.ts';
import { WholeFiles } from '../../storage/whole-files.ts';
import { MAX_HDS_FRAGMENTS, readBootstrap, writeBootstrap, type HdsFragment } from './bootstrap.ts';
import { HdsFragmenter, type CutFragment } from './fragmenter.ts';
import { writeManifest } from './manifest.ts';
import type { HdsOptions } from './options.ts';

/** Bytes of fragments that wait for the disk, or for the bootstrap of before to be read; further ones are left out. */
export const MAX_HDS_UNWRITTEN_BYTES = 128 * 1024 * 1024;
/** Bytes of a bootstrap that a start reads. */
export const MAX_HDS_BOOTSTRAP_BYTES = 1024 * 1024;

export interface HdsDeps {
  /** Wall clock, Unix ms. */
  readonly unixTime: () => number;
  readonly observer: OutputObserver;
  readonly resources: LiveResources;
  readonly removals: DelayedRemovals;
  /** Default: no vhost is protected. */
  readonly rights?: Pick<FileRights, 'isProtected'>;
  /** Default: that of the system. */
  readonly fileSystem?: FileSystem;
  /** A small file; undefined when there is none. Default: from the disk. */
  readonly readFile?: (path: string, maxBytes: number) => Promise<Buffer | undefined>;
}

/** [hds] Adobe's HTTP Dynamic Streaming of one stream: a manifest, a bootstrap box and fragments of FLV tags. */
export class HdsOutput implements StreamOutput {
  readonly name = 'hds';
  readonly from = 'now'; // After a reload a cached group would be shown twice.
  readonly #start: OutputStart<HdsOptions>;
  readonly #deps: HdsDeps;
  readonly #files: StreamFiles;
  readonly #fragmenter: HdsFragmenter;
  /** Below the root, without an extension: `live/demo`. */
  readonly #base: string;
  readonly #ready: Promise<void>;
  #isReady = false;
  #backlog: CutFragment[] = [];
  #unwritten = 0;
  #fragments: HdsFragment[] = [];
  #number = 1;
  #version = 0;
  #metadata: Buffer | undefined;
  #manifest: string | undefined;
  #hasBootstrap = false;
  #isOver = false;
  #session: SessionInfo | undefined;
  #publication: number | undefined;
  #troubled = false;
  #closing: Promise<void> | undefined;

  /** Throws STREAM_NAME_INVALID. */
  constructor(start: OutputStart<HdsOptions>, deps: HdsDeps) {
    this.#start = start;
    this.#deps = deps;
    const { name, options, after } = start;
    const { resources, removals, unixTime, fileSystem } = deps;
    const whole = new WholeFiles((error) => this.#trouble(error), fileSystem);
    this.#base = expandPath('[app]/[stream]', { ...name, timeMs: unixTime(), utc: options.utc });
    // Players carry nothing from one address to the next: each request is a question of its own, which is not for memory.
    const gate: ResourceGate = {
      kind: 'hds',
      name,
      admit: () => (deps.rights?.isProtected(name.vhost) === true ? 'ask' : undefined),
    };
    this.#files = new StreamFiles({ root: options.path, resources, removals, whole, unixTime, after, gate });
    const bootstrap = this.#files.path(`${this.#base}.abst`);
    this.#fragmenter = new HdsFragmenter(options.fragmentMs, (fragment) => this.#onFragment(fragment));
    this.#ready = this.#prepare(bootstrap);
  }

  published(session: SessionInfo): void {
    this.#session = session;
    this.#troubled = false;
  }

  onState(state: StreamState, publication: number): void {
    if (state === 'waiting') this.#fragmenter.end();
    if (state !== 'live') return;
    if (this.#publication !== undefined && this.#publication !== publication) {
      this.#fragmenter.beginPublication();
    }
    this.#publication = publication;
  }

  onFrame(frame: Frame): void {
    if (frame.kind !== 'data') this.#fragmenter.push(frame);
    else if (isMetadata(frame.flvBody)) this.#metadata = Buffer.from(frame.payload);
  }

  onEnd(reason: 'gone' | 'failed'): void {
    if (reason === 'failed') return;
    this.#fragmenter.end();
    this.#isOver = true;
    if (this.#isReady && this.#fragments.length > 0) this.#publish([]);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#fragmenter.end();
    await this.#ready;
    await this.#files.settled();
    this.#files.unserveAll();
  }

  /** Numbers go on behind those of before, since players and caches know them; what is left of those goes. Never rejects. */
  async #prepare(bootstrap: string): Promise<void> {
    await this.#start.after;
    const read = this.#deps.readFile ?? readWhole;
    const bytes = await read(bootstrap, MAX_HDS_BOOTSTRAP_BYTES).catch(() => undefined);
    const numbers = bytes === undefined ? [] : (readBootstrap(bytes) ?? []);
    for (const number of numbers) {
      this.#files.remove(this.#fragmentFile(number), this.#start.options.windowMs);
      this.#number = Math.max(this.#number, number + 1);
    }
    this.#isReady = true;
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const fragment of backlog) {
      this.#unwritten -= fragment.bytes.length;
      this.#add(fragment);
    }
  }

  #onFragment(fragment: CutFragment): void {
    if (this.#unwritten + fragment.bytes.length > MAX_HDS_UNWRITTEN_BYTES) {
      this.#trouble(new ServerError('FILE_TOO_SLOW', 'fragments wait for the disk'));
    } else if (this.#isReady) {
      this.#add(fragment);
    } else {
      this.#unwritten += fragment.bytes.length;
      this.#backlog.push(fragment);
    }
  }

  #add({ bytes, startMs, durationMs, isNewStart }: CutFragment): void {
    const number = this.#number;
    this.#number += 1;
    this.#unwritten += bytes.length;
    const written = this.#files.put(this.#fragmentFile(number), bytes).then((result) => {
      this.#unwritten -= bytes.length;
      if (result !== 'done') return;
      this.#deps.observer.segmentWritten?.({ output: this.name, name: this.#start.name });
    });
    this.#fragments.push({ number, startMs, durationMs, isNewStart });
    this.#slide();
    this.#publish([written]);
  }

  #slide(): void {
    const { windowMs, fragmentMs } = this.#start.options;
    let length = this.#fragments.reduce((sum, { durationMs }) => sum + durationMs, 0);
    for (let first = this.#fragments[0]; first !== undefined; first = this.#fragments[0]) {
      const many = this.#fragments.length > MAX_HDS_FRAGMENTS;
      if (this.#fragments.length <= 1 || (length - first.durationMs < windowMs && !many)) break;
      length -= first.durationMs;
      this.#fragments.shift();
      // A player with the bootstrap of before may still want it.
      this.#files.remove(this.#fragmentFile(first.number), 2 * fragmentMs);
    }
  }

  #publish(after: readonly Promise<unknown>[]): void {
    this.#version += 1;
    const bootstrap = writeBootstrap(this.#fragments, this.#version, this.#isOver);
    const done = this.#files
      .put(`${this.#base}.abst`, bootstrap, { after: Promise.all(after) })
      .then((result) => {
        this.#hasBootstrap ||= result === 'done';
      });
    const url = encodeURIComponent(posix.basename(this.#base));
    const manifest = writeManifest({ url, metadata: this.#metadata, isOver: this.#isOver });
    // A bootstrap that was superseded is not there yet: the manifest goes with the newer one.
    if (manifest === this.#manifest && this.#hasBootstrap) return;
    this.#manifest = manifest;
    void this.#files.put(`${this.#base}.f4m`, Buffer.from(manifest), { after: done });
  }

  #fragmentFile(number: number): string {
    return `${this.#base}Seg1-Frag${number}`;
  }

  /** The disk fails: told once for a publisher, what comes is served from memory at least. */
  #trouble(error: ServerError): void {
    if (this.#troubled) return;
    this.#troubled = true;
    const { name } = this.#start;
    const session = this.#session;
    this.#deps.observer.outputFailed?.({ output: this.name, name, session, error, then: 'continues' });
  }
}
