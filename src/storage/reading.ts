import { Buffer } from 'node:buffer';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { ServerError } from '../base/errors.ts';

/** Bytes of one read: few enough to keep memory small, many enough that a stream costs some reads a second. */
const CHUNK_BYTES = 64 * 1024;

/** A regular file that is read from its beginning. */
export interface ReadableFile {
  /**
   * The bytes in order, at most 64 KiB at a time; the next ones are read when they are asked for, so a slow consumer holds
   * one chunk. Each chunk has its own memory. Throws FILE_READ_FAILED.
   */
  chunks(): AsyncGenerator<Buffer, undefined>;
  /** Idempotent; never rejects. */
  close(): Promise<void>;
}

/** Opens a regular file; throws FILE_OPEN_FAILED for anything else, at once: a pipe or a device never blocks it. */
export async function openForReading(path: string): Promise<ReadableFile> {
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK the open of a pipe waits for its writer, in a thread that nothing can interrupt.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw new ServerError('FILE_OPEN_FAILED', `cannot open ${path}`, { cause });
  }
  try {
    if (!(await handle.stat()).isFile())
      throw new ServerError('FILE_OPEN_FAILED', `${path} is no regular file`);
  } catch (error) {
    await handle.close();
    throw error;
  }
  let closed: Promise<void> | undefined;
  return {
    chunks: () => readChunks(handle, path),
    close: () => (closed ??= handle.close().catch(() => undefined)),
  };
}

async function* readChunks(handle: FileHandle, path: string): AsyncGenerator<Buffer, undefined> {
  for (let position = 0; ;) {
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    let size: number;
    try {
      size = (await handle.read(chunk, 0, CHUNK_BYTES, position)).bytesRead;
    } catch (cause) {
      throw new ServerError('FILE_READ_FAILED', `cannot read ${path} at ${position}`, { cause });
    }
    if (size === 0) return undefined;
    position += size;
    yield chunk.subarray(0, size);
  }
}
