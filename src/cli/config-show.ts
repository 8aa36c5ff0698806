import { configSchema, configToJson, formatProblem, showConfig } from '../config/index.ts';
import { EXIT } from './io.ts';
import type { CliIo } from './io.ts';
import { loadSource } from './source.ts';
import type { ConfigSource } from './source.ts';

/** What `srs config show` prints. */
export interface ShowFlags {
  readonly changed?: boolean;
  readonly json?: boolean;
}

/** `srs config show`: prints the configuration that would be in force; warnings go to stderr. */
export function configShow(
  source: ConfigSource,
  { changed = false, json = false }: ShowFlags,
  io: CliIo,
): number {
  const loaded = loadSource(source, io);
  if (loaded === undefined) return EXIT.failed;
  for (const warning of loaded.warnings) io.stderr(`warning: ${formatProblem(warning)}\n`);
  io.stdout(
    json
      ? `${JSON.stringify(configToJson(loaded, { changed }), undefined, 2)}\n`
      : showConfig(loaded, { changed }),
  );
  return EXIT.ok;
}

/** `srs config schema`: prints the JSON Schema of what `srs config show --json` prints. */
export function printSchema(io: CliIo): number {
  io.stdout(`${JSON.stringify(configSchema(), undefined, 2)}\n`);
  return EXIT.ok;
}
