import type { Buffer } from 'node:buffer';
import type { KeptBytes, LiveResource, ResourceBody } from './live-resources.ts';

/** The bytes of a file that is on the disk as well: served from memory until they are let go. */
export class MemoryFile implements LiveResource, KeptBytes {
  readonly bytes: number;
  #body: ResourceBody | undefined;

  constructor(bytes: Buffer, modifiedMs: number) {
    this.bytes = bytes.length;
    this.#body = { bytes, modifiedMs };
  }

  respond(): ResourceBody | undefined {
    return this.#body;
  }

  release(): void {
    this.#body = undefined;
  }
}
