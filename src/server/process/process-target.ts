import { describeError, ServerError } from '../../base/errors.ts';
import type { Config, ConfigChange } from '../../config/index.ts';
import type { RootLogger } from '../../observe/index.ts';
import type { Refusal, ReloadTarget } from '../reload/index.ts';
import { acquirePidFile, type PidFile } from './pid-file.ts';
import { logSettings } from './process-log.ts';

const LOG = new Set([
  'srs_log_tank',
  'srs_log_file',
  'srs_log_level',
  'srs_log_level_v2',
  'srs_log_format',
  'utc_time',
]);
/** Read from the configuration in force when their time comes. */
const READ_ON_USE = new Set([
  'grace_start_wait',
  'grace_final_wait',
  'grace_drain_timeout',
  'force_grace_quit',
  'query_latest_version',
]);

/** The directives of the process itself: its pid file, its log, its end. */
export class ProcessTarget implements ReloadTarget {
  readonly #logger: RootLogger;
  #pidFile: PidFile | undefined;

  constructor(logger: RootLogger, pidFile: PidFile | undefined) {
    this.#logger = logger;
    this.#pidFile = pidFile;
  }

  owns(directive: string): boolean {
    return directive === 'pid' || LOG.has(directive) || READ_ON_USE.has(directive);
  }

  apply(next: Config, changes: readonly ConfigChange[]): Promise<readonly Refusal[]> {
    const log = changes.filter(({ directive }) => LOG.has(directive));
    const pid = changes.filter(({ directive }) => directive === 'pid');
    return Promise.resolve([
      ...attempt(log, () => this.#logger.reconfigure(logSettings(next))),
      ...attempt(pid, () => {
        const before = this.#pidFile;
        this.#pidFile = acquirePidFile(next.pid);
        before?.release();
      }),
    ]);
  }

  /** Removes the pid file. Idempotent. */
  close(): void {
    this.#pidFile?.release();
  }
}

/** What belongs together is applied together or refused together. */
function attempt(changes: readonly ConfigChange[], apply: () => void): readonly Refusal[] {
  if (changes.length === 0) return [];
  try {
    apply();
    return [];
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    const why = describeError(error);
    return changes.map((change) => ({ change, why }));
  }
}
