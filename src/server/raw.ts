import { ServerError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import {
  ConfigError,
  describeChange,
  diffConfig,
  diffTexts,
  FILE_READER,
  formatProblem,
  type Config,
  type ConfigChange,
  type ConfigReader,
  type LoadedConfig,
} from '../config/index.ts';
import type { RawChange, RawReport, RawSource, RawUpdate, RawUpdated } from '../control/raw/index.ts';
import { replaceConfigFile } from './config-file.ts';
import { editFor, type DiskConfig, type FileEdit } from './raw-edits.ts';
import { queryGlobal, queryMinimal, queryVhost } from './raw-query.ts';
import { describeEntry, disturbance, summarize, type Reloader, type ReloadReport } from './reload/index.ts';

/** Updates that wait for the one under way. */
export const MAX_WAITING_UPDATES = 64;
/** Updates that can be taken back. */
export const MAX_UNDO = 10;
/** Changes of a report that are told. */
const MAX_TOLD_CHANGES = 1_000;
/** Problems of a file in a message. */
const MAX_TOLD_PROBLEMS = 3;

export interface RawPartOptions {
  /** Reads the configuration again, from the files that `reader` gives. Throws a ConfigError. */
  readonly load: (reader: ConfigReader) => LoadedConfig;
  /** Where relative paths of the command line start from. */
  readonly cwd: string;
  readonly reloader: Pick<Reloader, 'running' | 'last'>;
  /** Undefined: the server is ending. */
  readonly reload: (trigger: string) => Promise<ReloadReport> | undefined;
  readonly logger: Logger;
  /** Writes a file. Default: `replaceConfigFile`. */
  readonly replace?: typeof replaceConfigFile;
}

/** [http_api raw_api] The RAW API's hand on the configuration of this process. One update at a time. */
export class RawPart implements RawSource {
  readonly #options: RawPartOptions;
  readonly #replace: typeof replaceConfigFile;
  /** What has been done, the newest last. */
  readonly #done: Done[] = [];
  #waiting = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: RawPartOptions) {
    this.#options = options;
    this.#replace = options.replace ?? replaceConfigFile;
  }

  async reload(): Promise<RawReport | undefined> {
    const report = await this.#options.reload('api');
    return report && reportOf(report);
  }

  last(): RawReport | undefined {
    const { last } = this.#options.reloader;
    return last && reportOf(last);
  }

  query(scope: 'global' | 'minimal'): object {
    const { running } = this.#options.reloader;
    return scope === 'global' ? queryGlobal(running) : queryMinimal(running);
  }

  queryVhost(name: string): object | undefined {
    return queryVhost(this.#options.reloader.running, name);
  }

  async update(update: RawUpdate, dryRun: boolean): Promise<RawUpdated> {
    if (this.#waiting >= MAX_WAITING_UPDATES)
      throw new ServerError('CONFIG_WRITE_FAILED', 'too many updates at once: try again');
    this.#waiting += 1;
    const done = this.#turn.then(() => this.#update(update, dryRun));
    this.#turn = done.catch(() => undefined);
    try {
      return await done;
    } finally {
      this.#waiting -= 1;
    }
  }

  async #update(update: RawUpdate, dryRun: boolean): Promise<RawUpdated> {
    const disk = this.#readDisk();
    const edit = update.kind === 'undo' ? this.#undoing(disk) : editFor(update, disk);
    const { file, before, after } = edit;
    const nothing = { changed: false, file: undefined, changes: [], diff: [] };
    if (after === before) return nothing;
    const meant = this.#check(edit, disk);
    const diff = diffTexts(file, before, after);
    if (dryRun)
      return {
        changed: true,
        file: undefined,
        changes: meant.map((change) => plannedChange(change, disk.loaded.config)),
        diff,
      };
    await this.#replace(file, before, after);
    const changes = await this.#apply(edit);
    if (update.kind === 'undo') this.#done.pop();
    else this.#remember({ file, before, after });
    this.#options.logger.info(`${file} was changed by the RAW API`);
    return { changed: true, file, changes, diff };
  }

  #remember(done: Done): void {
    this.#done.push(done);
    if (this.#done.length > MAX_UNDO) this.#done.shift();
  }

  /** The text from before the newest update, where nobody has changed the file since. */
  #undoing({ texts }: DiskConfig): FileEdit {
    const last = this.#done.at(-1);
    if (last === undefined) throw new ServerError('RAW_PARAMETERS', 'there is nothing to undo');
    const { file, before, after } = last;
    if (texts.get(file) !== after)
      throw new ServerError('RAW_PARAMETERS', 'the file is another one since the last update');
    return { file, before: after, after: before, mustChange: false, isMeant: () => true };
  }

  /** What the files say now, which must be what is in force: an update applies nothing else than itself. */
  #readDisk(): DiskConfig {
    const { load, cwd, reloader } = this.#options;
    const texts = new Map<string, string>();
    const reader: ConfigReader = {
      ...FILE_READER,
      read(path, maxBytes) {
        const result = FILE_READER.read(path, maxBytes);
        if (result.ok) texts.set(path, result.text);
        return result;
      },
    };
    const loaded = tried(() => load(reader), 'the file on the disk cannot be used');
    const [other] = diffConfig(reloader.running, loaded).filter(({ reload }) => reload !== 'restart');
    if (other !== undefined)
      throw new ServerError(
        'RAW_PARAMETERS',
        `the file has changes that are not in force, such as ${other.directive}: reload first`,
      );
    return { loaded, texts, cwd };
  }

  /** What the new text changes. Throws RAW_PARAMETERS when it is no configuration, or changes something else as well. */
  #check({ file, after, mustChange, isMeant }: FileEdit, { loaded }: DiskConfig): readonly ConfigChange[] {
    const reader: ConfigReader = {
      ...FILE_READER,
      read: (path, maxBytes) =>
        path === file
          ? { ok: true, text: after, bytes: Buffer.byteLength(after) }
          : FILE_READER.read(path, maxBytes),
    };
    const next = tried(() => this.#options.load(reader), 'this cannot be used');
    const changes = diffConfig(loaded, next);
    const other = changes.find((change) => !isMeant(change));
    if (other !== undefined)
      throw new ServerError('RAW_PARAMETERS', `this would also change ${other.directive}`);
    if (mustChange && changes.length === 0)
      throw new ServerError('RAW_PARAMETERS', 'this would change nothing: another directive says the same');
    return changes;
  }

  /** Applies the file that was written; what is refused is taken out of it again. */
  async #apply({ file, before, after, isMeant }: FileEdit): Promise<readonly RawChange[]> {
    const report = await this.#options.reload('api');
    const entries = report?.entries.filter(({ change }) => isMeant(change)) ?? [];
    const refused = entries.find(({ outcome }) => outcome === 'refused');
    if (report?.ok === true && refused === undefined) return entries.map(rawChange);
    await this.#replace(file, after, before);
    if (report === undefined) throw new ServerError('SERVER_STOPPING', 'the server is ending');
    await this.#options.reload('api');
    const why = refused === undefined ? report.problems[0] : refused.why;
    throw new ServerError('RAW_PARAMETERS', `refused: ${why ?? 'no reason is known'}`);
  }
}

