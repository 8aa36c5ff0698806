import { Buffer } from 'node:buffer';
import { randomFillSync } from 'node:crypto';
import { CLIENT_KEYS, findDigest, HANDSHAKE_BYTES, SERVER_KEYS, signFirst, signSecond } from './digest.ts';
import type { HandshakeKind, HandshakeStep } from './version.ts';
import { checkVersion, RTMP_VERSION } from './version.ts';

const FIRST_BYTES = 1 + HANDSHAKE_BYTES;
const MORE: HandshakeStep = { done: false };

/**
 * The server's side of the handshake: takes C0, C1 and C2, gives S0, S1 and S2. It answers in the form that the client
 * used: complex (digest, schema 0 or 1) or simple. Spec: Adobe RTMP 1.0, 5.2; for the digest form see `digest.ts`.
 */
export class ServerHandshake {
  #first: Buffer | undefined = undefined;
  #have = 0;
  #kind: HandshakeKind | undefined = undefined;

  /** The form that the client used, once C1 has come. */
  get kind(): HandshakeKind | undefined {
    return this.#kind;
  }

  /** Takes the next bytes; throws a ServerError at the first byte if the peer does not speak plain RTMP. */
  push(bytes: Buffer): HandshakeStep {
    if (bytes.length === 0) return MORE;
    let pos = 0;
    let send: Buffer | undefined;
    if (this.#have < FIRST_BYTES) {
      if (this.#have === 0) checkVersion(bytes.readUInt8(0));
      this.#first ??= Buffer.allocUnsafeSlow(FIRST_BYTES);
      pos = bytes.copy(this.#first, this.#have, 0);
      this.#have += pos;
      if (this.#have < FIRST_BYTES) return MORE;
      send = this.#answer(this.#first.subarray(1));
      this.#first = undefined;
    }
    // C2 is counted, not compared: 5.2.4 makes it an echo of S1, but some clients answer in the other form, and neither
    // SRS nor nginx-rtmp refuses them.
    const left = FIRST_BYTES + HANDSHAKE_BYTES - this.#have;
    const part = bytes.length - pos < left ? bytes.length - pos : left;
    this.#have += part;
    const done = part === left;
    return {
      done,
      ...(send === undefined ? {} : { send }),
      ...(done ? { rest: bytes.subarray(pos + part) } : {}),
    };
  }

  #answer(c1: Buffer): Buffer {
    const out = Buffer.allocUnsafeSlow(1 + 2 * HANDSHAKE_BYTES);
    const s1 = out.subarray(1, 1 + HANDSHAKE_BYTES);
    const s2 = out.subarray(1 + HANDSHAKE_BYTES);
    out[0] = RTMP_VERSION;
    // Time 0 and, in the simple form, four zero bytes (5.2.3). A version tells a client to look for a digest (ffmpeg: from 3 on).
    randomFillSync(s1, 8);
    s1.fill(0, 0, 8);
    const found = findDigest(c1, CLIENT_KEYS);
    if (found === undefined) {
      this.#kind = 'simple';
      // An exact echo: librtmp compares all of it.
      c1.copy(s2);
      return out;
    }
    this.#kind = 'complex';
    s1.writeUInt32BE(0x0405_0001, 4);
    signFirst(s1, found.schema, SERVER_KEYS);
    randomFillSync(s2);
    signSecond(s2, found.digest, SERVER_KEYS);
    return out;
  }
}
