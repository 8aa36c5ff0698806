import { describeError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import {
  ConfigError,
  diffConfig,
  formatProblem,
  revertChanges,
  type Config,
  type ConfigChange,
  type LoadedConfig,
} from '../../config/index.ts';
import type { ReloadEntry, ReloadReport, ReloadTarget } from './ports.ts';
import { logReport } from './report-text.ts';

export interface ReloaderOptions {
  /** What runs now. */
  readonly loaded: LoadedConfig;
  /** Reads the configuration again. Throws a ConfigError. */
  readonly load: () => LoadedConfig;
  /** Who applies what. Each directive that can be applied belongs to exactly one of them; they are asked in this order. */
  readonly targets: readonly ReloadTarget[];
  readonly logger: Logger;
  /** Told of each result. */
  readonly onReport?: (report: ReloadReport) => void;
  /** Unix ms. Default: Date.now. */
  readonly now?: () => number;
}

interface Waiting {
  readonly triggers: Set<string>;
  readonly report: Promise<ReloadReport>;
}

/**
 * Owns the configuration in force. One reload at a time; however many are asked for meanwhile, one more follows, which sees
 * the newest file. What needs a restart or was refused keeps its old value, so what is in force is always one whole
 * configuration, and the next reload tries again what is still different.
 */
export class Reloader {
  readonly #options: ReloaderOptions;
  #running: LoadedConfig;
  #last: ReloadReport | undefined;
  #asked: readonly string[];
  #current: Promise<unknown> | undefined;
  #waiting: Waiting | undefined;

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#running = options.loaded;
    this.#asked = options.loaded.asked;
  }

  /** The configuration in force. Its `origins` and `files` are those of the newest file that was accepted. */
  get running(): LoadedConfig {
    return this.#running;
  }

  /** What the newest file asked for by `include`, also when it was not accepted. */
  get asked(): readonly string[] {
    return this.#asked;
  }

  /** The result of the newest reload, for the API. */
  get last(): ReloadReport | undefined {
    return this.#last;
  }

  /** Reads the configuration again and applies what is different. `trigger`: `SIGHUP`, `file`, `api`. Never rejects. */
  reload(trigger: string): Promise<ReloadReport> {
    if (this.#waiting !== undefined) {
      this.#waiting.triggers.add(trigger);
      return this.#waiting.report;
    }
    const triggers = new Set([trigger]);
    const before = this.#current;
    const report = (async () => {
      if (before !== undefined) {
        await before;
        this.#waiting = undefined;
      }
      return this.#run([...triggers].join(', '));
    })();
    if (before !== undefined) this.#waiting = { triggers, report };
    this.#current = report;
    void report.finally(() => {
      if (this.#current === report) this.#current = undefined;
    });
    return report;
  }

  async #run(trigger: string): Promise<ReloadReport> {
    const at = (this.#options.now ?? Date.now)();
    let report: ReloadReport;
    try {
      const next = this.#options.load();
      this.#asked = next.asked;
      for (const warning of next.warnings) this.#options.logger.warn(formatProblem(warning));
      report = { at, trigger, ok: true, problems: [], entries: await this.#apply(next) };
    } catch (error) {
      if (error instanceof ConfigError) this.#asked = error.asked;
      const problems =
        error instanceof ConfigError ? error.problems.map(formatProblem) : [describeError(error)];
      report = { at, trigger, ok: false, problems, entries: [] };
    }
    this.#last = report;
    logReport(report, this.#options.logger);
    this.#options.onReport?.(report);
    return report;
  }

  async #apply(next: LoadedConfig): Promise<readonly ReloadEntry[]> {
    const previous = this.#running.config;
    const changes = diffConfig(previous, next);
    const outcomes = new Map<ConfigChange, ReloadEntry>();
    const reverted: ConfigChange[] = [];
    const refuse = (change: ConfigChange, why: string): void => {
      outcomes.set(change, { change, outcome: 'refused', why });
      reverted.push(change);
    };
    for (const change of changes) {
      if (change.reload !== 'restart') continue;
      outcomes.set(change, { change, outcome: 'restart' });
      reverted.push(change);
    }
    const left = new Set(changes.filter((change) => !outcomes.has(change)));
    for (const target of this.#options.targets) {
      const own = [...left].filter(({ directive }) => target.owns(directive));
      if (own.length === 0) continue;
      for (const change of own) left.delete(change);
      const config = revertChanges(next.config, previous, reverted);
      for (const [change, why] of await this.#ask(target, config, own)) refuse(change, why);
      for (const change of own)
        if (!outcomes.has(change)) outcomes.set(change, { change, outcome: 'applied' });
    }
    for (const change of left) refuse(change, 'no part of this program applies it');
    this.#running = { ...next, config: revertChanges(next.config, previous, reverted) };
    return changes.flatMap((change) => outcomes.get(change) ?? []);
  }

  /** What a target refused. One that fails altogether refused everything. */
  async #ask(
    target: ReloadTarget,
    config: Config,
    changes: readonly ConfigChange[],
  ): Promise<readonly (readonly [ConfigChange, string])[]> {
    try {
      const refusals = await target.apply(config, changes);
      return refusals.map(({ change, why }) => [change, why] as const);
    } catch (error) {
      const stack = error instanceof Error ? error.stack : undefined;
      this.#options.logger.error(`reload failed: ${stack ?? describeError(error)}`);
      return changes.map((change) => [change, describeError(error)] as const);
    }
  }
}
