import { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import { FlvFileRecovery } from '../../containers/flv/index.ts';
import { Mp4Recovery } from '../../containers/mp4/index.ts';
import type { EditableHandle, FileSystem } from '../../storage/file-system.ts';
import { tsEnd, type TsEnd } from './ts-end.ts';

/** An MP4 file no longer than this whose head is damaged never got farther. */
const MAX_TORN_HEAD_BYTES = 64 * 1024;

/** What a recording that was left open is after it was mended. */
export interface Mended {
  readonly bytes: number;
  readonly durationMs: number;
  /** False: there is nothing in it. */
  readonly hasMedia: boolean;
}

/**
 * Makes a recording playable that was cut off at any byte: what is not whole at its end goes, and duration and index are
 * written. Memory does not grow with the file. Throws for what never was a recording.
 */
export async function mendRecording(fileSystem: FileSystem, path: string): Promise<Mended> {
  const file = await fileSystem.edit(path);
  try {
    const mended = await mend(file);
    if (mended.hasMedia) await file.sync();
    return mended;
  } finally {
    await file.close();
  }
}

async function mend(file: EditableHandle): Promise<Mended> {
  const size = await file.size();
  const head = await readAt(file, 0, Math.min(size, 8));
  if (head.length < 8) return { bytes: size, durationMs: 0, hasMedia: false };
  if (head.toString('latin1', 0, 3) === 'FLV') return mendFlv(file, size);
  if (head.toString('latin1', 4, 8) === 'ftyp') return mendMp4(file, size);
  if (head[0] === 0x47) return mendTs(file, size);
  if (head.every((byte) => byte === 0)) return { bytes: size, durationMs: 0, hasMedia: false };
  throw new ServerError('FILE_READ_FAILED', 'neither FLV, MP4 nor MPEG-TS');
}

async function scanFlv(file: EditableHandle, size: number): Promise<FlvFileRecovery> {
  const recovery = new FlvFileRecovery(size);
  for (let want = recovery.wants; want !== undefined; want = recovery.wants) {
    recovery.take(await readAll(file, want.at, want.bytes));
  }
  return recovery;
}

async function mendFlv(file: EditableHandle, size: number): Promise<Mended> {
  const { head, end } = await scanFlv(file, size);
  if (head?.hasMedia !== true) return { bytes: end, durationMs: 0, hasMedia: false };
  await file.truncate(end);
  await writeAt(file, head.bytes(end), 0);
  return { bytes: end, durationMs: head.durationMs, hasMedia: true };
}

async function mendMp4(file: EditableHandle, size: number): Promise<Mended> {
  const recovery = new Mp4Recovery(size);
  for (let want = recovery.wants; want !== undefined; want = recovery.wants) {
    const bytes = await readAll(file, want.at, want.bytes);
    try {
      recovery.take(bytes);
    } catch (error) {
      if (size > MAX_TORN_HEAD_BYTES || recovery.result().state !== 'empty') throw error;
      return { bytes: size, durationMs: 0, hasMedia: false };
    }
  }
  const { state, end, durationMs, closing } = recovery.result();
  if (state === 'empty') return { bytes: end, durationMs, hasMedia: false };
  await file.truncate(end);
  if (closing === undefined) return { bytes: end, durationMs, hasMedia: true };
  try {
    await writeAt(file, closing.append, closing.truncateTo);
    await file.sync();
  } catch {
    // No room for the index: in fragments it is playable too.
    await file.truncate(end);
    return { bytes: end, durationMs, hasMedia: true };
  }
  for (const { at, bytes } of closing.patches) await writeAt(file, bytes, at);
  return { bytes: end + closing.append.length, durationMs, hasMedia: true };
}

async function mendTs(file: EditableHandle, size: number): Promise<Mended> {
  const { end, durationMs, hasMedia } = await scanTs(file, size);
  await file.truncate(end);
  return { bytes: end, durationMs, hasMedia };
}

function scanTs(file: EditableHandle, size: number): Promise<TsEnd> {
  return tsEnd((at, bytes) => readAll(file, at, bytes), size);
}

/** Where a recording ends that is to go on. Throws for a file that is none of this server. */
export async function findEnd(
  fileSystem: FileSystem,
  path: string,
  format: 'flv' | 'ts',
): Promise<{ readonly flv: FlvFileRecovery | undefined; readonly ts: TsEnd | undefined }> {
  const file = await fileSystem.edit(path);
  try {
    const size = await file.size();
    if (format === 'flv') return { flv: await scanFlv(file, size), ts: undefined };
    return { flv: undefined, ts: await scanTs(file, size) };
  } finally {
    await file.close();
  }
}

async function readAll(file: EditableHandle, at: number, bytes: number): Promise<Buffer> {
  const read = await readAt(file, at, bytes);
  if (read.length < bytes)
    throw new ServerError('FILE_READ_FAILED', 'the file became shorter while it was read');
  return read;
}

async function readAt(file: EditableHandle, at: number, bytes: number): Promise<Buffer> {
  const into = Buffer.allocUnsafe(bytes);
  return into.subarray(0, await file.read(into, at));
}

async function writeAt(file: EditableHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const written = await file.writev([bytes.subarray(done)], at + done);
    if (written <= 0) throw new Error('the system wrote nothing');
    done += written;
  }
}
