import { describeError, ServerError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { OutputObserver } from '../../hub/output-events.ts';
import { nodeFileSystem, type FileSystem } from '../../storage/file-system.ts';
import { Leftovers, type FoundLeftover } from '../../storage/leftovers.ts';
import { mendRecording } from './mend.ts';
import { recordingRoot, type RecordingPlace } from './options.ts';
import type { RecordingNames } from './recording-names.ts';
import { streamOfPath } from './stream-of-path.ts';

export interface RecoveryDeps {
  readonly clock: Clock;
  /** Wall clock, Unix ms. */
  readonly unixTime: () => number;
  readonly logger: Logger;
  readonly observer: OutputObserver;
  /** The one that outputs have. */
  readonly names: RecordingNames;
  readonly fileSystem?: FileSystem;
}

export interface RecoveryOptions {
  readonly places: readonly RecordingPlace[];
  /** Folders of other outputs, whose temporary files are worth nothing. */
  readonly otherRoots: readonly string[];
  /** @default 3000 */
  readonly quietMs?: number;
}

/** What runs in the background. */
export interface Recovery {
  /** Never rejects. */
  readonly done: Promise<void>;
  /** Ends it after the file that it is at. Idempotent. */
  close(): Promise<void>;
}

/**
 * After a crash: what was being recorded becomes playable and gets its name, other temporary files go. Files that somebody is
 * writing are left alone. To be called once, before anything is recorded.
 */
export function recoverLeftovers(deps: RecoveryDeps, options: RecoveryOptions): Recovery {
  const { clock, unixTime, logger, fileSystem = nodeFileSystem } = deps;
  const log = logger.child({ component: 'recovery' });
  const leftovers = new Leftovers({
    roots: [...options.places.map(({ path }) => recordingRoot(path)), ...options.otherRoots],
    clock,
    unixTime,
    ...(options.quietMs === undefined ? {} : { quietMs: options.quietMs }),
    onFound: async (found) => {
      try {
        if (found.kind === 'recording') await mendOne(deps, log, fileSystem, options.places, found);
        else await fileSystem.unlink(found.temporary);
      } catch (error) {
        log.warn(`${found.temporary} stays as it is: ${describeError(error)}`);
      }
    },
  });
  return { done: leftovers.done, close: () => leftovers.close() };
}

async function mendOne(
  deps: RecoveryDeps,
  logger: Logger,
  fileSystem: FileSystem,
  places: readonly RecordingPlace[],
  { temporary, final }: FoundLeftover,
): Promise<void> {
  if (deps.names.isTaken(final)) return; // Somebody goes on with it already.
  const taken = await deps.names.takeFree(final, temporary);
  try {
    const { bytes, durationMs, hasMedia } = await mendRecording(fileSystem, temporary);
    if (!hasMedia) {
      await fileSystem.unlink(temporary);
      logger.info(`removed ${temporary}: there was nothing in it`);
      return;
    }
    await fileSystem.rename(temporary, taken.path);
    logger.info(`recovered ${taken.path}: ${(durationMs / 1000).toFixed(1)} s, ${bytes} bytes`);
    const name = streamOfPath(places, final);
    const problem = new ServerError('RECORDING_CUT', 'the server ended while this was recorded');
    deps.observer.recordingDone?.({
      name,
      session: undefined,
      file: taken.path,
      bytes,
      durationMs,
      problem,
    });
  } finally {
    taken.release();
  }
}
