import type { LoadedConfig } from '../config/index.ts';

/** What the process needs from the command line. */
export interface RunContext {
  /** The path as it was typed; undefined = configured by the environment alone (`-e`). */
  readonly configFile: string | undefined;
  readonly loaded: LoadedConfig;
  /** Reads the configuration again, from the same file (its absolute path) and environment. Throws a ConfigError. */
  reload(): LoadedConfig;
}
