import path from 'node:path';
import { Command, CommanderError } from 'commander';
import { describeError } from '../base/errors.ts';
import { ConfigError, formatProblem, loadConfig } from '../config/index.ts';
import type { RunContext } from '../server/run-context.ts';

/** What the command line touches of the world outside. */
export interface CliIo {
  readonly version: string;
  stdout(text: string): void;
  stderr(text: string): void;
  /** Runs the server; resolves with the exit code once it has ended. */
  run(context: RunContext): Promise<number>;
}

/** Exit codes of `srs`. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

interface Flags {
  readonly config?: string;
  readonly test?: true;
  readonly version?: true;
  readonly V?: true;
  readonly signature?: true;
  readonly G?: true;
  readonly '?'?: true;
}

/** The `srs` command: `argv` without node and script. Resolves with the exit code; never rejects. */
export async function main(argv: readonly string[], io: CliIo): Promise<number> {
  const command = createCommand(io);
  try {
    command.parse(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    throw error;
  }
  const flags = command.opts<Flags>();
  if (flags['?'] === true) {
    command.outputHelp();
    return EXIT.ok;
  }
  if (flags.version === true || flags.V === true) {
    io.stderr(`${io.version}\n`);
    return EXIT.ok;
  }
  if (flags.signature === true || flags.G === true) {
    io.stderr(`srs-ts/${io.version}\n`);
    return EXIT.ok;
  }
  if (flags.config === undefined) {
    io.stderr('error: no configuration file is named\n\n');
    command.outputHelp({ error: true });
    return EXIT.usage;
  }
  return flags.test === true ? test(flags.config, io) : start(flags.config, io);
}

function test(file: string, io: CliIo): number {
  const loaded = load(file, io);
  if (loaded === undefined) {
    io.stderr(`the config file ${file} test failed\n`);
    return EXIT.failed;
  }
  for (const warning of loaded.warnings) io.stderr(`warning: ${formatProblem(warning)}\n`);
  io.stdout(`the config file ${file} syntax is ok\nthe config file ${file} test is successful\n`);
  return EXIT.ok;
}

async function start(file: string, io: CliIo): Promise<number> {
  const absolute = path.resolve(file); // work_dir changes the folder that relative paths start from.
  const loaded = load(file, io);
  if (loaded === undefined) return EXIT.failed;
  try {
    return await io.run({ configFile: file, loaded, reload: () => loadConfig(absolute) });
  } catch (error) {
    io.stderr(`error: ${describeError(error)}\n`);
    return EXIT.failed;
  }
}

function load(file: string, io: CliIo): ReturnType<typeof loadConfig> | undefined {
  try {
    return loadConfig(file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) io.stderr(`error: ${formatProblem(problem)}\n`);
    return undefined;
  }
}

function createCommand(io: CliIo): Command {
  return new Command('srs')
    .description('Live-streaming server: RTMP in, RTMP and HTTP-FLV out.')
    .usage('-c FILE | -t -c FILE | -v | -g | -h')
    .option('-c, --config <file>', 'run with this configuration file')
    .option('-t, --test', 'only check the configuration file')
    .option('-v, --version', 'print the version (to stderr)')
    .option('-V', 'the same as -v')
    .option('-g, --signature', 'print name and version (to stderr)')
    .option('-G', 'the same as -g')
    .helpOption('-h, --help', 'print this help')
    .option('-?', 'the same as -h')
    .addHelpText('after', '\nExamples:\n  srs -c conf/srs.conf\n  srs -t -c conf/srs.conf')
    .allowExcessArguments(false)
    .configureOutput({ writeOut: (text) => io.stdout(text), writeErr: (text) => io.stderr(text) })
    .exitOverride();
}
