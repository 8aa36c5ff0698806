import { networkInterfaces } from 'node:os';
import path from 'node:path';
import { checkConfig } from './checks.ts';
import { currentFolder } from './current-folder.ts';
import { environmentOnlyTree, overlayEnvironment } from './environment.ts';
import { expandIncludes } from './include.ts';
import type { IncludedTree } from './include.ts';
import { rewriteOldSpellings } from './legacy.ts';
import { parseTree } from './parser.ts';
import { ConfigError, Diagnostics } from './problem.ts';
import type { ConfigProblem, Origin } from './problem.ts';
import { FILE_READER } from './reader.ts';
import type { ConfigReader } from './reader.ts';
import { resolveOptions } from './resolve.ts';
import { ROOT } from './schema/root.ts';
import type { Config } from './schema/root.ts';

/** A configuration file is read into memory as a whole. */
export const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/** A configuration that can be used. */
export interface LoadedConfig {
  readonly config: Config;
  /** What is odd about it. */
  readonly warnings: readonly ConfigProblem[];
  /** Where each option was written, by its path (`vhosts[0].play.mwLatencyMs`); what is not in it has its default. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** Absolute paths of the file and of everything that it includes; empty when there is no file. */
  readonly files: readonly string[];
  /**
   * Absolute paths that the files asked for by `include`, whether there is something or not; where the last part has a `*`,
   * every name that fits. If one of them changes, appears or goes, the configuration may be another one.
   */
  readonly asked: readonly string[];
}

export interface ParseOptions {
  /** Accept port 0 in `listen`: the system picks one. For tests and programs that embed the server. Default: false. */
  readonly allowPortZero?: boolean;
  /** Variables that override the file, such as `SRS_LISTEN`. Default: none. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How many addresses this machine has. Default: what the system says. */
  readonly localAddresses?: number;
  /**
   * Where relative paths of files start from: the folder that the program was started in, which is not where it is after
   * `work_dir`. Default: the working directory.
   */
  readonly cwd?: string;
  /** Where files come from. Default: the files of this machine. */
  readonly reader?: ConfigReader;
}

/** What a configuration without a file is called in messages. */
const ENVIRONMENT = 'environment';

/** Reads and checks a file. Throws a ConfigError with everything that is wrong with it. */
export function loadConfig(file: string, options: ParseOptions = {}): LoadedConfig {
  const result = (options.reader ?? FILE_READER).read(
    path.resolve(options.cwd ?? currentFolder(), file),
    MAX_CONFIG_BYTES,
  );
  if (!result.ok) throw new ConfigError([{ ...whole(file), directive: '', message: result.why }]);
  return parseConfig(result.text, file, options);
}

/** Checks a text; `file` is what messages call it. Throws a ConfigError with everything that is wrong with it. */
export function parseConfig(text: string, file: string, options: ParseOptions = {}): LoadedConfig {
  if (text.length > MAX_CONFIG_BYTES) {
    const message = `is larger than ${MAX_CONFIG_BYTES} bytes`;
    throw new ConfigError([{ ...whole(file), directive: '', message }]);
  }
  const diagnostics = new Diagnostics();
  const tree = parseTree(text, file, diagnostics);
  if (!tree.sound) diagnostics.throwIfAny();
  if (tree.directives.length === 0) {
    diagnostics.error(whole(file), '', 'the file has no directives', { expected: "at least 'listen 1935;'" });
    diagnostics.throwIfAny();
  }
  const included = expandIncludes(tree.directives, file, {
    reader: options.reader ?? FILE_READER,
    diagnostics,
    cwd: options.cwd ?? currentFolder(),
    maxBytes: MAX_CONFIG_BYTES - Buffer.byteLength(text),
  });
  if (!included.sound) diagnostics.throwIfAny();
  const directives = rewriteOldSpellings(included.directives, diagnostics);
  return finish({ ...included, directives }, file, diagnostics, options);
}

/** A configuration without any file. Throws a ConfigError with everything that is wrong with the variables. */
export function loadEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  options: ParseOptions = {},
): LoadedConfig {
  const nothing = { directives: environmentOnlyTree(), files: [], complete: true };
  return finish(nothing, ENVIRONMENT, new Diagnostics(), { ...options, env });
}

/** The passes that a tree goes through, whatever it was made of. */
function finish(
  written: Pick<IncludedTree, 'directives' | 'files' | 'complete'>,
  file: string,
  diagnostics: Diagnostics,
  options: ParseOptions,
): LoadedConfig {
  const tree = overlayEnvironment(written.directives, options.env ?? {}, diagnostics);
  const context = {
    file,
    diagnostics,
    allowPortZero: options.allowPortZero ?? false,
    incomplete: !written.complete,
    localAddresses: options.localAddresses ?? countLocalAddresses(),
  };
  const resolved = resolveOptions(tree, ROOT, context);
  // The one place where the table's run-time reading meets the types derived from the same table.
  const config = resolved.options as unknown as Config;
  checkConfig(config, resolved.origins, file, diagnostics);
  diagnostics.throwIfAny();
  return {
    config: deepFreeze(config),
    warnings: diagnostics.warnings,
    origins: resolved.origins,
    files: written.files,
    asked: [...diagnostics.asked],
  };
}

/** Addresses that others can reach; a machine without any still has its loopback. */
function countLocalAddresses(): number {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return Math.max(1, all.filter(({ internal }) => !internal).length);
}

function whole(file: string): Origin {
  return { file, line: 0, column: 0 };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}
