import { readWhole } from '../../storage/read-whole.ts';

/** Bytes of a journal that a start reads; a longer one is not ours. */
export const MAX_DASH_JOURNAL_BYTES = 32 * 1024 * 1024;

/** The text of the journal; undefined when there is none that can be read. Never rejects. */
export async function readJournal(path: string): Promise<string | undefined> {
  const bytes = await readWhole(path, MAX_DASH_JOURNAL_BYTES).catch(() => undefined);
  return bytes?.toString('utf8');
}
