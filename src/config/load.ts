import { closeSync, openSync, readSync } from 'node:fs';
import { DEFAULT_VHOST } from '../base/names.ts';
import { checkConfig } from './checks.ts';
import { parseTree } from './parser.ts';
import { ConfigError, Diagnostics } from './problem.ts';
import type { ConfigProblem, Origin } from './problem.ts';
import { resolveOptions } from './resolve.ts';
import { ROOT } from './schema/root.ts';
import type { Config, VhostConfig } from './schema/root.ts';

/** A configuration file is read into memory as a whole. */
export const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/** A configuration that can be used. */
export interface LoadedConfig {
  readonly config: Config;
  /** What is odd about it. */
  readonly warnings: readonly ConfigProblem[];
  /** Where each option was written, by its path (`vhosts[0].play.mwLatencyMs`); what is not in it has its default. */
  readonly origins: ReadonlyMap<string, Origin>;
}

export interface ParseOptions {
  /** Accept port 0 in `listen`: the system picks one. For tests and programs that embed the server. Default: false. */
  readonly allowPortZero?: boolean;
}

/** Reads and checks a file. Throws a ConfigError with everything that is wrong with it. */
export function loadConfig(path: string, options: ParseOptions = {}): LoadedConfig {
  return parseConfig(readText(path), path, options);
}

/** Checks a text; `file` is what messages call it. Throws a ConfigError with everything that is wrong with it. */
export function parseConfig(text: string, file: string, options: ParseOptions = {}): LoadedConfig {
  if (text.length > MAX_CONFIG_BYTES) throw tooLarge(file);
  const diagnostics = new Diagnostics();
  const tree = parseTree(text, file, diagnostics);
  if (!tree.sound) diagnostics.throwIfAny();
  if (tree.directives.length === 0) {
    diagnostics.error(whole(file), '', 'the file has no directives', { expected: "at least 'listen 1935;'" });
    diagnostics.throwIfAny();
  }
  const context = { file, diagnostics, allowPortZero: options.allowPortZero ?? false };
  const resolved = resolveOptions(tree.directives, ROOT, context);
  // The one place where the table's run-time reading meets the types derived from the same table.
  const config = resolved.options as unknown as Config;
  checkConfig(config, resolved.origins, file, diagnostics);
  diagnostics.throwIfAny();
  return { config: deepFreeze(config), warnings: diagnostics.warnings, origins: resolved.origins };
}

/**
 * The vhost that serves a name: its own block, else `__defaultVhost__`. Undefined = refuse the client: there is neither,
 * or the one that serves it is off.
 */
export function selectVhost(config: Config, name: string): VhostConfig | undefined {
  const find = (wanted: string): VhostConfig | undefined =>
    config.vhosts.find((vhost) => vhost.name === wanted);
  const vhost = find(name) ?? find(DEFAULT_VHOST);
  return vhost?.enabled === true ? vhost : undefined;
}

function readText(path: string): string {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    const fd = openSync(path, 'r');
    try {
      // Read, not trust the size: the path may be a pipe.
      for (;;) {
        const part = Buffer.alloc(65_536);
        const count = readSync(fd, part);
        if (count === 0) break;
        size += count;
        if (size > MAX_CONFIG_BYTES) break;
        parts.push(part.subarray(0, count));
      }
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    const message = READ_ERRORS[code] ?? `cannot be read (${code})`;
    throw new ConfigError([{ ...whole(path), directive: '', message }]);
  }
  if (size > MAX_CONFIG_BYTES) throw tooLarge(path);
  return Buffer.concat(parts).toString('utf8');
}

const READ_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'is a directory, not a file',
  EACCES: 'may not be read by this user',
};

function whole(file: string): Origin {
  return { file, line: 0, column: 0 };
}

function tooLarge(file: string): ConfigError {
  const message = `is larger than ${MAX_CONFIG_BYTES} bytes`;
  return new ConfigError([{ ...whole(file), directive: '', message }]);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}
