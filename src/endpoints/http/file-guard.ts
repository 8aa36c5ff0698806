import type { FileRequest } from '../../hub/file-admission.ts';
import type { StoredAnswer, StoredFile } from '../../hub/file-access.ts';

/** Who may have the files of streams that lie on the disk. */
export interface FileGuard {
  /** There are vhosts whose files are not for everybody. Asked for each file. */
  isOn(): boolean;
  /**
   * Of which stream of such a vhost a file is.
   *
   * @param paths Absolute: all that a request may mean, and where the file is without symbolic links.
   */
  ownerOf(paths: readonly string[]): Promise<StoredFile | undefined>;
  /** Whether it is given out. Never rejects. */
  judge(file: StoredFile, query: string, request: FileRequest): Promise<StoredAnswer>;
}
