import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Reloader, ReloadReport } from '../reload/index.ts';
import type { Ending } from './ending.ts';
import { FileWatch } from './file-watch.ts';
import type { ServiceNotify } from './service-notify.ts';

export interface ReloadTriggersOptions {
  readonly reloader: Pick<Reloader, 'reload' | 'running' | 'asked'>;
  readonly ending: Pick<Ending, 'current'>;
  readonly notify: ServiceNotify;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What asks for a reload, and who is told of it. */
export class ReloadTriggers {
  readonly #options: ReloadTriggersOptions;
  #watch: FileWatch | undefined;

  constructor(options: ReloadTriggersOptions) {
    this.#options = options;
  }

  /** Undefined: a server that ends reloads no more, its listeners would come back. */
  reload(trigger: string): Promise<ReloadReport> | undefined {
    const { reloader, ending, notify, logger } = this.#options;
    if (ending.current !== undefined) {
      logger.warn(`${trigger}: the server is ending, nothing is reloaded`);
      return undefined;
    }
    this.#watch?.noticed();
    const report = reloader.reload(trigger);
    notify.reloading(report);
    // Other files may be included now.
    void report.then(() => this.#watch?.watchInstead(reloader.running.files, reloader.asked));
    return report;
  }

  /**
   * [inotify_auto_reload, auto_reload_for_docker] Reloads when the files of the configuration change; `readAt`, Unix ms, is
   * when they were read for the start.
   */
  watchFiles(readAt: number): void {
    const { reloader, clock, logger } = this.#options;
    const { files } = reloader.running;
    if (files.length === 0) return;
    logger.info(`a change of ${files.join(', ')} is a reload`);
    this.#watch = new FileWatch({
      files,
      asked: reloader.asked,
      readAt,
      clock,
      logger,
      onChange: () => void this.reload('file'),
    });
  }

  /** Idempotent. */
  close(): void {
    this.#watch?.close();
  }
}
