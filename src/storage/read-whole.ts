import { Buffer } from 'node:buffer';
import { lstat, stat } from 'node:fs/promises';
import { ServerError } from '../base/errors.ts';
import { openForReading } from './reading.ts';

/**
 * The bytes of a small file, such as a journal or a playlist; undefined when there is none. Throws FILE_OPEN_FAILED,
 * FILE_READ_FAILED, or when it is larger than `maxBytes`, before more memory is spent on it.
 */
export async function readWhole(path: string, maxBytes: number): Promise<Buffer | undefined> {
  if (!(await lstat(path).catch(() => undefined))) return undefined;
  const file = await openForReading(path);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of file.chunks()) {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        throw new ServerError('FILE_READ_FAILED', `${path} is larger than ${maxBytes} bytes`);
      }
      chunks.push(chunk);
    }
  } finally {
    await file.close();
  }
  return Buffer.concat(chunks);
}

/** True for a regular file that is there. Never rejects. */
export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
