/** What an update asks to change. Names and values have met the rules; whether they fit this configuration is not known yet. */
export type RawUpdate =
  /** A directive of the root. */
  | { readonly kind: 'set'; readonly directive: string; readonly words: readonly string[] }
  | { readonly kind: 'vhost'; readonly action: VhostAction; readonly name: string; readonly newName?: string }
  /** Whether `stream` (`app/stream`) is recorded. */
  | {
      readonly kind: 'dvr';
      readonly action: 'enable' | 'disable';
      readonly vhost: string;
      readonly stream: string;
    }
  /** The newest update of this process that is in force is taken back. */
  | { readonly kind: 'undo' };

export type VhostAction = 'create' | 'update' | 'delete' | 'disable' | 'enable';

/** One directive of a reload, or of an update. */
export interface RawChange {
  /** Dotted path, e.g. `vhost.play.mw_latency`. */
  readonly directive: string;
  readonly vhost?: string;
  readonly id?: string;
  /** In words, with values that may be shown. */
  readonly text: string;
  /** What became of it, or (dry run) what would: at once, or at the next start. */
  readonly outcome: 'applied' | 'restart' | 'refused';
  /** Why it was refused. */
  readonly why?: string;
}

/** The result of a reload. */
export interface RawReport {
  /** Unix ms. */
  readonly at: number;
  /** What asked for it. */
  readonly trigger: string;
  /** False: the file could not be used. */
  readonly ok: boolean;
  readonly summary: string;
  /** `file:line:column: …` of a file that could not be used. */
  readonly problems: readonly string[];
  readonly changes: readonly RawChange[];
}

/** The result of an update. */
export interface RawUpdated {
  /** The file says something else now (dry run: would say). */
  readonly changed: boolean;
  /** Absolute path of the file that was written; undefined when nothing was. */
  readonly file: string | undefined;
  readonly changes: readonly RawChange[];
  /** The difference of the file, lines of a unified diff. */
  readonly diff: readonly string[];
}

/** What the RAW API does to the process it is in. */
export interface RawSource {
  /** Reads the configuration again. Undefined: the server is ending. */
  reload(): Promise<RawReport | undefined>;
  /** The newest reload, whatever asked for it. */
  last(): RawReport | undefined;
  /** What is in the body of `rpc=query`; undefined = there is no such vhost. */
  query(scope: 'global' | 'minimal'): object;
  queryVhost(name: string): object | undefined;
  /** Throws CONFIG_WRITE_FAILED, or RAW_PARAMETERS when it does not fit; then nothing has changed. */
  update(update: RawUpdate, dryRun: boolean): Promise<RawUpdated>;
}

/** [http_api raw_api] */
export interface RawSettings {
  readonly enabled: boolean;
  readonly allowReload: boolean;
  readonly allowQuery: boolean;
  readonly allowUpdate: boolean;
}
