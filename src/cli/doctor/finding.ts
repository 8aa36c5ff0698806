import type { Config, LoadedConfig } from '../../config/index.ts';
import type { Surroundings } from './surroundings.ts';

/** How bad a finding is, the worst last. Only an error makes the command fail. */
export const LEVELS = ['ok', 'note', 'warning', 'error'] as const;
export type Level = (typeof LEVELS)[number];

/** The checks, in the order in which they are shown. */
export const CHECK_NAMES = [
  'configuration',
  'running server',
  'ports',
  'limits',
  'paths',
  'disk space',
  'ffmpeg',
  'certificates',
  'clock',
  'network',
  'container',
  'node',
] as const;
export type CheckName = (typeof CHECK_NAMES)[number];

/** One thing that a check has found. */
export interface Finding {
  readonly check: CheckName;
  readonly level: Level;
  readonly what: string;
  /** What to do about it: a command or a directive. */
  readonly mend?: string;
}

/** A server that runs with the configuration that is looked at. */
export interface RunningServer {
  readonly pid: number | undefined;
  readonly answers: boolean;
  /** As its API says it; undefined when the API does not answer, or wants credentials. */
  readonly version: string | undefined;
}

/** What the checks look at. */
export interface Context {
  /** The configuration, or the defaults where it cannot be used. */
  readonly config: Config;
  /** What the configuration is called: its file, or where else it comes from. */
  readonly source: string;
  /** Undefined: it cannot be used. */
  readonly loaded: LoadedConfig | undefined;
  /** Why it cannot be used, one text each. */
  readonly problems: readonly string[];
  readonly around: Surroundings;
  /** The server that runs with this configuration already, looked for once; undefined = there is none. */
  readonly running: () => Promise<RunningServer | undefined>;
}

/** Looks at one subject. Changes nothing; may fail or take too long, its caller stands that. */
export type Check = (context: Context) => Promise<readonly Finding[]>;

/** Makes the findings of one check. */
export interface Say {
  readonly ok: (what: string) => Finding;
  readonly note: (what: string, mend?: string) => Finding;
  readonly warning: (what: string, mend?: string) => Finding;
  readonly error: (what: string, mend?: string) => Finding;
}

export function findingsOf(check: CheckName): Say {
  const make =
    (level: Level) =>
    (what: string, mend?: string): Finding =>
      mend === undefined ? { check, level, what } : { check, level, what, mend };
  return { ok: make('ok'), note: make('note'), warning: make('warning'), error: make('error') };
}
