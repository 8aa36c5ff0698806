import { closeSync, openSync, readdirSync, readSync } from 'node:fs';

/** A text, or in words why there is none. */
export type ReadResult =
  | { readonly ok: true; readonly text: string; readonly bytes: number }
  | { readonly ok: false; readonly reason: 'missing' | 'too-large' | 'unreadable'; readonly why: string };

/** How the configuration gets its files; tests and embedders may bring their own. */
export interface ConfigReader {
  /** The text of a file of at most `maxBytes` bytes. Does not throw. */
  read(path: string, maxBytes: number): ReadResult;
  /** The names in a folder, in any order; none when there is no such folder. Does not throw. */
  list(folder: string): readonly string[];
}

/** The files of this machine. */
export const FILE_READER: ConfigReader = {
  read: readFile,
  list(folder) {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  },
};

function readFile(path: string, maxBytes: number): ReadResult {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    const fd = openSync(path, 'r');
    try {
      // Read, not trust the size: the path may be a pipe.
      for (;;) {
        const part = Buffer.alloc(65_536);
        const count = readSync(fd, part);
        if (count === 0) break;
        size += count;
        if (size > maxBytes)
          return { ok: false, reason: 'too-large', why: `is larger than ${maxBytes} bytes` };
        parts.push(part.subarray(0, count));
      }
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    const reason = code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'unreadable';
    return { ok: false, reason, why: READ_ERRORS[code] ?? `cannot be read (${code})` };
  }
  return { ok: true, text: Buffer.concat(parts).toString('utf8'), bytes: size };
}

const READ_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'is a directory, not a file',
  EACCES: 'may not be read by this user',
};
