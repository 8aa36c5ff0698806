import { Command, CommanderError } from 'commander';
import { describeError } from '../base/errors.ts';
import { EXIT } from './io.ts';
import type { CliIo } from './io.ts';
import type { SignFlags } from './sign.ts';
import { selectSource } from './source.ts';
import type { ConfigSource, SourceFlags } from './source.ts';
import { start, testConfig } from './start.ts';

interface Flags extends SourceFlags {
  readonly test?: true;
  readonly version?: true;
  readonly V?: true;
  readonly signature?: true;
  readonly G?: true;
  readonly '?'?: true;
}

/** The `srs` command: `argv` without node and script. Resolves with the exit code; never rejects. */
export async function main(argv: readonly string[], io: CliIo): Promise<number> {
  let code: number = EXIT.ok;
  const command = createCommand(io, async (work) => {
    code = await work();
  });
  try {
    await command.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    io.stderr(`error: ${describeError(error)}\n`);
    return EXIT.failed;
  }
}

/** Runs the work of a command and keeps its exit code. */
type Run = (work: () => number | Promise<number>) => Promise<void>;

function createCommand(io: CliIo, run: Run): Command {
  const root = new Command('srs')
    .description('Live-streaming server: RTMP in, RTMP and HTTP-FLV out.')
    .usage('[-t] -c FILE | [-t] -e | COMMAND | -v | -g | -h')
    .enablePositionalOptions()
    .option('-t, --test', 'only check the configuration')
    .option('-v, --version', 'print the version (to stderr)')
    .option('-V', 'the same as -v')
    .option('-g, --signature', 'print name and version (to stderr)')
    .option('-G', 'the same as -g')
    .helpOption('-h, --help', 'print this help')
    .option('-?', 'the same as -h')
    .addHelpText('after', HELP)
    .helpCommand('help [command]', 'print the help of a command')
    .allowExcessArguments(false)
    .configureOutput({ writeOut: (text) => io.stdout(text), writeErr: (text) => io.stderr(text) })
    .exitOverride();
  withSource(root).action((flags: Flags) => run(() => runFlags(root, flags, io)));
  addConfig(root, io, run);
  withSource(root.command('doctor'))
    .description('look at what usually goes wrong on this machine, and say how to mend it')
    .option('--json', 'print JSON')
    .action((_flags, command: Command) =>
      run(async () => {
        const { doctor } = await import('./doctor/index.ts'); // A start does not need it.
        const flags = command.optsWithGlobals<SourceFlags & { json?: true }>();
        const file = selectSource(flags, io)?.file; // It is of use without a configuration, too.
        return doctor({ configFile: file, env: io.env, json: flags.json === true }, io);
      }),
    );
  addSign(root, io, run);
  return root.allowExcessArguments(); // Not those of its commands; there is a better message for a wrong one.
}

const HELP = `
Variables such as SRS_LISTEN override the file. SRS_CONFIG_FILE names the file, also when -c does; SRS_ENV_ONLY=on is -e.

Exit codes: 0 done, 1 failed, 2 wrong usage, 70 ended by an unexpected error. Those of config diff are those of diff.

Examples:
  srs -c conf/srs.conf
  srs -t -c conf/srs.conf
  srs config show --changed -c conf/srs.conf
  SRS_LISTEN=1935 SRS_HTTP_API_ENABLED=on srs -e`;

function withSource(command: Command): Command {
  return command
    .option('-c, --config <file>', 'with this configuration file')
    .option('-e, --environment', 'without any file: variables only, in the foreground, log on the console');
}

function addSign(root: Command, io: CliIo, run: Run): void {
  withSource(root.command('sign'))
    .description('print a signed URL for a vhost whose access asks for one; see docs/access-tokens.md')
    .requiredOption('--url <url>', 'what to sign, such as rtmp://host/live/show or http://host/live/show.flv')
    .option('--action <action>', 'publish, play or both', 'play')
    .option('--expires <time>', 'until when: 30m, 1h, 7d from now, or Unix seconds', '1h')
    .option('--ip <address>', 'only for this address or network')
    .option('--nonce <id>', 'good for one session, where one_time is on')
    .option('--kbps <number>', 'the most that the session may carry')
    .option('--duration <time>', 'end the session after so long: 90s, 30m, 2h')
    .option('--vhost <name>', 'as the configuration calls it')
    .option('--key <secret>', 'the secret; better in the variable SRS_SIGN_KEY, which other users do not see')
    .option('--key-name <name>', 'the name of the secret')
    .action((_flags, command: Command) =>
      run(async () => {
        const { sign } = await import('./sign.ts');
        return sign(command.optsWithGlobals<SignFlags>(), io);
      }),
    );
}

function addConfig(root: Command, io: CliIo, run: Run): void {
  const config = root.command('config').description('show, compare and describe configurations');
  withSource(config.command('show'))
    .description('print the configuration in force, and where each value comes from; secrets are masked')
    .option('--changed', 'only what differs from the defaults')
    .option('--json', 'print JSON, as `srs config schema` describes it')
    .action((_flags, command: Command) =>
      run(async () => {
        const flags = command.optsWithGlobals<SourceFlags & { changed?: true; json?: true }>();
        const source = sourceOf(command, flags, io);
        if (source === undefined) return EXIT.usage;
        const { configShow } = await import('./config-show.ts');
        return configShow(source, flags, io);
      }),
    );
  config
    .command('diff <A> <B>')
    .description(
      'print what a reload from file A to file B would do; exits with 0 nothing, 1 something, 2 trouble',
    )
    .action((a: string, b: string) =>
      run(async () => {
        const { configDiff } = await import('./config-diff.ts');
        return configDiff(a, b, io, io.env);
      }),
    );
  config
    .command('schema')
    .description('print the JSON Schema of configurations')
    .action(() => run(async () => (await import('./config-show.ts')).printSchema(io)));
}

function runFlags(root: Command, flags: Flags, io: CliIo): number | Promise<number> {
  const [word] = root.args;
  if (word !== undefined) {
    io.stderr(`error: unknown command '${word}'; expected config, doctor or sign, or -c before a file\n\n`);
    root.outputHelp({ error: true });
    return EXIT.usage;
  }
  if (flags['?'] === true) {
    root.outputHelp();
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
  const source = sourceOf(root, flags, io);
  if (source === undefined) return EXIT.usage;
  return flags.test === true ? testConfig(source, io) : start(source, io);
}

/** Undefined after telling that no configuration is named. */
function sourceOf(command: Command, flags: SourceFlags, io: CliIo): ConfigSource | undefined {
  const source = selectSource(flags, io);
  if (source === undefined) {
    io.stderr('error: no configuration file is named\n\n');
    command.outputHelp({ error: true });
  }
  return source;
}
