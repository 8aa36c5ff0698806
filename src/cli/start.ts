import { describeError } from '../base/errors.ts';
import { formatProblem } from '../config/index.ts';
import { EXIT } from './io.ts';
import type { CliIo } from './io.ts';
import { describeSource, loadSource, reader } from './source.ts';
import type { ConfigSource } from './source.ts';

/** `srs -c FILE`: runs the server. Resolves with its exit code. */
export async function start(source: ConfigSource, io: CliIo): Promise<number> {
  const reload = reader(source, io); // Before work_dir changes the folder that relative paths start from.
  const loaded = loadSource(source, io);
  if (loaded === undefined) return EXIT.failed;
  try {
    return await io.run({ configFile: source.file, loaded, reload });
  } catch (error) {
    io.stderr(`error: ${describeError(error)}\n`);
    return EXIT.failed;
  }
}

/** `srs -t -c FILE`: only says what the server would say of the configuration. */
export function testConfig(source: ConfigSource, io: CliIo): number {
  const what = describeSource(source);
  const loaded = loadSource(source, io);
  if (loaded === undefined) {
    io.stderr(`${what} test failed\n`);
    return EXIT.failed;
  }
  for (const warning of loaded.warnings) io.stderr(`warning: ${formatProblem(warning)}\n`);
  io.stdout(`${what} syntax is ok\n${what} test is successful\n`);
  return EXIT.ok;
}
