import { randomBytes } from 'node:crypto';

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';
const LENGTH = 9;

/** A new session id: 9 characters of a-z and 0-9, about 46 random bits, the trace id of all log lines of the session. */
export function newSessionId(): string {
  const random = randomBytes(LENGTH);
  let id = '';
  for (const byte of random) id += ALPHABET.charAt(byte % ALPHABET.length);
  return id;
}
