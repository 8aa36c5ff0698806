import { describeError } from '../base/errors.ts';
import { currentFolder, formatProblem, type Config } from '../config/index.ts';
import { EXIT } from './io.ts';
import type { CliIo } from './io.ts';
import { describeSource, loadSource, reader } from './source.ts';
import type { ConfigSource } from './source.ts';

/** `srs -c FILE`: runs the server. Resolves with its exit code. */
export async function start(source: ConfigSource, io: CliIo): Promise<number> {
  const cwd = currentFolder();
  const reload = reader(source, io); // Before work_dir changes the folder that relative paths start from.
  const loaded = loadSource(source, io);
  if (loaded === undefined) return EXIT.failed;
  try {
    return await io.run({ configFile: source.file, loaded, cwd, reload });
  } catch (error) {
    io.stderr(`error: ${describeError(error)}\n`);
    return EXIT.failed;
  }
}

/**
 * `srs -t -c FILE`: only says what the server would say of the configuration. That this machine lets the process open too few
 * files is a warning, as the file may be meant for another one.
 */
export async function testConfig(source: ConfigSource, io: CliIo): Promise<number> {
  const what = describeSource(source);
  const loaded = loadSource(source, io);
  if (loaded === undefined) {
    io.stderr(`${what} test failed\n`);
    return EXIT.failed;
  }
  for (const warning of loaded.warnings) io.stderr(`warning: ${formatProblem(warning)}\n`);
  const tooFewFiles = await openFilesWarning(loaded.config, io);
  if (tooFewFiles !== undefined) io.stderr(`warning: ${tooFewFiles}\n`);
  io.stdout(`${what} syntax is ok\n${what} test is successful\n`);
  return EXIT.ok;
}

async function openFilesWarning(config: Config, { openFileLimit }: CliIo): Promise<string | undefined> {
  // Not loaded by -v and -h.
  const files = await import('../server/process/open-files.ts');
  const problem = files.openFilesProblem(config.maxConnections, files.listenerCount(config), openFileLimit);
  if (problem === undefined) return undefined;
  const refused = problem.fatal ? '; a start on this machine would be refused' : '';
  return `${problem.what}${refused}: ${problem.mend}`;
}
