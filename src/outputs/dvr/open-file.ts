import type { Undo } from '../../base/undo.ts';
import type { FormatWriter } from './format-writer.ts';

/** A file that may be written, and who writes it. */
export interface OpenedFile {
  /** Its final path. */
  readonly path: string;
  readonly writer: FormatWriter;
  /** It is there under its temporary name and goes on behind so many bytes; undefined = it is new. */
  readonly continueAt: number | undefined;
  /** When it was never begun: as it was before. Never rejects. */
  giveUp(): Promise<void>;
  /** Others may record under its name. */
  release: Undo;
}
