import { ConfigError, currentFolder, formatProblem, loadConfig, loadEnvironment } from '../config/index.ts';
import type { ConfigReader, LoadedConfig } from '../config/index.ts';
import type { CliIo } from './io.ts';

/** Flags that say where the configuration is. */
export interface SourceFlags {
  readonly config?: string;
  readonly environment?: true;
}

/** Where the configuration is: a path as it was given, or the environment alone. The environment overrides a file, too. */
export type ConfigSource = { readonly file: string } | { readonly file: undefined };

/**
 * Picks the source by flags and variables: `-e` before `SRS_CONFIG_FILE` before `-c`; as in SRS a variable wins, so that one can
 * give a container another file whose command has `-c`. Undefined when nothing is named. Whatever is named but not read is told.
 */
export function selectSource(
  flags: SourceFlags,
  io: Pick<CliIo, 'env' | 'stderr'>,
): ConfigSource | undefined {
  const named = io.env['SRS_CONFIG_FILE'];
  const variable = named === '' ? undefined : named;
  const only = flags.environment === true ? '-e' : isOn(io.env['SRS_ENV_ONLY']) ? 'SRS_ENV_ONLY' : undefined;
  if (only !== undefined) {
    if (flags.config !== undefined) io.stderr(`warning: ${flags.config} is not read: ${only} says so\n`);
    return { file: undefined };
  }
  if (flags.config !== undefined && variable !== undefined && variable !== flags.config)
    io.stderr(`warning: ${flags.config} is not read: SRS_CONFIG_FILE names ${variable}\n`);
  const file = variable ?? flags.config;
  return file === undefined ? undefined : { file };
}

/** Loads it; undefined after telling everything that is wrong, errors last. */
export function loadSource(source: ConfigSource, io: CliIo): LoadedConfig | undefined {
  try {
    return reader(source, io)();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const warning of error.warnings) io.stderr(`warning: ${formatProblem(warning)}\n`);
    for (const problem of error.problems) io.stderr(`error: ${formatProblem(problem)}\n`);
    return undefined;
  }
}

/** Reads the same source with the same variables whenever it is called, whatever the working directory is then. */
export function reader({ file }: ConfigSource, { env }: CliIo): (from?: ConfigReader) => LoadedConfig {
  const cwd = currentFolder();
  return (from) => {
    if (file === undefined) return loadEnvironment(env);
    return loadConfig(file, { env, cwd, ...(from === undefined ? {} : { reader: from }) });
  };
}

/** How messages call it. */
export function describeSource({ file }: ConfigSource): string {
  return file === undefined ? 'the environment' : `the config file ${file}`;
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && !['', 'off', 'false', 'no', '0'].includes(value.toLowerCase());
}