type Done = Pick<FileEdit, 'file' | 'before' | 'after'>;

function tried(load: () => LoadedConfig, what: string): LoadedConfig {
  try {
    return load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const told = error.problems.slice(0, MAX_TOLD_PROBLEMS).map(formatProblem);
    throw new ServerError('RAW_PARAMETERS', `${what}: ${told.join('; ')}`);
  }
}

function reportOf(report: ReloadReport): RawReport {
  const { at, trigger, ok, problems, entries } = report;
  return {
    at,
    trigger,
    ok,
    summary: summarize(report),
    problems: problems.slice(0, MAX_TOLD_CHANGES),
    changes: entries.slice(0, MAX_TOLD_CHANGES).map(rawChange),
  };
}

function rawChange(entry: ReloadReport['entries'][number]): RawChange {
  const { change, outcome, why } = entry;
  return { ...placeOf(change), text: describeEntry(entry), outcome, ...(why === undefined ? {} : { why }) };
}

/** What would become of a change, and who would notice. */
function plannedChange(change: ConfigChange, before: Config): RawChange {
  const outcome = change.reload === 'restart' ? 'restart' : 'applied';
  const effect = outcome === 'restart' ? 'needs a restart' : (disturbance(change, before) ?? 'at once');
  return { ...placeOf(change), text: `${describeChange(change)}; ${effect}`, outcome };
}

function placeOf({ directive, vhost, id }: ConfigChange): Pick<RawChange, 'directive' | 'vhost' | 'id'> {
  return {
    directive,
    ...(vhost === undefined ? {} : { vhost }),
    ...(id === undefined ? {} : { id }),
  };
}
