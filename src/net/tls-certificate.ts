import { createPrivateKey, X509Certificate } from 'node:crypto';
import { open } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { describeError, ServerError } from '../base/errors.ts';

/** Largest file of a key or of a certificate with its chain, bytes. */
export const MAX_CERTIFICATE_BYTES = 1024 * 1024;

/** A certificate that ends within so long is told, ms: 14 days. */
export const CERTIFICATE_WARNING_MS = 14 * 24 * 3_600_000;

/** Where the two files of a TLS listener are. */
export interface CertificateFiles {
  /** The block to name in errors, e.g. `http_server.https`. */
  readonly directive: string;
  readonly key: string;
  readonly cert: string;
  /** Where `key` or `cert` is written, e.g. `srs.conf:12`; undefined = not known. */
  readonly place?: (name: 'key' | 'cert') => string | undefined;
}

/** A private key and its certificate, which fit each other. */
export interface TlsCertificate {
  /** PEM. */
  readonly key: string;
  /** PEM, with its chain. */
  readonly cert: string;
  /** Valid until, Unix ms. */
  readonly endsAtMs: number;
}

/** Reads both files, or throws TLS_CERTIFICATE_INVALID with the directive, the path and what to do. */
export async function loadCertificate(files: CertificateFiles): Promise<TlsCertificate> {
  const [key, cert] = await Promise.all([readPem(files, 'key'), readPem(files, 'cert')]);
  try {
    return checkCertificate(key, cert);
  } catch (error) {
    const { directive } = files;
    throw new ServerError(
      'TLS_CERTIFICATE_INVALID',
      `${directive}.key ${files.key} and ${directive}.cert ${files.cert}${placed(files, 'cert')}: ${describeError(error)}; ` +
        'both must be PEM, the key without a password and the one of the certificate',
      { cause: error },
    );
  }
}

/** Throws when the two are no PEM or do not fit each other. */
export function checkCertificate(key: string, cert: string): TlsCertificate {
  const first = new X509Certificate(cert);
  if (!first.checkPrivateKey(createPrivateKey(key)))
    throw new Error('the private key is not that of the certificate');
  createSecureContext({ key, cert }); // The chain as well.
  return { key, cert, endsAtMs: Date.parse(first.validTo) };
}

/** `ends in 3 days`, `ended 2 days ago`; undefined = it is valid for long enough. */
export function expiryOf(endsAtMs: number, nowMs: number): string | undefined {
  const left = endsAtMs - nowMs;
  if (left >= CERTIFICATE_WARNING_MS) return undefined;
  const days = Math.floor(Math.abs(left) / (24 * 3_600_000));
  const date = new Date(endsAtMs).toISOString().slice(0, 10);
  return left < 0 ? `ended ${days} days ago (${date})` : `ends in ${days} days (${date})`;
}

async function readPem(files: CertificateFiles, name: 'key' | 'cert'): Promise<string> {
  const path = files[name];
  const what = `${files.directive}.${name} ${path}${placed(files, name)}`;
  try {
    const handle = await open(path, 'r');
    try {
      // A pipe or a device in its place would have any length.
      const { size } = await handle.stat();
      if (size > MAX_CERTIFICATE_BYTES) throw new Error(`it has ${size} bytes`);
      const buffer = Buffer.alloc(MAX_CERTIFICATE_BYTES);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
      return buffer.toString('latin1', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new ServerError(
      'TLS_CERTIFICATE_INVALID',
      `${what} cannot be read: ${describeError(error)}; put the PEM file there, readable by this user, or set ` +
        `${files.directive}.enabled off`,
      { cause: error },
    );
  }
}

function placed({ place }: CertificateFiles, name: 'key' | 'cert'): string {
  const where = place?.(name);
  return where === undefined ? '' : ` (${where})`;
}
