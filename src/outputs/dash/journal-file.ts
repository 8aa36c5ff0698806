import { Buffer } from 'node:buffer';
import { openForReading } from '../../storage/reading.ts';

/** Bytes of a journal that a start reads; a longer one is not ours. */
export const MAX_DASH_JOURNAL_BYTES = 32 * 1024 * 1024;

/** The text of the journal; undefined when there is none, or too much of it. Never rejects. */
export async function readJournal(path: string): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    const file = await openForReading(path);
    try {
      for await (const chunk of file.chunks()) {
        bytes += chunk.length;
        if (bytes > MAX_DASH_JOURNAL_BYTES) return undefined;
        chunks.push(chunk);
      }
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks).toString('utf8');
}
