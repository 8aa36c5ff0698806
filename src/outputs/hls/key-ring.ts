import { Buffer } from 'node:buffer';
import { createCipheriv, randomBytes } from 'node:crypto';
import type { WholeResult } from '../../storage/whole-files.ts';
import type { Place } from './names.ts';

/** Bytes of an AES-128 key and of its initialization vector. */
const KEY_BYTES = 16;

interface RingKey {
  readonly bytes: Buffer;
  readonly uri: string;
  /** When its file is there. */
  readonly written: Promise<WholeResult>;
}

/** [hls_keys] The keys of a stream: each for so many segments, always a new one in a new run of the output. */
export class KeyRing {
  readonly #segmentsPerKey: number;
  readonly #place: (sequence: number) => Place;
  readonly #put: (file: string, bytes: Buffer) => Promise<WholeResult>;
  #key: RingKey | undefined;
  #used = 0;

  constructor(
    segmentsPerKey: number,
    place: (sequence: number) => Place,
    put: (file: string, bytes: Buffer) => Promise<WholeResult>,
  ) {
    this.#segmentsPerKey = segmentsPerKey;
    this.#place = place;
    this.#put = put;
  }

  /** The key of the next segment, which has this number. */
  next(sequence: number): RingKey {
    if (this.#key === undefined || this.#used >= this.#segmentsPerKey) {
      const { file, uri } = this.#place(sequence);
      const bytes = randomBytes(KEY_BYTES);
      const key = { bytes, uri, written: this.#put(file, bytes) };
      this.#key = key;
      this.#used = 0;
      void key.written.then((result) => {
        // A key that is not on the disk is no use to more segments than it must.
        if (result === 'failed' && this.#key === key) this.forget();
      });
    }
    this.#used += 1;
    return this.#key;
  }

  /** The files are gone: the next segment needs a new key. */
  forget(): void {
    this.#key = undefined;
  }
}

/**
 * A whole segment under AES-128 with CBC and PKCS7 padding; the vector is its media sequence number. Spec: RFC 8216, 4.3.2.4
 * and 5.2.
 */
export function encryptSegment(bytes: Buffer, key: Buffer, sequence: number): Buffer {
  const vector = Buffer.alloc(KEY_BYTES);
  vector.writeUIntBE(sequence, KEY_BYTES - 6, 6);
  const cipher = createCipheriv('aes-128-cbc', key, vector);
  return Buffer.concat([cipher.update(bytes), cipher.final()]);
}
