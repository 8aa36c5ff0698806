import { Buffer } from 'node:buffer';
import type { KeyObject } from 'node:crypto';
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';

/** Bytes of C1, S1, C2 and S2. Spec: Adobe RTMP 1.0, 5.2.3 and 5.2.4. */
export const HANDSHAKE_BYTES = 1536;
const DIGEST_BYTES = 32;

// The digest form of the handshake is in no Adobe document; it and its two keys are known from Flash Player 9.0.115 on
// through rtmpdump and SRS. The first halves are plain text, the second is the same for both.
const SHARED = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex');
const SERVER_TEXT = Buffer.from('Genuine Adobe Flash Media Server 001', 'latin1');
const CLIENT_TEXT = Buffer.from('Genuine Adobe Flash Player 001', 'latin1');

/** The keys of one side: `text` signs its first packet, `full` its answer to the other's. */
export interface SideKeys {
  readonly text: KeyObject;
  readonly full: KeyObject;
}

/** Keys of the server: S1 and S2. */
export const SERVER_KEYS: SideKeys = {
  text: createSecretKey(SERVER_TEXT),
  full: createSecretKey(Buffer.concat([SERVER_TEXT, SHARED])),
};
/** Keys of the client: C1 and C2. */
export const CLIENT_KEYS: SideKeys = {
  text: createSecretKey(CLIENT_TEXT),
  full: createSecretKey(Buffer.concat([CLIENT_TEXT, SHARED])),
};

/** Order of the two 764-byte blocks behind time and version: 0 = key, digest; 1 = digest, key. */
export type Schema = 0 | 1;

/**
 * Where the digest of a first packet lies. Its block begins with four bytes whose sum, modulo 728, is its offset in
 * the rest of the block.
 *
 *     schema 0:  time 4 | version 4 | key block 764    | digest block 764
 *     schema 1:  time 4 | version 4 | digest block 764 | key block 764
 */
export function digestPosition(packet: Buffer, schema: Schema): number {
  const at = schema === 0 ? 8 + 764 : 8;
  const sum =
    packet.readUInt8(at) + packet.readUInt8(at + 1) + packet.readUInt8(at + 2) + packet.readUInt8(at + 3);
  return at + 4 + (sum % 728);
}

function digestAround(packet: Buffer, at: number, key: KeyObject): Buffer {
  const hmac = createHmac('sha256', key);
  hmac.update(packet.subarray(0, at));
  hmac.update(packet.subarray(at + DIGEST_BYTES, HANDSHAKE_BYTES));
  return hmac.digest();
}

/** Signs a first packet (C1 or S1) in place; returns its digest. */
export function signFirst(packet: Buffer, schema: Schema, keys: SideKeys): Buffer {
  const at = digestPosition(packet, schema);
  const digest = digestAround(packet, at, keys.text);
  digest.copy(packet, at);
  return digest;
}

/** Finds the digest of a first packet; undefined: it carries none, its sender uses the simple handshake. */
export function findDigest(packet: Buffer, keys: SideKeys): { schema: Schema; digest: Buffer } | undefined {
  for (const schema of [0, 1] as const) {
    const at = digestPosition(packet, schema);
    const digest = packet.subarray(at, at + DIGEST_BYTES);
    if (timingSafeEqual(digest, digestAround(packet, at, keys.text)))
      return { schema, digest: Buffer.from(digest) };
  }
  return undefined;
}

function answerDigest(packet: Buffer, peerDigest: Buffer, keys: SideKeys): Buffer {
  const key = createHmac('sha256', keys.full).update(peerDigest).digest();
  return createHmac('sha256', createSecretKey(key))
    .update(packet.subarray(0, HANDSHAKE_BYTES - DIGEST_BYTES))
    .digest();
}

/** Signs an answer (C2 or S2) in place: its last 32 bytes prove that the other side's digest was read. */
export function signSecond(packet: Buffer, peerDigest: Buffer, keys: SideKeys): void {
  answerDigest(packet, peerDigest, keys).copy(packet, HANDSHAKE_BYTES - DIGEST_BYTES);
}

/** Whether an answer is signed for our digest. */
export function checkSecond(packet: Buffer, ourDigest: Buffer, keys: SideKeys): boolean {
  const signature = packet.subarray(HANDSHAKE_BYTES - DIGEST_BYTES, HANDSHAKE_BYTES);
  return timingSafeEqual(signature, answerDigest(packet, ourDigest, keys));
}
