import type { ConfigReader, LoadedConfig } from '../config/index.ts';

/** What the process needs from the command line. */
export interface RunContext {
  /** The path as it was typed; undefined = configured by the environment alone (`-e`). */
  readonly configFile: string | undefined;
  readonly loaded: LoadedConfig;
  /** Where relative paths of the configuration started from. */
  readonly cwd: string;
  /**
   * Reads the configuration again, from the same file (its absolute path) and environment. Throws a ConfigError. `reader`:
   * where files come from. Default: the files of this machine.
   */
  reload(reader?: ConfigReader): LoadedConfig;
}
