import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A key and a self-signed certificate for `localhost` and 127.0.0.1, made now. Paths of PEM files. */
export interface TestCertificate {
  readonly key: string;
  readonly cert: string;
}

/** @param days How long it is valid. */
export async function makeCertificate(name = 'localhost', days = 365): Promise<TestCertificate> {
  const dir = await mkdtemp(join(tmpdir(), 'srs-tls-'));
  const made = { key: join(dir, 'server.key'), cert: join(dir, 'server.crt') };
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...[
      '-days',
      String(days),
      '-subj',
      `/CN=${name}`,
      '-addext',
      'subjectAltName=DNS:localhost,IP:127.0.0.1',
    ],
    ...['-keyout', made.key, '-out', made.cert],
  ]);
  return made;
}
