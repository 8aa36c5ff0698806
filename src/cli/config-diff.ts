import { describeError } from '../base/errors.ts';
import {
  ConfigError,
  describeChange,
  diffConfig,
  formatProblem,
  loadConfig,
  type ConfigChange,
  type LoadedConfig,
  type Origin,
} from '../config/index.ts';
import { disturbance } from '../server/reload/index.ts';

/** Where the comparison is printed. */
export interface DiffIo {
  stdout(text: string): void;
  stderr(text: string): void;
}

/** Exit codes of `srs config diff`, those of `diff`: 0 = no difference, 1 = differences, 2 = a file cannot be used. */
const DIFF_EXIT = { same: 0, differ: 1, trouble: 2 } as const;

/**
 * Prints what a server that runs with `fileA` would do on a reload if its file were `fileB`: each directive that differs,
 * whether it takes effect at once or with the next start, and who is disturbed. Variables of `env` override both files.
 * Returns one of DIFF_EXIT.
 */
export function configDiff(
  fileA: string,
  fileB: string,
  io: DiffIo,
  env: Readonly<Record<string, string | undefined>> = {},
): number {
  const before = load(fileA, io, env);
  const after = load(fileB, io, env);
  if (before === undefined || after === undefined) return DIFF_EXIT.trouble;
  const changes = diffConfig(before, after);
  if (changes.length === 0) {
    io.stdout('A reload would change nothing.\n');
    return DIFF_EXIT.same;
  }
  const atOnce = changes.filter(({ reload }) => reload !== 'restart');
  const restart = changes.filter(({ reload }) => reload === 'restart');
  const lines = [
    ...section('Applied at once:', atOnce, before, fileB),
    ...section('Needs a restart; a reload leaves the old value:', restart, before, fileB),
    `${count(atOnce.length)} at once, ${count(restart.length)} with the next start.`,
  ];
  io.stdout(`${lines.join('\n')}\n`);
  return DIFF_EXIT.differ;
}

function section(
  title: string,
  changes: readonly ConfigChange[],
  before: LoadedConfig,
  fileB: string,
): string[] {
  if (changes.length === 0) return [];
  return [title, ...changes.map((change) => line(change, before, fileB)), ''];
}

function line(change: ConfigChange, before: LoadedConfig, fileB: string): string {
  const { origin, reload } = change;
  const place = origin === undefined ? '' : ` (${placeOf(origin, fileB)})`;
  const who = reload === 'restart' ? undefined : disturbance(change, before.config);
  return `  ${describeChange(change)}${place}${who === undefined ? '' : `; ${who}`}`;
}

/** `line 7`, or with the file where it is another one: included, or a variable. */
function placeOf({ file, line: number }: Origin, fileB: string): string {
  if (number === 0) return file;
  return file === fileB ? `line ${number}` : `${file}:${number}`;
}

function count(number: number): string {
  return `${number} ${number === 1 ? 'change' : 'changes'}`;
}

function load(
  file: string,
  io: DiffIo,
  env: Readonly<Record<string, string | undefined>>,
): LoadedConfig | undefined {
  try {
    return loadConfig(file, { env });
  } catch (error) {
    // Whatever it is: thrown, it would end in the code that says that the files differ.
    const problems =
      error instanceof ConfigError ? error.problems.map(formatProblem) : [describeError(error)];
    for (const problem of problems) io.stderr(`error: ${problem}\n`);
    return undefined;
  }
}
