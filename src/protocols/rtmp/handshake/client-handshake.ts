import { Buffer } from 'node:buffer';
import { randomFillSync } from 'node:crypto';
import type { Schema } from './digest.ts';
import {
  checkSecond,
  CLIENT_KEYS,
  findDigest,
  HANDSHAKE_BYTES,
  SERVER_KEYS,
  signFirst,
  signSecond,
} from './digest.ts';
import type { HandshakeKind, HandshakeStep } from './version.ts';
import { checkVersion, RTMP_VERSION } from './version.ts';

const FIRST_BYTES = 1 + HANDSHAKE_BYTES;
const ALL_BYTES = FIRST_BYTES + HANDSHAKE_BYTES;

/** Options of a client's handshake. */
export interface ClientHandshakeOptions {
  /** `complex` offers the digest form and accepts the simple one; `simple` never offers it. @default 'complex' */
  readonly offer?: HandshakeKind;
  /** Order of the blocks in C1: 0 = key, digest; 1 = digest, key. @default 1 (as Flash Player 10 and ffmpeg) */
  readonly schema?: Schema;
}

/**
 * The client's side of the handshake: `start()` gives C0 and C1, `push` takes S0, S1 and S2 and gives C2 as soon as S1
 * is there. Spec: Adobe RTMP 1.0, 5.2; for the digest form see `digest.ts`.
 */
export class ClientHandshake {
  readonly #offer: HandshakeKind;
  readonly #schema: Schema;
  #digest: Buffer | undefined = undefined;
  readonly #in = Buffer.allocUnsafeSlow(ALL_BYTES);
  #have = 0;
  #kind: HandshakeKind | undefined = undefined;
  #serverVerified = false;

  constructor(options: ClientHandshakeOptions = {}) {
    this.#offer = options.offer ?? 'complex';
    this.#schema = options.schema ?? 1;
  }

  /** The form that the server answered in, once S1 has come. */
  get kind(): HandshakeKind | undefined {
    return this.#kind;
  }

  /** S2 was signed for our digest. False does not fail the handshake: proxies answer with what they have. */
  get serverVerified(): boolean {
    return this.#serverVerified;
  }

  /** C0 and C1, to be sent first. */
  start(): Buffer {
    const out = Buffer.allocUnsafeSlow(FIRST_BYTES);
    const c1 = out.subarray(1);
    out[0] = RTMP_VERSION;
    randomFillSync(c1, 8);
    c1.fill(0, 0, 8);
    if (this.#offer === 'complex') {
      // Any version but 0 makes servers look for a digest; this is the one that SRS's own client gives.
      c1.writeUInt32BE(0x8000_0702, 4);
      this.#digest = signFirst(c1, this.#schema, CLIENT_KEYS);
    }
    return out;
  }

  /** Takes the next bytes; throws a ServerError at the first byte if the peer does not speak plain RTMP. */
  push(bytes: Buffer): HandshakeStep {
    if (bytes.length === 0) return { done: false };
    if (this.#have === 0) checkVersion(bytes.readUInt8(0));
    const before = this.#have;
    const part = bytes.copy(this.#in, before, 0);
    this.#have = before + part;
    const send = before < FIRST_BYTES && this.#have >= FIRST_BYTES ? this.#answer() : undefined;
    const done = this.#have === ALL_BYTES;
    if (done && this.#kind === 'complex' && this.#digest !== undefined) {
      this.#serverVerified = checkSecond(this.#in.subarray(FIRST_BYTES), this.#digest, SERVER_KEYS);
    }
    return {
      done,
      ...(send === undefined ? {} : { send }),
      ...(done ? { rest: bytes.subarray(part) } : {}),
    };
  }

  #answer(): Buffer {
    const s1 = this.#in.subarray(1, FIRST_BYTES);
    const found = this.#digest === undefined ? undefined : findDigest(s1, SERVER_KEYS);
    if (found === undefined) {
      this.#kind = 'simple';
      return Buffer.from(s1); // 5.2.4: C2 echoes S1.
    }
    this.#kind = 'complex';
    const c2 = Buffer.allocUnsafeSlow(HANDSHAKE_BYTES);
    randomFillSync(c2);
    signSecond(c2, found.digest, CLIENT_KEYS);
    return c2;
  }
}
