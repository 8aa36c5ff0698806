import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** The text of a plain file that is no longer than `maxBytes`; throws where it is not, or cannot be read. */
export function readSmallFile(path: string, maxBytes: number): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK); // Or a pipe would stop everything.
  try {
    if (!fstatSync(file).isFile()) throw new Error('it is no plain file');
    // One more than may be: the size that the system tells may be out of date.
    const buffer = Buffer.alloc(Math.min(fstatSync(file).size, maxBytes) + 1);
    let bytes = 0;
    for (let read = -1; read !== 0 && bytes < buffer.length; bytes += read) {
      read = readSync(file, buffer, bytes, buffer.length - bytes, null);
    }
    if (bytes > maxBytes) throw new Error(`it is longer than ${maxBytes} bytes`);
    return buffer.toString('utf8', 0, bytes);
  } finally {
    closeSync(file);
  }
}
