import { ServerError } from '../../../base/errors.ts';

/** The one version of plain RTMP. Spec: Adobe RTMP 1.0, 5.2.2. */
export const RTMP_VERSION = 3;

/** Refuses a first byte (C0 or S0) other than 3, in words that say what came instead. */
export function checkVersion(byte: number): void {
  if (byte === RTMP_VERSION) return;
  // Versions 6, 8 and 9 encrypt (RTMPE and its variants); 5.2.2 forbids 32 and above to tell text protocols apart.
  if (byte === 6 || byte === 8 || byte === 9) {
    throw new ServerError(
      'RTMP_HANDSHAKE_VERSION',
      `version ${byte} is encrypted RTMP (RTMPE), only plain RTMP is spoken`,
    );
  }
  if (byte >= 0x41 && byte <= 0x5a) {
    const letter = String.fromCharCode(byte);
    throw new ServerError(
      'RTMP_HANDSHAKE_NOT_RTMP',
      `first byte is '${letter}': an HTTP request or other text, not RTMP`,
    );
  }
  if (byte === 0x16) {
    throw new ServerError('RTMP_HANDSHAKE_NOT_RTMP', 'first byte is 22: TLS (rtmps), not plain RTMP');
  }
  if (byte >= 32) throw new ServerError('RTMP_HANDSHAKE_NOT_RTMP', `first byte is ${byte}, not RTMP`);
  throw new ServerError(
    'RTMP_HANDSHAKE_VERSION',
    `RTMP version ${byte} is not supported, only ${RTMP_VERSION}`,
  );
}

/** What a handshake wants after bytes were pushed. */
export interface HandshakeStep {
  /** Bytes for the peer. */
  readonly send?: Buffer;
  /** The handshake is complete; chunks follow. */
  readonly done: boolean;
  /** With `done`: bytes that came behind the handshake, a view of the pushed ones, perhaps empty. */
  readonly rest?: Buffer;
}

/** Which handshake the two sides agreed on. */
export type HandshakeKind = 'simple' | 'complex';
